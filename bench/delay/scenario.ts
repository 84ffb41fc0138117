import type { Scenario } from "../_scenario.ts";

/** Abortable delays. */
export const delay: Scenario = {
  name: "delay",
  title: "Delay",
  about:
    `20 000 delays of 1 ms at once (2 000 in the quick form), the time divided by their number: what
each costs to make, to fire and to clean up. _no signal_: nothing can end it early. _signal_: each has
a signal of its own that does not abort. _aborted_: delays of a minute that are aborted, and awaited.
The _raw setTimeout_ does by hand what the case needs.`,
  unit: "µs",
  variants: [
    { name: "raw setTimeout", program: "bare.mjs" },
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
    `**Why.** Where it is missed without a signal, it is the function that ends a timer early: it is made for every
timer, and raw \`setTimeout\` has none.`,
};
