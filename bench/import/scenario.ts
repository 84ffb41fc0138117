import type { Scenario } from "../_scenario.ts";

const program = "time.mjs";

/** What importing costs. */
export const imports: Scenario = {
  name: "import",
  title: "Import",
  about:
    `From the start of a process to its end, which imports the tool and does nothing. runhost is the
entry of the runtime with the whole core, compiled on Node and Bun and as source on Deno, as their
registries deliver it.`,
  unit: "ms",
  variants: [
    { name: "bare script", program, argument: "bare" },
    { name: "runhost", program, argument: "runhost" },
    { name: "runhost, as one file", program, argument: "runhost bundled" },
    { name: "Effect", program, argument: "effect" },
    { name: "NestJS", program, argument: "nestjs" },
    { name: "awilix-manager", program, argument: "awilix_manager" },
    { name: "systemic", program, argument: "systemic" },
    { name: "@thi.ng/system", program, argument: "thing_system" },
  ],
  goals: [
    {
      text: "at most 1.1x a bare script",
      of: "runhost",
      against: ["bare script"],
      atMost: 1.1,
    },
  ],
  rounds: 3,
  notes:
    `**Why.** Each file costs, and an entry is three: its own, what the runtimes share, and the core, which all
entries share; on JSR it is its sources. _as one file_ is what a bundler makes of the same program,
without what the program does not use. What is left on Bun is the reading of that.`,
};
