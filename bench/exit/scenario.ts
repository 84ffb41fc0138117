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
      text: "at most 1.1x a bare script",
      of: "runhost",
      against: ["bare script"],
      atMost: 1.1,
    },
  ],
  rounds: 4,
  notes:
    `**Why.** After a signal the handlers stay for 10 ms, so that its echo (watchers and task runners pass one Ctrl+C
on two or three times) does not kill a process that has just stopped cleanly. Without that wait (tried by hand) it was 5.4 ms
against the bare script's 3.4 on Node, 3.0 against 2.2 on Bun: all of the stop is code that runs for
the first time.`,
};
