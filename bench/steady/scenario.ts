import type { Scenario } from "../_scenario.ts";

/** What a worker's loop leaves behind. */
export const steady: Scenario = {
  name: "steady",
  title: "Memory over 1 000 000 ticks",
  about:
    `How much the memory grows over the second half of 1 000 000 ticks on one signal (100 000 in the
quick form), garbage collected before each look. _heap_ is what the runtime says is in use; _resident_
what the process has of the system, which a runtime is slow to give back. A listener left behind would
be 25 000 kB. The clock is one that turns with the event loop; a million real ticks would take a quarter
of an hour.`,
  unit: "kB",
  ratios: false,
  variants: [
    { name: "raw loop", program: "bare.mjs" },
    { name: "runhost", program: "runhost.mjs" },
  ],
  goals: [
    {
      text: "flat: below 16 bytes a tick, the smallest object, so 8 000 kB",
      of: "runhost",
      atMost: 8_000,
    },
  ],
  rounds: 3,
};
