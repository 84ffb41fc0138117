import { HostStateError } from "../errors.ts";
import type { JobState } from "./job_record.ts";

/** A job that another one is to come after is not stored. */
export class MissingParentError extends Error {
  /** The name of the class. */
  override readonly name: string = "MissingParentError";
  /** Stable; compare this rather than the class. */
  readonly code: "ERR_MISSING_PARENT" = "ERR_MISSING_PARENT";
  /** The id of nobody. */
  readonly parent: string;

  /** Made by a storage. */
  constructor(parent: string) {
    super(
      `Cannot enqueue a job after job "${parent}": there is none; it may have ended and been deleted`,
    );
    this.parent = parent;
  }
}

/** A job has no result, and will have none unless it is queued again. */
export class JobFailedError extends Error {
  /** The name of the class. */
  override readonly name: string = "JobFailedError";
  /** Stable; compare this rather than the class. */
  readonly code: "ERR_JOB_FAILED" = "ERR_JOB_FAILED";
  /** The id of the job. */
  readonly id: string;
  /** `failed`, `cancelled`, or `succeeded` with a result that could not be stored; `undefined` if the job is not stored. */
  readonly state: JobState | undefined;

  /** Made by a client. */
  constructor(id: string, state: JobState | undefined, error: string | undefined) {
    const first = error?.split("\n", 1)[0];
    const what = state === undefined
      ? "is not stored: it may have been deleted after its time"
      : state === "cancelled"
      ? "was cancelled"
      : state === "failed"
      ? `failed: ${first}`
      : `has succeeded, but its result was not stored: ${first}`;
    super(`Job "${id}" has no result: it ${what}`, error ? { cause: error } : undefined);
    this.id = id;
    this.state = state;
  }
}

/** A store was written by a newer version of this package. */
export class StorageVersionError extends Error {
  /** The name of the class. */
  override readonly name: string = "StorageVersionError";
  /** Stable; compare this rather than the class. */
  readonly code: "ERR_STORAGE_VERSION" = "ERR_STORAGE_VERSION";

  /** Made by a storage. */
  constructor(storage: string, found: number, known: number) {
    super(
      `Cannot use ${storage}: its tables are of version ${found}, and this version of @runhost/host knows them up to ${known}; update it here`,
    );
  }
}

/** The error of a call of a storage that nobody has started. */
export function notOpen(storage: string): HostStateError {
  return new HostStateError(
    `Cannot use ${storage}: it is not open; a server or a client opens it for as long as it runs`,
  );
}
