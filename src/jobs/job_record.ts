/**
 * Where a job is in its life. It waits in the first three, and has ended in the last three:
 *
 * - `awaiting`: for the jobs it comes `after`;
 * - `scheduled`: for its time, that of a retry too;
 * - `enqueued`: for a place on a server;
 * - `processing`: a server has it in its hands;
 * - `succeeded`, `failed` (where its last attempt ended), `cancelled`.
 */
export type JobState =
  | "awaiting"
  | "scheduled"
  | "enqueued"
  | "processing"
  | "succeeded"
  | "failed"
  | "cancelled";

/** When a job that comes `after` others may run: each has `succeeded`, or has `ended` in any way. */
export type ParentCondition = "succeeded" | "ended";

/** Until when a job keeps others with its key away: until it has `started`, or has `ended`. */
export type KeyLifetime = "started" | "ended";

/** One attempt at a job that is over. */
export interface AttemptRecord {
  /** Its number, from 1; an attempt that was interrupted has the number of the next one, too. */
  readonly attempt: number;
  /** When it began, in milliseconds since 1970, as all times of a record; by the storage's clock. */
  readonly startedAt: number;
  /** When it was over. */
  readonly endedAt: number;
  /** The id of the server. */
  readonly server: string;
  /** What the job became by it: `enqueued` if the attempt was interrupted and does not count. */
  readonly state: JobState;
  /** What it failed with, as text. */
  readonly error?: string | undefined;
}

/** One line that a job has written to its own log. */
export interface JobLogLine {
  /** When it was written, by the clock of its server. */
  readonly at: number;
  /** The line. */
  readonly text: string;
}

/** A job as the storage has it. Times are milliseconds since 1970, by the storage's clock. */
export interface JobRecord {
  /** Its own. */
  readonly id: string;
  /** The name of its definition. */
  readonly name: string;
  /** The queue it waits in. */
  readonly queue: string;
  /** The higher, the sooner; a whole number. */
  readonly priority: number;
  /** Where it is in its life. */
  readonly state: JobState;
  /** JSON. */
  readonly input: string;
  /** What travels with it: the context of a trace, say. */
  readonly headers: Readonly<Record<string, string>>;
  /** When it was added. */
  readonly createdAt: number;
  /** From when on it may run, or might. */
  readonly dueAt: number;
  /** When its last attempt began. */
  readonly startedAt?: number | undefined;
  /** When it ended for good. */
  readonly endedAt?: number | undefined;
  /** Attempts that count, the one that runs among them. */
  readonly attempt: number;
  /** Whether it was asked to end while it is `processing`. */
  readonly cancelRequested: boolean;
  /** Its key among the jobs of its name, if it has one. */
  readonly key?: string | undefined;
  /** Until when it has the key. */
  readonly keyUntil: KeyLifetime;
  /** Jobs that it comes after. */
  readonly parents: readonly string[];
  /** What those must have become. */
  readonly parentsOn: ParentCondition;
  /** The recurring job that made it. */
  readonly recurring?: string | undefined;
  /** The id of the server that has it, or had it last. */
  readonly server?: string | undefined;
  /** JSON, as the handler last said. */
  readonly progress?: string | undefined;
  /** JSON, once it has `succeeded`. */
  readonly result?: string | undefined;
  /** What its last attempt failed with, as text; what was wrong with its result, once it has `succeeded`. */
  readonly error?: string | undefined;
  /** Its attempts that are over, the last 50 at most, oldest first. */
  readonly attempts: readonly AttemptRecord[];
}

/** A job with what is asked for only one at a time. */
export interface JobDetails extends JobRecord {
  /** Jobs that come after it. */
  readonly children: readonly string[];
  /** Its log, the last 1000 lines at most, oldest first. */
  readonly log: readonly JobLogLine[];
}

/** Which jobs are meant; all conditions that are set must hold. */
export interface JobFilter {
  /** One of these. */
  readonly state?: JobState | readonly JobState[] | undefined;
  /** The queue they wait in. */
  readonly queue?: string | undefined;
  /** The name of the definition. */
  readonly job?: string | undefined;
  /**
   * A text that the id, the name, the key, the input or the error contains, in upper or lower case. Looked for in
   * the newest 10 000 jobs that the other conditions and the cursor leave.
   */
  readonly search?: string | undefined;
  /** The recurring job that made it. */
  readonly recurring?: string | undefined;
  /** Made at this time or later, in milliseconds since 1970. */
  readonly from?: number | undefined;
  /** Made before this time. */
  readonly to?: number | undefined;
}

/** A part of a list of jobs. */
export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobRecord[];
  /** Where the next part begins; `undefined` if there is none. */
  readonly next?: string | undefined;
}

/** A queue of which the storage knows, because it has jobs or is paused. */
export interface QueueRecord {
  /** Its name. */
  readonly queue: string;
  /** Whether no server takes from it. */
  readonly paused: boolean;
  /** How many jobs are in each state. */
  readonly counts: Readonly<Record<JobState, number>>;
  /** Since when the oldest of those `enqueued` could have run. */
  readonly oldestDueAt?: number | undefined;
}

/** What ended in a queue within a minute. */
export interface MinuteRecord {
  /** When the minute began. */
  readonly minute: number;
  /** The queue. */
  readonly queue: string;
  /** Jobs that were done. */
  readonly succeeded: number;
  /** Jobs whose last attempt failed. */
  readonly failed: number;
  /** Attempts that began. */
  readonly started: number;
  /** Milliseconds that those had waited since they were due, all together. */
  readonly waited: number;
  /** Milliseconds that those which ended took, all together. */
  readonly ran: number;
}

/** A server that works on jobs of the storage. */
export interface ServerRecord {
  /** Its own, in each of its runs another. */
  readonly id: string;
  /** What its host calls it. */
  readonly name: string;
  /** Where it runs: host and process, as far as the runtime tells. */
  readonly location: string;
  /** When it was first heard of. */
  readonly startedAt: number;
  /** When it was last heard of. */
  readonly seenAt: number;
  /** The queues that it works off, and how many jobs of each at the same time. */
  readonly queues: Readonly<Record<string, number>>;
  /** How many jobs it has in its hands. */
  readonly active: number;
}

/** A recurring job as it is stored. */
export interface RecurringRecord {
  /** Its own. */
  readonly id: string;
  /** The name of the definition. */
  readonly job: string;
  /** The queue its jobs wait in. */
  readonly queue: string;
  /** Their priority. */
  readonly priority: number;
  /** Their input, as JSON. */
  readonly input: string;
  /** Their key. */
  readonly key?: string | undefined;
  /** Until when each has it. */
  readonly keyUntil: KeyLifetime;
  /** Whether the next job may be made while the last one has not ended. */
  readonly overlap: boolean;
  /** A cron pattern. */
  readonly pattern: string;
  /** Such as `Europe/Berlin`; UTC if it is not set. */
  readonly timeZone?: string | undefined;
  /** What becomes of moments that passed without a run. */
  readonly missed: "runOnce" | "skip";
  /** When the next job is due; `undefined` if there is none to come. */
  readonly nextAt?: number | undefined;
  /** When the last job was made by the schedule, or by a trigger. */
  readonly lastAt?: number | undefined;
  /** That job. */
  readonly lastJob?: string | undefined;
  /** Where that job is in its life, if it is still stored. */
  readonly lastState?: JobState | undefined;
}
