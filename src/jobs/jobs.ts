import type { ParentCondition } from "./job_record.ts";
import type {
  JobDetails,
  JobFilter,
  JobPage,
  JobState,
  MinuteRecord,
  QueueRecord,
  RecurringRecord,
  ServerRecord,
} from "./job_record.ts";
import type { Job } from "./job.ts";
import type { JobEvent } from "./job_event.ts";

/**
 * The id of a job, which knows what the job results in.
 *
 * @typeParam Output What its handler returns.
 */
export type JobId<Output = unknown> = string & {
  /** Never there: it keeps the type. */
  readonly "~output"?: () => Output;
};

/** How a job is enqueued. */
export interface EnqueueOptions {
  /**
   * Its id. If there is a job of this id already, that one stays as it is, and no other is made.
   *
   * @default {a random one}
   */
  readonly id?: string | undefined;
  /**
   * The higher, the sooner; a whole number.
   *
   * @default {that of the definition}
   */
  readonly priority?: number | undefined;
  /** Milliseconds from now before which it does not run, by the storage's clock. */
  readonly delay?: number | undefined;
  /** The time before which it does not run, in place of `delay`. */
  readonly at?: Date | number | undefined;
  /** The job, or jobs, that it comes after. */
  readonly after?: string | readonly string[] | undefined;
  /**
   * Whether those must have succeeded, or only have ended.
   *
   * @default {"succeeded"}
   */
  readonly on?: ParentCondition | undefined;
  /** A transaction of the caller's, as the storage documents it: the job is there if and when it commits. */
  readonly transaction?: unknown;
  /** What travels with it: the context of a trace, say. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The same for several, which cannot share an id. */
export type EnqueueAllOptions = Omit<EnqueueOptions, "id">;

/** Which part of the jobs is wanted, and how many. */
export interface ListOptions extends Omit<JobFilter, "from" | "to"> {
  /** Made at this time or later. */
  readonly from?: Date | number | undefined;
  /** Made before this time. */
  readonly to?: Date | number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  /**
   * How many at most; a whole number from 1 to 1000.
   *
   * @default {100}
   */
  readonly limit?: number | undefined;
}

/** When a recurring job is due, and what it is given. */
export interface Recurring<Input = unknown> {
  /** What is run. */
  // deno-lint-ignore no-explicit-any -- what its handler sees and returns does not matter here
  readonly job: Job<any, any, Input>;
  /** What it is given each time. */
  readonly input: NoInfer<Input>;
  /** A cron pattern of five fields, or six with seconds in front, as `cron` of `@runhost/host/cron` reads it. */
  readonly pattern: string;
  /**
   * Whose clock the pattern goes by, such as `Europe/Berlin`.
   *
   * @default {"UTC"}
   */
  readonly timeZone?: string | undefined;
  /**
   * What becomes of moments that pass without a job, because no server runs or the last job has not ended: one job for all
   * of them as soon as possible, or none. Under `skip`, a moment counts as missed when it is a minute late.
   *
   * @default {"runOnce"}
   */
  readonly missed?: "runOnce" | "skip" | undefined;
}

/** How many jobs are in each state. */
export type JobCounts = Readonly<Record<JobState, number>>;

/** What a program does with jobs: what a `jobServer` and a `jobClient` offer. Each call rejects with a `HostStateError` before the start and after the stop. */
export interface Jobs {
  /**
   * Stores a job, to be run by a server soon.
   *
   * @returns Its id; that of the job that waits already, if that has the same id or the same key. The job survives the
   * process from then on.
   * @throws {InputError} If its schema refuses the input; as a rejection, like all others here.
   * @throws {TypeError} If the input cannot be written as JSON, or an option has the wrong type.
   * @throws {RangeError} If the input is larger than 256 KiB as JSON, or an option is out of range.
   * @throws {MissingParentError} If a job of `after` is not stored.
   */
  enqueue<Output, Input>(
    // deno-lint-ignore no-explicit-any -- what the handler sees does not matter here
    job: Job<any, Output, Input>,
    input: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<JobId<Output>>;

  /** Stores several jobs, all or none; see {@linkcode Jobs.enqueue}. */
  enqueueAll<Output, Input>(
    // deno-lint-ignore no-explicit-any -- as above
    job: Job<any, Output, Input>,
    inputs: Iterable<NoInfer<Input>>,
    options?: EnqueueAllOptions,
  ): Promise<JobId<Output>[]>;

  /**
   * Ends a job: at once if it waits. If it runs, its signal aborts within a second, and it is `cancelled` when its
   * attempt has ended, however that ends.
   *
   * @returns `false` if it has ended, or is not stored.
   */
  cancel(id: string): Promise<boolean>;

  /** Cancels all jobs that a filter meets; gives how many. */
  cancelAll(filter: JobFilter): Promise<number>;

  /**
   * Queues a job again that has ended, with all its attempts; lets one that is scheduled run at once. It waits for none
   * of those it came `after`.
   *
   * @returns `false` if it awaits another, is enqueued or runs already, is not stored, or another job that has not ended has its key.
   */
  requeue(id: string): Promise<boolean>;

  /** Queues all jobs again that a filter meets; gives how many. */
  requeueAll(filter: JobFilter): Promise<number>;

  /** Gives all that is known of a job; `undefined` if it is not stored. */
  get(id: string): Promise<JobDetails | undefined>;

  /**
   * Waits for the end of a job.
   *
   * @returns What its handler returned, as JSON tells it.
   * @throws {JobFailedError} If it failed, was cancelled, or is not stored (any more); as a rejection.
   */
  result<Output>(
    id: JobId<Output>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Output>;

  /** Gives jobs, newest first, a page at a time. */
  list(options?: ListOptions): Promise<JobPage>;

  /** Gives how many jobs are in each state, in one queue or in all. */
  counts(queue?: string): Promise<JobCounts>;

  /** Gives each queue that has jobs or is paused. */
  queues(): Promise<readonly QueueRecord[]>;

  /** Gives the time by the storage's clock, in milliseconds since 1970: what the times of records are to be compared with. */
  now(): Promise<number>;

  /** Gives what has ended in each minute of each queue, from a time on, of a day at most. */
  minutes(from: Date | number): Promise<readonly MinuteRecord[]>;

  /** Lets no server take jobs from a queue. What runs goes on. */
  pause(queue: string): Promise<void>;

  /** Lets servers take from it again. */
  resume(queue: string): Promise<void>;

  /**
   * Stores a recurring job. The same again changes nothing; a changed one counts from now.
   *
   * @throws {InputError} If its schema refuses the input; as a rejection, like all others here.
   * @throws {RangeError} If there is no such time zone, or the pattern cannot be read.
   */
  addOrUpdate<Input>(id: string, recurring: Recurring<Input>): Promise<void>;

  /** Forgets a recurring job; its jobs stay. Gives whether there was one. */
  removeIfExists(id: string): Promise<boolean>;

  /**
   * Makes a job of a recurring one now, whether or not the last has ended. Its schedule stays.
   *
   * @returns The id; `undefined` if there is no such recurring job.
   */
  trigger(id: string): Promise<JobId | undefined>;

  /** Gives the recurring jobs. */
  recurring(): Promise<readonly RecurringRecord[]>;

  /** Gives the servers that work on the jobs. */
  servers(): Promise<readonly ServerRecord[]>;

  /**
   * Calls back on what happens to jobs here, in this server or client: not on what others do. A listener that throws is
   * logged.
   *
   * @returns Ends it.
   */
  subscribe(listener: (event: JobEvent) => void): () => void;
}
