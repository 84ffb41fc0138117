import { WakeListeners } from "../jobs/_wake_listeners.ts";
import { globalClock } from "../_time/timer.ts";
import {
  endedStates as ended,
  jobStates,
  keptMinutes,
  keptServers,
  mostAttempts,
  mostLines,
  mostSearched,
} from "../jobs/_conventions.ts";
import { MissingParentError } from "../jobs/errors.ts";
import type {
  AttemptRecord,
  JobDetails,
  JobFilter,
  JobLogLine,
  JobPage,
  JobRecord,
  JobState,
  MinuteRecord,
  QueueRecord,
  RecurringRecord,
  ServerRecord,
} from "../jobs/job_record.ts";
import type {
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
} from "../jobs/job_storage.ts";
import type { Clock } from "../types.ts";

/** Options of a {@linkcode FakeJobStorage}. */
export interface FakeJobStorageOptions {
  /**
   * Its time.
   *
   * @default {real time}
   */
  readonly clock?: Clock | undefined;
  /**
   * What its clock shows at the beginning, in milliseconds since 1970.
   *
   * @default {Date.UTC(2026, 0, 1)}
   */
  readonly epoch?: number | undefined;
}

/** A job, as it is kept. */
type Row = { -readonly [Key in keyof JobRecord]: JobRecord[Key] } & {
  readonly sequence: number;
  token: number;
  holdUntil: number;
  /** Whether it keeps others with its key away now. */
  hasKey: boolean;
  log: readonly JobLogLine[];
};

/** What a recurring job has besides what it was stored with. */
const varying: readonly string[] = ["nextAt", "lastAt", "lastJob"];

/**
 * A storage of jobs in memory, for tests of what is done by them: it keeps what a `JobStorage` promises, on the clock it
 * is given, and is the shortest text of that. A call can be made to fail ({@linkcode FakeJobStorage.fail}).
 *
 * Not for programs: nothing of it outlives the process.
 *
 * @example A job that is run
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { defineJob, jobServer } from "@runhost/host/jobs";
 * import { FakeJobStorage } from "@runhost/host/testing";
 * import { equal } from "node:assert/strict";
 *
 * const add = defineJob("add", { execute: ([a, b]: [number, number]) => a + b });
 * const jobs = jobServer("jobs", { storage: new FakeJobStorage(), jobs: [add] });
 * const host = createHost([jobs], { logger: false });
 * await host.start();
 * equal(await jobs.result(await jobs.enqueue(add, [1, 2])), 3);
 * await host.stop();
 * ```
 */
export class FakeJobStorage implements JobStorage {
  readonly #clock: Clock;
  readonly #epoch: number;
  #rows: Map<string, Row> = new Map();
  readonly #paused: Set<string> = new Set();
  readonly #recurring: Map<string, RecurringRecord> = new Map();
  readonly #servers: Map<string, ServerRecord> = new Map();
  readonly #minutes: Map<string, MinuteRecord> = new Map();
  readonly #listeners: WakeListeners = new WakeListeners();
  readonly #failures: Map<keyof JobStorage, { error: unknown; left: number }> = new Map();
  #sequence = 0;
  #opened = 0;

  /** Makes an empty one. */
  constructor(options: FakeJobStorageOptions = {}) {
    this.#clock = options.clock ?? globalClock;
    this.#epoch = (options.epoch ?? Date.UTC(2026, 0, 1)) - this.#clock.now();
  }

  /** How many servers and clients have started and not stopped it. */
  get opened(): number {
    return this.#opened;
  }

  /** How many callbacks {@linkcode FakeJobStorage.onWake} has now. */
  get listening(): number {
    return this.#listeners.size;
  }

  /** Lets the next calls of a member reject, and do nothing. */
  fail(member: keyof JobStorage, error: unknown, times: number = 1): void {
    this.#failures.set(member, { error, left: times });
  }

  /** Opens it. */
  async start(): Promise<void> {
    this.#call("start");
    this.#opened++;
  }

  /** Closes it. */
  async stop(): Promise<void> {
    this.#call("stop");
    this.#opened--;
  }

