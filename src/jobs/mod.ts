export {
  defineJob,
  type Job,
  type JobContext,
  type JobDefinition,
  type JobHandler,
  type JobSchema,
} from "./job.ts";
export type { JobSettings, Uniqueness } from "./job.ts";
export type * from "./job_event.ts";
export type * from "./job_record.ts";
export type * from "./job_storage.ts";
export type * from "./jobs.ts";
export * from "./errors.ts";
