import type { Scenario } from "../_scenario.ts";
import { stores } from "../jobs/scenario.ts";

/** What a server of jobs takes that has nothing to do. */
export const idle: Scenario = {
  name: "idle",
  title: "Memory of an idle job server",
  about:
    `The whole process, a second after its server has worked off 200 jobs and garbage was collected. _heap_ is
what the runtime says is in use; _resident_ what the process has of the system, the runtime itself included. The _array_
is a process with jobs in an array, and no store. Redis and PostgreSQL are processes of their own, and not counted.`,
  unit: "kB",
  variants: [{ name: "array", program: "array.mjs", argument: "idle" }, ...stores("idle")],
  goals: [],
  rounds: 3,
};