  /** Gives the time of its clock. */
  async now(): Promise<number> {
    this.#call("now");
    return this.#now();
  }

  /** Calls back with each change that a server may wait for. */
  onWake(listener: (queue?: string) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Stores jobs; of the transaction it takes no note. */
  async add(jobs: readonly NewJob[]): Promise<readonly AddedJob[]> {
    this.#call("add");
    const [rows, sequence] = [new Map(this.#rows), this.#sequence];
    const added = jobs.map((it) => {
      const missing = it.parents.find((parent) => !this.#rows.has(parent));
      if (missing === undefined) return this.#add(it);
      // Nothing that was stored before has changed by what was added since.
      this.#rows = rows;
      this.#sequence = sequence;
      throw new MissingParentError(missing);
    });
    for (const queue of new Set(jobs.map((it) => it.queue))) this.#wake(queue);
    return added;
  }

  /** Takes jobs that are due. */
  async take(options: TakeOptions): Promise<Taken> {
    this.#call("take");
    const { queue, names, max, server, holdTimeout } = options;
    if (this.#paused.has(queue)) return { jobs: [] };
    this.#enqueueDue();
    const now = this.#now();
    const rows = this.#all((it) => it.queue === queue);
    const next = rows.filter((it) => it.state === "enqueued" && names.includes(it.name))
      .sort((a, b) => b.priority - a.priority || a.dueAt - b.dueAt || a.sequence - b.sequence)
      .slice(0, max);
    for (const row of next) {
      row.state = "processing";
      row.attempt++;
      row.token++;
      row.startedAt = now;
      row.server = server;
      row.holdUntil = now + holdTimeout;
      row.cancelRequested = false;
      if (row.keyUntil === "started") row.hasKey = false;
    }
    const dues = rows.filter((it) => it.state === "scheduled").map((it) => it.dueAt);
    const jobs = next.map(heldOf);
    return dues.length > 0 ? { jobs, dueIn: Math.max(0, Math.min(...dues) - now) } : { jobs };
  }

  /** Makes holds last. */
  async extend(holds: readonly Hold[], holdTimeout: number): Promise<readonly HoldState[]> {
    this.#call("extend");
    const now = this.#now();
    return holds.map((hold) => {
      const row = this.#held(hold);
      if (!row || row.holdUntil <= now) return "lost";
      row.holdUntil = now + holdTimeout;
      return row.cancelRequested ? "cancelRequested" : "held";
    });
  }

  /** Says what has become of an attempt. */
  async settle(hold: Hold, settlement: Settlement): Promise<JobState | false> {
    this.#call("settle");
    const row = this.#held(hold);
    if (!row) return false;
    const now = this.#now();
    const state = row.cancelRequested ? "cancelled" : settlement.state;
    const { error } = settlement as { readonly error?: string };
    this.#note(row, state, error);
    row.state = state;
    row.error = error;
    row.result = settlement.state === "succeeded" && state === "succeeded"
      ? settlement.result
      : undefined;
    row.cancelRequested = false;
    if (settlement.state === "enqueued" && state === "enqueued") row.attempt--;
    if (settlement.state === "scheduled" && state === "scheduled") {
      row.dueAt = now + settlement.delay;
    }
    if (ended.includes(state)) this.#end(row);
    else if (row.key !== undefined) row.hasKey ||= !this.#ofKey(row.name, row.key);
    this.#wake(row.queue);
    return state;
  }

  /** Stores what a handler says. */
  async note(hold: Hold, note: JobNote): Promise<void> {
    this.#call("note");
    const row = this.#held(hold);
    if (!row) return;
    if (note.progress !== undefined) row.progress = note.progress;
    row.log = [...row.log, ...copy(note.log ?? [])].slice(-mostLines);
  }

  /** Gives jobs whose hold has run out. */
  async expired(names: readonly string[], max: number): Promise<readonly HeldJob[]> {
    this.#call("expired");
    const now = this.#now();
    const over = this.#all((it) =>
      it.state === "processing" && it.holdUntil <= now && names.includes(it.name)
    );
    return over.slice(0, max).map(heldOf);
  }

  /** Cancels jobs. */
  async cancel(ids: readonly string[]): Promise<readonly string[]> {
    this.#call("cancel");
    return ids.filter((id) => {
      const row = this.#rows.get(id);
      if (!row || ended.includes(row.state)) return false;
      if (row.state === "processing") row.cancelRequested = true;
      else this.#cancel(row);
      this.#wake(row.queue);
      return true;
    });
  }

  /** Gives the jobs of a server that were asked to end. */
  async cancelRequests(server: string): Promise<readonly string[]> {
    this.#call("cancelRequests");
    const mine = this.#all((it) =>
      it.state === "processing" && it.cancelRequested && it.server === server
    );
    return mine.map((it) => it.id);
  }

  /** Queues jobs again. */
  async requeue(ids: readonly string[]): Promise<readonly string[]> {
    this.#call("requeue");
    return ids.filter((id) => {
      const row = this.#rows.get(id);
      if (!row || row.state !== "scheduled" && !ended.includes(row.state)) return false;
      const { key, name } = row;
      if (key !== undefined && !row.hasKey && this.#ofKey(name, key)) return false;
      if (ended.includes(row.state)) {
        row.attempt = 0;
        for (const it of ["endedAt", "result", "error", "progress"] as const) row[it] = undefined;
      }
      row.state = "enqueued";
      row.dueAt = this.#now();
      row.hasKey = key !== undefined;
      this.#wake(row.queue);
      return true;
    });
  }

  /** Gives one job. */
  async get(id: string): Promise<JobDetails | undefined> {
    this.#call("get");
    this.#enqueueDue();
    const row = this.#rows.get(id);
    const children = this.#all((it) => it.parents.includes(id)).map((it) => it.id);
    return row && { ...recordOf(row), children, log: copy(row.log) };
  }

  /** Gives jobs, newest first. */
  async list(filter: JobFilter, limit: number, after?: string): Promise<JobPage> {
    this.#call("list");
    this.#enqueueDue();
    const { state, queue, job, search, recurring, from = -Infinity, to = Infinity } = filter;
    const states = state === undefined ? undefined : [state].flat();
    const before = after === undefined ? Infinity : Number(after);
    const wanted = search?.toLowerCase();
    const found = this.#all((it) =>
      it.sequence < before && (states?.includes(it.state) ?? true) &&
      it.queue === (queue ?? it.queue) && it.name === (job ?? it.name) &&
      it.recurring === (recurring ?? it.recurring) && it.createdAt >= from && it.createdAt < to
    ).reverse().slice(0, wanted === undefined ? undefined : mostSearched).filter((it) =>
      wanted === undefined ||
      [it.id, it.name, it.key, it.input, it.error].some((text) =>
        text?.toLowerCase().includes(wanted)
      )
    );
    const jobs = found.slice(0, limit);
    const last = jobs.at(-1);
    return found.length > limit && last
      ? { jobs: jobs.map(recordOf), next: `${last.sequence}` }
      : { jobs: jobs.map(recordOf) };
  }

  /** Gives each queue that has jobs or is paused. */
  async queues(): Promise<readonly QueueRecord[]> {
    this.#call("queues");
    this.#enqueueDue();
    const names = new Set([...this.#paused, ...this.#all(() => true).map((it) => it.queue)]);
    return [...names].sort().map((queue) => {
      const rows = this.#all((it) => it.queue === queue);
      const count = (state: JobState): number => rows.filter((it) => it.state === state).length;
      const dues = rows.filter((it) => it.state === "enqueued").map((it) => it.dueAt);
      return {
        queue,
        paused: this.#paused.has(queue),
        counts: Object.fromEntries(jobStates.map((it) => [it, count(it)])) as QueueRecord["counts"],
        oldestDueAt: dues.length > 0 ? Math.min(...dues) : undefined,
      };
    });
  }

  /** Lets no server take from a queue, or does again. */
  async pause(queue: string, paused: boolean): Promise<void> {
    this.#call("pause");
    if (paused) this.#paused.add(queue);
    else this.#paused.delete(queue);
    this.#wake(queue);
  }

  /** Gives the recurring jobs. */
  async recurring(): Promise<readonly RecurringRecord[]> {
    this.#call("recurring");
    return [...this.#recurring.values()].sort((a, b) => a.id < b.id ? -1 : 1).map((it) => ({
      ...it,
      lastState: it.lastJob === undefined ? undefined : this.#rows.get(it.lastJob)?.state,
    }));
  }

  /** Stores a recurring job. */
  async putRecurring(
    recurring: Omit<RecurringRecord, "lastAt" | "lastJob" | "lastState">,
  ): Promise<boolean> {
    this.#call("putRecurring");
    const before = this.#recurring.get(recurring.id);
    const same = Object.keys({ ...before, ...recurring }).filter((it) => !varying.includes(it));
    if (before && same.every((it) => before[it as never] === recurring[it as never])) return false;
    const { lastAt, lastJob } = before ?? {};
    this.#recurring.set(recurring.id, { ...recurring, lastAt, lastJob });
    this.#wake();
    return true;
  }

  /** Forgets a recurring job. */
  async removeRecurring(id: string): Promise<boolean> {
    this.#call("removeRecurring");
    return this.#recurring.delete(id);
  }

  /** Makes the next job of a recurring one. */
  async fireRecurring(firing: RecurringFiring): Promise<"fired" | "busy" | "passed"> {
    this.#call("fireRecurring");
    const { id, seenAt, nextAt, job } = firing;
    const row = this.#recurring.get(id);
    if (!row || row.nextAt !== seenAt) return "passed";
    if (!job) {
      this.#recurring.set(id, { ...row, nextAt });
      return "fired";
    }
    const last = this.#rows.get(row.lastJob ?? "");
    if (!row.overlap && last && !ended.includes(last.state)) return "busy";
    const made = this.#add(job);
    this.#recurring.set(id, { ...row, nextAt, lastAt: this.#now(), lastJob: made.id });
    this.#wake(job.queue);
    return "fired";
  }

  /** Makes a job of a recurring one now. */
  async triggerRecurring(id: string, job: NewJob): Promise<AddedJob | undefined> {
    this.#call("triggerRecurring");
    const row = this.#recurring.get(id);
    if (!row) return undefined;
    const made = this.#add(job);
    this.#recurring.set(id, { ...row, lastAt: this.#now(), lastJob: made.id });
    this.#wake(job.queue);
    return made;
  }

  /** Stores that a server lives. */
  async beat(
    server: Omit<ServerRecord, "seenAt" | "startedAt">,
    minutes: readonly MinuteRecord[],
  ): Promise<void> {
    this.#call("beat");
    const now = this.#now();
    const startedAt = this.#servers.get(server.id)?.startedAt ?? now;
    this.#servers.set(server.id, { ...copy(server), startedAt, seenAt: now });
    for (const it of minutes) {
      const key = `${it.minute} ${it.queue}`;
      const before = this.#minutes.get(key);
      const sum = (name: "succeeded" | "failed" | "started" | "waited" | "ran"): number =>
        (before?.[name] ?? 0) + it[name];
      this.#minutes.set(key, {
        minute: it.minute,
        queue: it.queue,
        succeeded: sum("succeeded"),
        failed: sum("failed"),
        started: sum("started"),
        waited: sum("waited"),
        ran: sum("ran"),
      });
    }
  }

  /** Forgets a server. */
  async removeServer(id: string): Promise<void> {
    this.#call("removeServer");
    this.#servers.delete(id);
  }

  /** Gives the servers. */
  async servers(): Promise<readonly ServerRecord[]> {
    this.#call("servers");
    return copy([...this.#servers.values()].sort((a, b) => a.startedAt - b.startedAt));
  }

  /** Gives the counts of the minutes. */
  async minutes(from: number): Promise<readonly MinuteRecord[]> {
    this.#call("minutes");
    const oldest = Math.max(from, this.#now() - keptMinutes);
    return [...this.#minutes.values()].filter((it) => it.minute >= oldest)
      .sort((a, b) => a.minute - b.minute || (a.queue < b.queue ? -1 : 1));
  }

  /** Deletes what was kept long enough. */
  async purge(retention: Retention, max: number): Promise<number> {
    this.#call("purge");
    const now = this.#now();
    const old = this.#all((it) =>
      it.endedAt !== undefined &&
      it.endedAt + retention[it.state as keyof Retention] <= now &&
      !this.#all((child) => child.state === "awaiting").some((child) =>
        child.parents.includes(it.id)
      )
    ).slice(0, max);
    for (const { id } of old) this.#rows.delete(id);
    for (const [key, { minute }] of this.#minutes) {
      if (minute < now - keptMinutes) this.#minutes.delete(key);
    }
    for (const [id, { seenAt }] of this.#servers) {
      if (seenAt < now - keptServers) this.#servers.delete(id);
    }
    return old.length;
  }

  #now(): number {
    return Math.floor(this.#epoch + this.#clock.now());
  }

  #call(member: keyof JobStorage): void {
    const failure = this.#failures.get(member);
    if (!failure || failure.left <= 0) return;
    failure.left--;
    throw failure.error;
  }

  #wake(queue?: string): void {
    this.#listeners.tell(queue);
  }

  #all(condition: (row: Row) => boolean): Row[] {
    return [...this.#rows.values()].filter(condition);
  }

  #held({ id, token }: Hold): Row | undefined {
    const row = this.#rows.get(id);
    return row?.state === "processing" && row.token === token ? row : undefined;
  }

