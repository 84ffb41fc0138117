import type { ServiceContext } from "../types.ts";
import type {
  JobDetails,
  JobFilter,
  JobLogLine,
  JobPage,
  JobRecord,
  JobState,
  KeyLifetime,
  MinuteRecord,
  ParentCondition,
  QueueRecord,
  RecurringRecord,
  ServerRecord,
} from "./job_record.ts";

/** A job that is to be stored. */
export interface NewJob {
  /** Its own. */
  readonly id: string;
  /** The name of its definition. */
  readonly name: string;
  /** The queue it waits in. */
  readonly queue: string;
  /** The higher, the sooner. */
  readonly priority: number;
  /** JSON. */
  readonly input: string;
  /** What travels with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds from now before which it may not run, by the storage's clock; at once if this and `at` are not set. */
  readonly delay?: number | undefined;
  /** The time before which it may not run, in milliseconds since 1970. */
  readonly at?: number | undefined;
  /** Its key among the jobs of its name. */
  readonly key?: string | undefined;
  /** Until when it has the key. */
  readonly keyUntil: KeyLifetime;
  /** Jobs that it comes after. */
  readonly parents: readonly string[];
  /** What those must have become. */
  readonly parentsOn: ParentCondition;
  /** The recurring job that makes it. */
  readonly recurring?: string | undefined;
}

/** What has become of a {@linkcode NewJob}. */
export interface AddedJob {
  /** Its id; that of another one if that keeps it away by its key. */
  readonly id: string;
  /** `false` if there was a job of this id, or one with its key. */
  readonly added: boolean;
}

/** A server's hold on a job: nobody else takes or settles it meanwhile. */
export interface Hold {
  /** The id of the job. */
  readonly id: string;
  /** Another one with each take of the job. */
  readonly token: number;
}

/** A job in the hands of a server. */
export interface HeldJob extends JobRecord, Hold {}

/** What a server wants to take. */
export interface TakeOptions {
  /** Which queue it takes from. */
  readonly queue: string;
  /** The names of the jobs that the server knows. */
  readonly names: readonly string[];
  /** How many at most, 1 or more. */
  readonly max: number;
  /** Its id. */
  readonly server: string;
  /** Milliseconds that the hold lasts. */
  readonly holdTimeout: number;
}

/** What a server has got. */
export interface Taken {
  /** Jobs that are its own from now on. */
  readonly jobs: readonly HeldJob[];
  /**
   * In how many milliseconds the next job of the queue that is `scheduled` now is due, whatever its name;
   * `undefined` if there is none, or the queue is paused.
   */
  readonly dueIn?: number | undefined;
}

/** What has become of an attempt. */
export type Settlement =
  /** It is done. `error` is what was wrong with its result. */
  | {
    readonly state: "succeeded";
    readonly result?: string | undefined;
    readonly error?: string | undefined;
  }
  /** It has failed for the last time. */
  | { readonly state: "failed"; readonly error: string }
  /** It has failed, and is tried again in so many milliseconds. */
  | { readonly state: "scheduled"; readonly delay: number; readonly error: string }
  /** It was interrupted, which does not count as an attempt. */
  | { readonly state: "enqueued" };

/** Whether a hold still stands: `cancelRequested` if it does, and the job is to end. */
export type HoldState = "held" | "cancelRequested" | "lost";

/** What a handler has said. */
export interface JobNote {
  /** JSON, in place of what it said last. */
  readonly progress?: string | undefined;
  /** To be added to its log; the times are the server's. */
  readonly log?: readonly JobLogLine[] | undefined;
}

/** The next job of a recurring one. */
export interface RecurringFiring {
  /** The id of the recurring job. */
  readonly id: string;
  /** `nextAt` as it was read. */
  readonly seenAt: number;
  /** When the one after is due; `undefined` if there is none to come. */
  readonly nextAt: number | undefined;
  /** What is to be stored; without it, the moment passes without a job. */
  readonly job?: NewJob | undefined;
}

/** How long jobs are kept after their end, in milliseconds. */
export interface Retention {
  /** Those that were done. */
  readonly succeeded: number;
  /** Those whose last attempt failed. */
  readonly failed: number;
  /** Those that were cancelled. */
  readonly cancelled: number;
}

/**
 * Where jobs are kept: the port that stores implement, one for each engine. A job server and its clients use it; a
 * program has no need to call it.
 *
 * Each call is one transaction: it holds whole or not at all. A call that rejects may have held, if the engine could
 * not tell; whoever calls it again must bear that. No call waits without a limit. Texts of JSON come back as they were given. Time is that of the
 * storage, so that servers whose clocks differ agree.
 *
 * What it has to keep, beyond what its members say:
 *
 * - A job is `awaiting` until each of its `parents` has met `parentsOn`, then `scheduled` until it is due, then
 *   `enqueued`. A job that is due counts as `enqueued`, at the latest with the next `take` of its queue.
 * - When a job becomes `cancelled`, those that come after it on `succeeded` become that, too, and so on.
 * - A job has its key from the moment it is added until its first take (`started`) or its end (`ended`); of a name and key
 *   one job at most has it. A job that is to be tried again has it again if nobody else has it.
 * - A job that has ended keeps its result, its error and its attempts until it is purged or queued again.
 *
 * `jobStorageContract` of the test kit checks all of it.
 */
export interface JobStorage {
  /**
   * Opens it, makes or updates its tables, and refuses those of a newer version. Called by each server and each
   * client, whose start waits for it; it closes with the last `stop`.
   *
   * @param signal Aborts when the start is cancelled.
   */
  start(signal: AbortSignal, context: ServiceContext): Promise<void>;

