import { MissingParentError } from "../errors.ts";
import type {
  AddedJob,
  HeldJob,
  Hold,
  HoldState,
  JobNote,
  NewJob,
  Retention,
  Settlement,
  Taken,
  TakeOptions,
} from "../job_storage.ts";
import type {
  AttemptRecord,
  JobDetails,
  JobLogLine,
  JobState,
  QueueRecord,
} from "../job_record.ts";
import type { Database, SqliteRow } from "./_database.ts";
import { endedStates, mostAttempts, mostLines } from "../_conventions.ts";
import { clean, detailsOf, given, heldOf, jobColumns, parsed, queueOf, stateOf } from "../_rows.ts";

/** How many jobs become `enqueued` in one `take`: what is left of a million with one time comes with the next ones. */
const mostDue = 1_000;

/** The jobs, in one connection. Nothing in here waits: what is called within a transaction is whole. */
export class JobTable {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #wake: (queue: string) => void;

  /** @param wake Is told of a queue in which there may be something new. */
  constructor(db: Database, now: () => number, wake: (queue: string) => void) {
    this.#db = db;
    this.#now = now;
    this.#wake = wake;
  }

  /** Stores jobs; a parent that is missing leaves the caller's transaction to be rolled back. */
  add(jobs: readonly NewJob[]): AddedJob[] {
    return jobs.map((it) => this.addOne(it));
  }

  addOne(job: NewJob): AddedJob {
    const { id, name, queue } = job;
    const key = job.key === undefined ? undefined : clean(job.key);
    const missing = job.parents.find((it) => !this.#has(it));
    if (missing !== undefined) throw new MissingParentError(missing);
    if (key !== undefined && !this.#has(id)) {
      const rival = this.#ofKey(name, key);
      if (rival !== undefined) return { id: rival, added: false };
    }
    const createdAt = this.#now();
    const dueAt = job.at ?? createdAt + (job.delay ?? 0);
    const state = this.#firstState(job, dueAt);
    const over = state === "cancelled";
    const row = this.#db.get(
      `insert into runhost_jobs (id, name, queue, priority, state, input, headers, created_at, due_at, ended_at,
        key, key_until, has_key, parents, parents_on, recurring)
      values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do nothing returning seq`,
      id,
      name,
      queue,
      job.priority,
      state,
      job.input,
      JSON.stringify(job.headers),
      createdAt,
      dueAt,
      over ? createdAt : undefined,
      key,
      job.keyUntil,
      key !== undefined && !over,
      JSON.stringify(job.parents),
      job.parentsOn,
      job.recurring,
    );
    if (!row) return { id, added: false };
    for (const parent of job.parents) {
      this.#db.run("insert or ignore into runhost_children values (?, ?)", parent, id);
    }
    this.#wake(queue);
    return { id, added: true };
  }

