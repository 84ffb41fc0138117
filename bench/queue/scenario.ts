import { dotnet, type Scenario } from "../_scenario.ts";

/** Tasks through an in-memory queue. */
export const queue: Scenario = {
  name: "queue",
  title: "Task queue",
  about: `Async functions that do nothing are handed over, 100 000 in one go (20 000 in the quick
form), and run 1 or 16 at a time. _runhost_ is a \`TaskQueue\` in a host. _fastq_ is its promise
interface, _fastq, callbacks_ the other one, whose \`push\` makes no promise. The _bare loops_ take
from an array; .NET's row is the queued hosted service of its documentation, on all cores.`,
  unit: "million/s",
  variants: [
    { name: "bare loops", program: "bare.mjs" },
    { name: "runhost", program: "runhost.mjs" },
    { name: "fastq", program: "fastq.mjs" },
    { name: "fastq, callbacks", program: "fastq_callback.mjs" },
    { name: "p-queue", program: "p_queue.mjs" },
    dotnet,
  ],
  goals: [
    {
      text: "at least fastq",
      of: "runhost",
      against: ["fastq", "fastq, callbacks"],
      atLeast: 1,
    },
    {
      text: "at least 5x p-queue",
      of: "runhost",
      against: ["p-queue"],
      atLeast: 5,
    },
  ],
  rounds: 3,
  notes:
    `**Why.** A task here has a signal for the end of the grace, a count of how it ended, and a place in what a
forced stop hands back; \`fastq\` with callbacks keeps none of it and makes no promise. On Bun, whose
promises cost more than all the rest of that, this shows.`,
};
