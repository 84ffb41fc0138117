/** What all storages, and all that use them, agree on. */
import type { JobState, QueueRecord } from "./job_record.ts";

/** The states of a job that has ended. */
export const endedStates: readonly JobState[] = ["succeeded", "failed", "cancelled"];

/** All states, in the order of a life. */
export const jobStates: readonly JobState[] = [
  "awaiting",
  "scheduled",
  "enqueued",
  "processing",
  ...endedStates,
];

/** How many attempts that are over, and lines of its log, are kept of a job: the newest. */
export const mostAttempts = 50;
export const mostLines = 1_000;

/** How many of the newest jobs a search looks at. */
export const mostSearched = 10_000;

/** Milliseconds that the counts of a minute are kept, and a server that was not heard of. */
export const keptMinutes: number = 24 * 60 * 60 * 1_000;
export const keptServers: number = 60 * 60 * 1_000;

/** How many jobs of some queues are in each state. */
export function sumCounts(queues: readonly QueueRecord[]): Record<JobState, number> {
  const entries = jobStates.map((state) =>
    [state, queues.reduce((sum, { counts }) => sum + counts[state], 0)] as const
  );
  return Object.fromEntries(entries) as Record<JobState, number>;
}
