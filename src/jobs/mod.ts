/**
 * Jobs that survive: stored, run at least once, tried again, scheduled, recurring, and visible; Hangfire's and Quartz.NET's
 * row. They are kept in a storage, of which there is one for each engine.
 *
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { defineJob, jobServer } from "@runhost/host/jobs";
 * import { FakeJobStorage } from "@runhost/host/testing"; // in a program: sqlite of "@runhost/host/jobs/sqlite"
 *
 * const greet = defineJob("greet", {
 *   execute: ({ name }: { name: string }) => console.log(`Hello, ${name}`),
 * });
 * const jobs = jobServer("jobs", { storage: new FakeJobStorage(), jobs: [greet] });
 *
 * const host = createHost([jobs]);
 * await host.start();
 * await jobs.result(await jobs.enqueue(greet, { name: "Ada" }));
 * await host.stop();
 * ```
 *
 * @module
 */

export {
  type AnyJob,
  defineJob,
  type Job,
  type JobContext,
  type JobDefinition,
  type JobHandler,
  type JobRetry,
  type JobSchema,
  type JobSettings,
  type Uniqueness,
} from "./job.ts";
export {
  type JobServer,
  jobServer,
  type JobServerDetails,
  type JobServerOptions,
  type QueueOptions,
} from "./job_server.ts";
export { type JobClient, jobClient, type JobClientOptions } from "./job_client.ts";
export type {
  EnqueueAllOptions,
  EnqueueOptions,
  JobCounts,
  JobId,
  Jobs,
  ListOptions,
  Recurring,
} from "./jobs.ts";
export type { AttemptReference, JobEvent, JobReference } from "./job_event.ts";
export type {
  AttemptRecord,
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
export type {
  AddedJob,
  HeldJob,
  Hold,
  HoldState,
  JobNote,
  JobStorage,
  NewJob,
  RecurringFiring,
  Retention,
  Settlement,
  Taken,
  TakeOptions,
} from "./job_storage.ts";
export { JobFailedError, MissingParentError, StorageVersionError } from "./errors.ts";
export { InputError, type InputIssue, type StandardSchema } from "../consumers/input.ts";
export type { BackoffOptions } from "../_time/backoff.ts";
export type { RetryOptions } from "../consumers/retry.ts";