  /** The job that has a key now. */
  #ofKey(name: string, key: string): Row | undefined {
    return this.#all((it) => it.hasKey && it.name === name && it.key === key)[0];
  }

  #add(job: NewJob): AddedJob {
    const { id, name, key, delay, at, ...rest } = job;
    if (this.#rows.has(id)) return { id, added: false };
    const rival = key === undefined ? undefined : this.#ofKey(name, key);
    if (rival) return { id: rival.id, added: false };
    const createdAt = this.#now();
    const row: Row = {
      ...copy(rest),
      id,
      name,
      key,
      createdAt,
      dueAt: at ?? createdAt + (delay ?? 0),
      state: "awaiting",
      attempt: 0,
      cancelRequested: false,
      attempts: [],
      sequence: ++this.#sequence,
      token: 0,
      holdUntil: 0,
      hasKey: key !== undefined,
      log: [],
    };
    this.#rows.set(id, row);
    this.#release(row);
    return { id, added: true };
  }

  /** Lets a job that awaits others go on if it need not any more. */
  #release(row: Row): void {
    const parents = row.parents.map((it) => this.#rows.get(it)?.state as JobState);
    if (row.parentsOn === "succeeded" && parents.includes("cancelled")) return this.#cancel(row);
    const met: readonly JobState[] = row.parentsOn === "succeeded" ? ["succeeded"] : ended;
    if (!parents.every((it) => met.includes(it))) return;
    row.state = row.dueAt > this.#now() ? "scheduled" : "enqueued";
    this.#wake(row.queue);
  }

  #enqueueDue(): void {
    const now = this.#now();
    for (const row of this.#all((it) => it.state === "scheduled" && it.dueAt <= now)) {
      row.state = "enqueued";
    }
  }

  #note(row: Row, state: JobState, error: string | undefined): void {
    const record: AttemptRecord = {
      attempt: row.attempt,
      startedAt: row.startedAt as number,
      endedAt: this.#now(),
      server: row.server as string,
      state,
      error,
    };
    row.attempts = [...row.attempts, record].slice(-mostAttempts);
  }

  #cancel(row: Row): void {
    row.state = "cancelled";
    this.#end(row);
  }

  /** What the end of a job means to others. */
  #end(row: Row): void {
    row.endedAt = this.#now();
    row.hasKey = false;
    for (const child of this.#all((it) => it.state === "awaiting")) {
      if (child.parents.includes(row.id)) this.#release(child);
    }
  }
}

function recordOf(
  { sequence: _, token: _1, holdUntil: _2, hasKey: _3, log: _4, ...row }: Row,
): JobRecord {
  return copy(row);
}

/** What goes in or out is nobody else's, as with any engine. */
function copy<T>(value: T): T {
  return structuredClone(value);
}

function heldOf(row: Row): HeldJob {
  return { ...recordOf(row), token: row.token };
}
