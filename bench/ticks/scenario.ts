import type { Scenario } from "../_scenario.ts";

/** Periodic ticks. */
export const ticks: Scenario = {
  name: "ticks",
  title: "Periodic ticks",
  about:
    `A loop over 1 000 ticks of 1 ms (300 in the quick form) on one signal; the processor's time,
divided by their number. Most of it is the runtime waking up. The _raw setTimeout_ loop drifts: it waits
a millisecond after the body's end, where \`every\` keeps its rate.`,
  unit: "µs",
  variants: [
    { name: "raw setTimeout", program: "bare.mjs" },
    { name: "raw, at a rate", program: "bare_rate.mjs" },
    { name: "runhost", program: "runhost.mjs" },
    { name: "node:timers/promises", program: "node_timers.mjs" },
  ],
  goals: [
    {
      text: "at most 1.2x raw",
      of: "runhost",
      against: ["raw setTimeout"],
      atMost: 1.2,
    },
  ],
  rounds: 3,
  notes:
    `**Why.** Once optimized, a tick costs a tenth of a microsecond more than the loop written by hand; with so
few ticks in a process most of the code is still interpreted, and \`every\` has more of it. What it does
besides, to keep the rate, is not the reason: see the row that does so by hand.`,
};
