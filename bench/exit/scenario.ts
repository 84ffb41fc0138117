import type { Scenario } from "../_scenario.ts";

/** From the signal to the end. */
export const exit: Scenario = {
  name: "exit",
  title: "SIGTERM to exit",
  about:
    `A process with an idle HTTP server gets SIGTERM, closes the server, then something else, and
ends. The server is the runtime's own; terminus and http-graceful-shutdown know only that of
\`node:http\`. close-with-grace cannot be used on Deno, which does not let it listen to SIGILL.`,
  unit: "ms",
  variants: [
    { name: "bare script", program: "bare.mjs" },
    { name: "runhost", program: "runhost.mjs" },
    {
      name: "close-with-grace",
      program: "close_with_grace.mjs",
      runtimes: ["node", "bun"],
    },
    { name: "terminus", program: "terminus.mjs" },
    { name: "http-graceful-shutdown", program: "http_graceful_shutdown.mjs" },
  ],
  goals: [
    {
      text: "at most 1.5x a bare script",
      of: "runhost",
      against: ["bare script"],
      atMost: 1.5,
    },
  ],
  rounds: 4,
  notes: "**Why not 1x.** All of the stop is code that runs for the first time.",
};
