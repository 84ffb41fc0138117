import type { JobRecord } from "../jobs/job_record.ts";
import type { Jobs } from "../jobs/jobs.ts";

/** Which part of a job a value is. */
export type JobPart = "input" | "result" | "progress";

/** What a page is made with. */
export interface View {
  /** The path of the dashboard, without a slash at its end. */
  readonly base: string;
  /** Whether the one who looks may change something. */
  readonly mayChange: boolean;
  /** The query of the request. */
  readonly query: URLSearchParams;
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  readonly format: (value: unknown, job: JobRecord, part: JobPart) => unknown;
}

/** The same where there are jobs. */
export interface JobsView extends View {
  readonly jobs: Jobs;
}

/** The path of a job's page. */
export function jobPath({ base }: View, id: string): string {
  return `${base}/jobs/${encodeURIComponent(id)}`;
}