  /** Ends what one `start` has begun. What is called afterwards may reject. */
  stop(): Promise<void>;

  /** Gives the time of the storage, in milliseconds since 1970. */
  now(): Promise<number>;

  /**
   * Calls back when there may be something new in a queue, or in any if it is not told which: jobs that can be taken, a
   * job to cancel, the end of a pause. From this process, and from others as soon as the engine tells.
   *
   * @returns Ends it.
   */
  onWake(listener: (queue?: string) => void): () => void;

  /**
   * Stores jobs, all or none.
   *
   * @param transaction The caller's own, as the store documents it: the jobs are there if and when it commits.
   * @returns In the order of the jobs.
   * @throws {MissingParentError} If a parent is not stored, nor in front of it in the same call; as a rejection.
   */
  add(jobs: readonly NewJob[], transaction?: unknown): Promise<readonly AddedJob[]>;

  /**
   * Takes jobs that are due, of the highest priority first, then of the earliest due time, then of the earliest `add`;
   * none while the queue is paused. Each becomes `processing` with one attempt more and a new token.
   */
  take(options: TakeOptions): Promise<Taken>;

  /**
   * Makes holds last for `holdTimeout` milliseconds from now, if they still stand. One that has run out is `lost`, though
   * nobody has settled it yet: somebody may have seen it, and be about to.
   *
   * @returns In the order of the holds.
   */
  extend(holds: readonly Hold[], holdTimeout: number): Promise<readonly HoldState[]>;

  /**
   * Says what has become of an attempt, and ends the hold.
   *
   * @returns The state that the job has now; `cancelled` if it was requested before. `false` if the hold was
   * lost: then nothing has changed.
   */
  settle(hold: Hold, settlement: Settlement): Promise<JobState | false>;

  /** Stores what a handler says; nothing if the hold was lost. */
  note(hold: Hold, note: JobNote): Promise<void>;

  /**
   * Gives jobs whose hold has run out, so that their end can be settled by whoever sees it first.
   *
   * @param names Of the jobs that are meant.
   */
  expired(names: readonly string[], max: number): Promise<readonly HeldJob[]>;

  /**
   * Cancels jobs: at once if they wait, by a request if they are processing.
   *
   * @returns The ids of those that were neither ended nor unknown.
   */
  cancel(ids: readonly string[]): Promise<readonly string[]>;

  /** Gives the ids of jobs in the hands of a server that were asked to end. Asked often: it must be quick. */
  cancelRequests(server: string): Promise<readonly string[]>;

  /**
   * Queues jobs again that have ended, as if they had never run (their attempts begin at 1, the records of the old ones stay), and
   * lets those that are scheduled run at once. They wait for none of their parents: somebody has asked for them.
   *
   * @returns The ids of those for which that was done: not of one that awaits, is enqueued or processing, is unknown, or whose
   * key another job has that has not ended.
   */
  requeue(ids: readonly string[]): Promise<readonly string[]>;

  /** Gives one job; `undefined` if it is not stored. */
  get(id: string): Promise<JobDetails | undefined>;

  /**
   * Gives jobs, newest first.
   *
   * @param limit How many at most, 1 or more.
   * @param after `next` of the page before.
   */
  list(filter: JobFilter, limit: number, after?: string): Promise<JobPage>;

  /** Gives each queue that has jobs or is paused, by name. */
  queues(): Promise<readonly QueueRecord[]>;

  /** Lets no server take from a queue, or does again. */
  pause(queue: string, paused: boolean): Promise<void>;

  /** Gives the recurring jobs, by id. */
  recurring(): Promise<readonly RecurringRecord[]>;

  /**
   * Stores a recurring job.
   *
   * @returns `false` if all of it but `nextAt` was stored already: then nothing has changed.
   */
  putRecurring(
    recurring: Omit<RecurringRecord, "lastAt" | "lastJob" | "lastState">,
  ): Promise<boolean>;

  /** Forgets a recurring job; its jobs stay. Gives whether there was one. */
  removeRecurring(id: string): Promise<boolean>;

  /**
   * Makes the next job of a recurring one, and sets when the one after is due, unless somebody else has.
   *
   * @returns What has been done: `busy` if the last job has not ended and the stored `overlap` does not allow another, `passed` if
   * somebody else has fired it, or it is not stored any more. Nothing has changed in these two.
   */
  fireRecurring(firing: RecurringFiring): Promise<"fired" | "busy" | "passed">;

  /**
   * Makes a job of a recurring one now; its times stay, besides `lastAt` and `lastJob`.
   *
   * @returns `undefined` if that is not stored.
   */
  triggerRecurring(id: string, job: NewJob): Promise<AddedJob | undefined>;

  /** Stores that a server lives, by its id, and adds what has happened there to the counts of the minutes. */
  beat(
    server: Omit<ServerRecord, "seenAt" | "startedAt">,
    minutes: readonly MinuteRecord[],
  ): Promise<void>;

  /** Forgets a server that has stopped. */
  removeServer(id: string): Promise<void>;

  /** Gives the servers, by their start. */
  servers(): Promise<readonly ServerRecord[]>;

  /** Gives the counts of the minutes from a time on, of a day at most, oldest first. */
  minutes(from: number): Promise<readonly MinuteRecord[]>;

  /**
   * Deletes jobs that ended longer ago than they are kept, but none whose child is `awaiting`; counts of minutes older
   * than a day; and servers that were not heard of for an hour.
   *
   * @param max How many jobs at most.
   * @returns How many jobs were deleted.
   */
  purge(retention: Retention, max: number): Promise<number>;
}