  /** Takes jobs that are due. */
  take({ queue, names, max, server, holdTimeout }: TakeOptions): Taken {
    if (this.#paused(queue)) return { jobs: [] };
    const now = this.#now();
    this.#enqueueDue(queue, now);
    const rows = this.#hold(this.#next(queue, names, max), {
      now,
      server,
      until: now + holdTimeout,
    });
    const jobs = rows.map((it) => heldOf(it, now));
    const due = this.#db.get(
      "select min(due_at) as due from runhost_jobs where state = 'scheduled' and queue = ?",
      queue,
    );
    const dueAt = given<number>(due?.["due"]);
    return dueAt === undefined ? { jobs } : { jobs, dueIn: Math.max(0, dueAt - now) };
  }

  /** Makes holds last. */
  extend(holds: readonly Hold[], holdTimeout: number): HoldState[] {
    const now = this.#now();
    return holds.map(({ id, token }) => {
      const row = this.#db.get(
        `update runhost_jobs set hold_until = ?
          where id = ? and token = ? and state = 'processing' and hold_until > ? returning cancel_requested`,
        now + holdTimeout,
        id,
        token,
        now,
      );
      return !row ? "lost" : row["cancel_requested"] ? "cancelRequested" : "held";
    });
  }

  /** Says what has become of an attempt. */
  settle(hold: Hold, settlement: Settlement): JobState | false {
    const row = this.#held(hold);
    if (!row) return false;
    const now = this.#now();
    const state = row["cancel_requested"] ? "cancelled" : settlement.state;
    const { error: text, result, delay = 0 } = settlement as {
      readonly error?: string;
      readonly result?: string;
      readonly delay?: number;
    };
    const error = text === undefined ? undefined : clean(text);
    const over = endedStates.includes(state);
    const { attempt, key, name, queue } = row;
    const record: AttemptRecord = {
      attempt: attempt as number,
      startedAt: row["started_at"] as number,
      endedAt: now,
      server: row["server"] as string,
      state,
      error,
    };
    const attempts = [...parsed<AttemptRecord[]>(row["attempts"], []), record].slice(-mostAttempts);
    const hasKey = !over && key !== null &&
      (row["has_key"] === 1 || this.#ofKey(name as string, key as string) === undefined);
    this.#db.run(
      `update runhost_jobs set state = ?, attempt = ?, attempts = ?, due_at = ?, ended_at = ?, has_key = ?,
        result = ?, error = ?, cancel_requested = 0 where seq = ?`,
      state,
      state === "enqueued" ? attempt as number - 1 : attempt,
      JSON.stringify(attempts),
      state === "scheduled" ? now + delay : row["due_at"],
      over ? now : undefined,
      hasKey,
      state === "succeeded" ? result : undefined,
      error,
      row["seq"],
    );
    if (over) this.#releaseChildren(hold.id);
    this.#wake(queue as string);
    return state;
  }

  /** Stores what a handler says. */
  note(hold: Hold, { progress, log = [] }: JobNote): void {
    const row = this.#held(hold);
    if (!row) return;
    const { seq } = row;
    if (progress !== undefined) {
      this.#db.run("update runhost_jobs set progress = ? where seq = ?", progress, seq);
    }
    for (const { at, text } of log) {
      this.#db.run(
        `insert into runhost_log
          select it.job, coalesce((select max(line) from runhost_log where job = it.job), 0) + 1, ?, ?
          from (select ? as job) as it`,
        at,
        clean(text),
        seq,
      );
    }
    if (log.length === 0) return;
    this.#db.run(
      `delete from runhost_log
        where job = ? and line <= (select max(line) from runhost_log where job = ?) - ?`,
      seq,
      seq,
      mostLines,
    );
  }

  /** Gives jobs whose hold has run out. */
  expired(names: readonly string[], max: number): HeldJob[] {
    const now = this.#now();
    return this.#db.all(
      `select ${jobColumns} from runhost_jobs indexed by runhost_jobs_held where state = 'processing' and hold_until <= ?
        and name in (select value from json_each(?)) order by hold_until limit ?`,
      now,
      JSON.stringify(names),
      max,
    ).map((it) => heldOf(it, now));
  }

  /** Cancels jobs. */
  cancel(ids: readonly string[]): string[] {
    return ids.filter((id) => {
      const row = this.#brief(id);
      if (!row || isOver(row)) return false;
      if (row["state"] === "processing") {
        this.#db.run("update runhost_jobs set cancel_requested = 1 where seq = ?", row["seq"]);
      } else {
        this.#cancel(row["seq"]);
        this.#releaseChildren(id);
      }
      this.#wake(row["queue"] as string);
      return true;
    });
  }

  /** Gives the jobs of a server that were asked to end. */
  cancelRequests(server: string): string[] {
    return this.#db.all(
      // Older versions of SQLite take the index of all that are processing, which may be many more.
      `select id from runhost_jobs indexed by runhost_jobs_asked
        where state = 'processing' and cancel_requested = 1 and server = ? order by seq`,
      server,
    ).map((it) => it["id"] as string);
  }

  /** Queues jobs again. */
  requeue(ids: readonly string[]): string[] {
    const now = this.#now();
    return ids.filter((id) => {
      const row = this.#brief(id);
      if (!row || stateOf(row, now) !== "scheduled" && !isOver(row)) return false;
      const { key, name } = row;
      if (
        key !== null && !row["has_key"] && this.#ofKey(name as string, key as string) !== undefined
      ) {
        return false;
      }
      this.#db.run(
        `update runhost_jobs set state = 'enqueued', attempt = ?, due_at = ?, ended_at = null, result = null,
          error = case state when 'scheduled' then error end, progress = case state when 'scheduled' then progress end,
          has_key = ? where seq = ?`,
        isOver(row) ? 0 : row["attempt"],
        now,
        key !== null,
        row["seq"],
      );
      this.#wake(row["queue"] as string);
      return true;
    });
  }

  /** Gives one job. */
  details(id: string): JobDetails | undefined {
    const row = this.#db.get(`select ${jobColumns} from runhost_jobs where id = ?`, id);
    if (!row) return undefined;
    const children = this.#db.all(
      `select id from runhost_jobs
        where id in (select child from runhost_children where parent = ?) order by seq`,
      id,
    );
    const log = this.#db.all(
      "select at, text from runhost_log where job = ? order by line",
      row["seq"],
    );
    return detailsOf(row, {
      children: children.map((it) => it["id"] as string),
      log: log.map(({ at, text }) => ({ at, text }) as JobLogLine),
      now: this.#now(),
    });
  }

  /** Gives each queue that has jobs or is paused. */
  queues(): QueueRecord[] {
    const now = this.#now();
    return this.#db.all(
      `select queue, exists (select 1 from runhost_paused where queue = it.queue) as paused,
          (select json_group_object(state, jobs) from runhost_counts where queue = it.queue) as counts,
          (select min(due_at) from runhost_jobs where state = 'enqueued' and queue = it.queue) as oldest,
          (select min(due_at) from runhost_jobs where state = 'scheduled' and queue = it.queue) as next,
          (select count(*) from runhost_jobs
            where state = 'scheduled' and queue = it.queue and due_at <= ?) as due
        from (select queue from runhost_counts where jobs > 0 union select queue from runhost_paused) as it
        order by queue`,
      now,
    ).map(queueOf);
  }

  /** Lets no server take from a queue, or does again. */
  pause(queue: string, paused: boolean): void {
    this.#db.run(
      paused
        ? "insert or ignore into runhost_paused values (?)"
        : "delete from runhost_paused where queue = ?",
      queue,
    );
    this.#wake(queue);
  }

  /** Deletes jobs that ended long enough ago; gives how many. */
  purge(retention: Retention, max: number): number {
    const now = this.#now();
    let count = 0;
    for (const state of endedStates) {
      count += this.#db.all(
        `delete from runhost_jobs where seq in (
          select seq from runhost_jobs as job where state = ? and ended_at is not null and ended_at <= ?
            and not exists (select 1 from runhost_children join runhost_jobs as child
              on child.id = runhost_children.child
              where runhost_children.parent = job.id and child.state = 'awaiting')
            order by ended_at limit ?) returning seq`,
        state,
        now - retention[state as keyof Retention],
        max - count,
      ).length;
    }
    return count;
  }

  /** Where a job is in its life; `undefined` if it is not stored. */
  stateOf(id: string): JobState | undefined {
    return given(this.#brief(id)?.["state"]);
  }

  #has(id: string): boolean {
    return this.#db.get("select 1 from runhost_jobs where id = ?", id) !== undefined;
  }

  /** What decides whether a job can be cancelled or queued again. */
  #brief(id: string): SqliteRow | undefined {
    return this.#db.get(
      "select seq, name, queue, state, due_at, attempt, key, has_key from runhost_jobs where id = ?",
      id,
    );
  }

  #held({ id, token }: Hold): SqliteRow | undefined {
    return this.#db.get(
      `select seq, name, queue, attempt, attempts, due_at, started_at, server, key, has_key, cancel_requested
        from runhost_jobs where id = ? and token = ? and state = 'processing'`,
      id,
      token,
    );
  }

  /** The id of the job that has a key now. */
  #ofKey(name: string, key: string): string | undefined {
    return given(
      this.#db.get(
        "select id from runhost_jobs where has_key = 1 and name = ? and key = ?",
        name,
        key,
      )?.["id"],
    );
  }

  #paused(queue: string): boolean {
    return this.#db.get("select 1 from runhost_paused where queue = ?", queue) !== undefined;
  }

  #enqueueDue(queue: string, now: number): void {
    this.#db.run(
      `update runhost_jobs set state = 'enqueued' where seq in (select seq from runhost_jobs
        where state = 'scheduled' and queue = ? and due_at <= ? order by due_at limit ?)`,
      queue,
      now,
      mostDue,
    );
  }

  /** The numbers of the jobs that are to be taken: the best of the best of each name. */
  #next(queue: string, names: readonly string[], max: number): number[] {
    const rows = names.flatMap((name) =>
      this.#db.all(
        `select seq, priority, due_at from runhost_jobs where state = 'enqueued' and queue = ? and name = ?
          order by priority desc, due_at, seq limit ?`,
        queue,
        name,
        max,
      )
    );
    if (names.length > 1) rows.sort(compareRank);
    return rows.slice(0, max).map((it) => it["seq"] as number);
  }

  #hold(
    seqs: readonly number[],
    { now, server, until }: {
      readonly now: number;
      readonly server: string;
      readonly until: number;
    },
  ): SqliteRow[] {
    if (seqs.length === 0) return [];
    const rows = this.#db.all(
      `update runhost_jobs set state = 'processing', attempt = attempt + 1, token = token + 1, started_at = ?,
          server = ?, hold_until = ?, cancel_requested = 0, has_key = has_key and key_until <> 'started'
        where seq in (select value from json_each(?)) returning ${jobColumns}`,
      now,
      server,
      until,
      JSON.stringify(seqs),
    );
    return [...rows].sort(compareRank); // `returning` keeps no order
  }

  /** Where a new job begins. */
  #firstState({ parents, parentsOn }: NewJob, dueAt: number): JobState {
    const states = parents.map((it) => this.stateOf(it) as JobState);
    if (parentsOn === "succeeded" && states.includes("cancelled")) return "cancelled";
    const met: readonly JobState[] = parentsOn === "succeeded" ? ["succeeded"] : endedStates;
    if (!states.every((it) => met.includes(it))) return "awaiting";
    return dueAt > this.#now() ? "scheduled" : "enqueued";
  }

  /** Where a job goes on that awaits others, when one of these has ended. */
  #nextState(job: SqliteRow, isCancelled: boolean): JobState {
    const onSuccess = job["parents_on"] === "succeeded";
    if (onSuccess && isCancelled) return "cancelled";
    // It may await thousands: the first that is found will do. Who counts them up ends them in that order, too.
    const unmet = onSuccess ? "<> 'succeeded'" : "not in ('succeeded', 'failed', 'cancelled')";
    const other = this.#db.get(
      `select 1 from runhost_children cross join runhost_jobs on id = parent
        where child = ? and state ${unmet} order by parent desc limit 1`,
      job["id"] as string,
    );
    if (other) return "awaiting";
    return job["due_at"] as number > this.#now() ? "scheduled" : "enqueued";
  }

  #cancel(seq: unknown): void {
    this.#db.run(
      "update runhost_jobs set state = 'cancelled', ended_at = ?, has_key = 0 where seq = ?",
      this.#now(),
      seq as number,
    );
  }

  /** Lets jobs go on that await one which has ended, and those that await them, and so on. */
  #releaseChildren(id: string): void {
    const over = [id];
    for (const parent of over) {
      const isCancelled = this.stateOf(parent) === "cancelled";
      const rows = this.#db.all(
        // The children come first, whatever SQLite believes: many jobs may be awaiting others.
        `select seq, id, queue, due_at, parents_on from runhost_children
          cross join runhost_jobs on id = child where parent = ? and state = 'awaiting' order by seq`,
        parent,
      );
      for (const row of rows) {
        const state = this.#nextState(row, isCancelled);
        if (state === "awaiting") continue;
        if (state === "cancelled") {
          this.#cancel(row["seq"]);
          over.push(row["id"] as string);
        } else {
          this.#db.run("update runhost_jobs set state = ? where seq = ?", state, row["seq"]);
        }
        this.#wake(row["queue"] as string);
      }
    }
  }
}

/** The order in which jobs are taken. */
function compareRank(a: SqliteRow, b: SqliteRow): number {
  return difference(b, a, "priority") || difference(a, b, "due_at") || difference(a, b, "seq");
}

function difference(a: SqliteRow, b: SqliteRow, column: string): number {
  return (a[column] as number) - (b[column] as number);
}

function isOver(row: SqliteRow): boolean {
  return endedStates.includes(row["state"] as JobState);
}
