import type { AddedJob, NewJob, RecurringFiring } from "../job_storage.ts";
import type { RecurringRecord } from "../job_record.ts";
import type { Database } from "./_database.ts";
import { endedStates } from "../_conventions.ts";
import { recurringOf } from "../_rows.ts";
import type { JobTable } from "./_job_table.ts";

/** The recurring jobs, in one connection. */
export class RecurringTable {
  readonly #db: Database;
  readonly #jobs: JobTable;
  readonly #now: () => number;

  constructor(db: Database, jobs: JobTable, now: () => number) {
    this.#db = db;
    this.#jobs = jobs;
    this.#now = now;
  }

  /** Gives all, by id. */
  all(): RecurringRecord[] {
    const now = this.#now();
    return this.#db.all(
      `select it.*, job.state, job.due_at from runhost_recurring as it
        left join runhost_jobs as job on job.id = it.last_job order by it.id`,
    ).map((row) => recurringOf(row, now));
  }

  /** Stores one; gives whether anything but the next time is new. */
  put(it: Omit<RecurringRecord, "lastAt" | "lastJob" | "lastState">): boolean {
    const changed = this.#db.get(
      `insert into runhost_recurring (id, job, queue, priority, input, key, key_until, overlap, pattern,
          time_zone, missed, next_at)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict (id) do update set job = excluded.job, queue = excluded.queue,
          priority = excluded.priority, input = excluded.input, key = excluded.key,
          key_until = excluded.key_until, overlap = excluded.overlap, pattern = excluded.pattern,
          time_zone = excluded.time_zone, missed = excluded.missed, next_at = excluded.next_at
        where (job, queue, priority, input, key, key_until, overlap, pattern, time_zone, missed)
          is not (excluded.job, excluded.queue, excluded.priority, excluded.input, excluded.key,
            excluded.key_until, excluded.overlap, excluded.pattern, excluded.time_zone, excluded.missed)
        returning id`,
      it.id,
      it.job,
      it.queue,
      it.priority,
      it.input,
      it.key,
      it.keyUntil,
      it.overlap,
      it.pattern,
      it.timeZone,
      it.missed,
      it.nextAt,
    );
    return changed !== undefined;
  }

  /** Forgets one. */
  remove(id: string): boolean {
    return this.#db.get("delete from runhost_recurring where id = ? returning id", id) !==
      undefined;
  }

  /** Makes the next job of one. */
  fire({ id, seenAt, nextAt, job }: RecurringFiring): "fired" | "busy" | "passed" {
    const row = this.#db.get(
      "select overlap, last_job from runhost_recurring where id = ? and next_at = ?",
      id,
      seenAt,
    );
    if (!row) return "passed";
    if (job) {
      const last = row["last_job"] === null
        ? undefined
        : this.#jobs.stateOf(row["last_job"] as string);
      if (!row["overlap"] && last !== undefined && !endedStates.includes(last)) return "busy";
      this.#made(id, this.#jobs.addOne(job));
    }
    this.#db.run("update runhost_recurring set next_at = ? where id = ?", nextAt, id);
    return "fired";
  }

  /** Makes a job of one now. */
  trigger(id: string, job: NewJob): AddedJob | undefined {
    if (!this.#db.get("select 1 from runhost_recurring where id = ?", id)) return undefined;
    return this.#made(id, this.#jobs.addOne(job));
  }

  #made(id: string, job: AddedJob): AddedJob {
    this.#db.run(
      "update runhost_recurring set last_at = ?, last_job = ? where id = ?",
      this.#now(),
      job.id,
      id,
    );
    return job;
  }
}
