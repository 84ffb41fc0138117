import type { JobRecord } from "./job_record.ts";

/** A job, as an event names it. */
export type JobReference = Pick<JobRecord, "id" | "name" | "queue">;

/** A job whose attempt an event is about. */
export interface AttemptReference extends JobReference {
  /** Its number, from 1. */
  readonly attempt: number;
}

/** What happens to jobs in a server or client; see `Jobs.subscribe`. Times are milliseconds. */
export type JobEvent =
  /** Jobs were stored from here. */
  | { readonly type: "jobEnqueued"; readonly job: JobReference }
  /** An attempt begins. */
  | {
    readonly type: "jobStarted";
    readonly job: AttemptReference;
    /** Since it was due. */
    readonly waited: number;
  }
  /** A job is done. */
  | { readonly type: "jobSucceeded"; readonly job: AttemptReference; readonly elapsed: number }
  /** An attempt has failed and another follows, `delay` ms from now. */
  | {
    readonly type: "jobRetrying";
    readonly job: AttemptReference;
    readonly elapsed: number;
    readonly error: unknown;
    readonly delay: number;
  }
  /** The last attempt has failed. */
  | {
    readonly type: "jobFailed";
    readonly job: AttemptReference;
    readonly elapsed: number;
    readonly error: unknown;
  }
  /** A job has ended because that was asked for. */
  | { readonly type: "jobCancelled"; readonly job: AttemptReference; readonly elapsed: number }
  /** An attempt was interrupted by the stop, and does not count. */
  | { readonly type: "jobReleased"; readonly job: AttemptReference; readonly elapsed: number }
  /** The hold on a job was lost: what its attempt comes to counts no more. */
  | { readonly type: "jobLost"; readonly job: AttemptReference; readonly elapsed: number }
  /** A job was found whose server is gone: that attempt has failed. */
  | { readonly type: "jobRecovered"; readonly job: AttemptReference }
  /** A recurring job has made a job. */
  | { readonly type: "recurringFired"; readonly recurring: string; readonly job: JobReference };
