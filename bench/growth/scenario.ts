import type { Scenario } from "../_scenario.ts";

/** What a store of jobs takes longer for when much is waiting in it. */
export const growth: Scenario = {
  name: "growth",
  title: "Jobs: growth",
  about:
    `A SQLite store in which 1 000 or 1 000 000 jobs wait (1 000 and 20 000 in the quick form): 16 at a time are
stored, and taken and settled. The time of one of them.`,
  unit: "µs",
  variants: [
    { name: "1 000", program: "sqlite.mjs", argument: "1000" },
    { name: "1 000 000", program: "sqlite.mjs", argument: "1000000" },
  ],
  runtimes: ["node"],
  goals: [{
    text: "at most 1.5x of 1 000",
    of: "1 000 000",
    against: ["1 000"],
    atMost: 1.5,
  }],
  rounds: 3,
};
