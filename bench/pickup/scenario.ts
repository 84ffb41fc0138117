import type { Scenario } from "../_scenario.ts";
import { stores } from "../jobs/scenario.ts";

/** How long a job waits for a server that has nothing to do. */
export const pickup: Scenario = {
  name: "pickup",
  title: "From the enqueue to the handler",
  about:
    `One job at a time for a server that has nothing else to do, 200 times (30 in the quick form): from the call
that stores it to the handler, in one process. pg-boss and graphile-worker hear of it by \`NOTIFY\`.`,
  unit: "ms",
  variants: stores("pickup"),
  goals: [{
    text: "median at most 5 ms",
    of: "runhost, SQLite",
    cases: ["median"],
    atMost: 5,
  }],
  rounds: 3,
};
