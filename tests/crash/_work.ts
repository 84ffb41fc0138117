import { defineJob, type Job } from "../../src/jobs/mod.ts";

/** What a job of a crash run is given: the milliseconds that it takes. */
export type Work = Job<number, void>;

/** The job of a crash run, with what its handler does; a client has no need of that. */
export function workOf(execute: Work["execute"] = () => {}): Work {
  return defineJob("work", {
    retry: { attempts: 1_000_000, delay: 50, maxDelay: 500 },
    execute,
  });
}
