import type { Scenario } from "../_scenario.ts";

/** What jobs in PostgreSQL take longer for among many that have ended. */
export const history: Scenario = {
  name: "history",
  title: "Jobs: a long history, in PostgreSQL",
  about:
    `4 000 jobs wait among 1 000 that have ended, or among 200 000 that have failed and 1 000 000 that were done
(24 000 in the quick form): 16 at a time are stored, and taken and settled. The time of one of them.`,
  unit: "µs",
  variants: [
    { name: "1 000", program: "postgres.mjs", argument: "1", needs: "POSTGRES_URL" },
    { name: "1 200 000", program: "postgres.mjs", argument: "1200", needs: "POSTGRES_URL" },
  ],
  runtimes: ["node"],
  goals: [{
    text: "at most 1.5x of 1 000",
    of: "1 200 000",
    against: ["1 000"],
    atMost: 1.5,
  }],
  rounds: 3,
};
