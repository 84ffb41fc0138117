import { AbortError, Latch, link } from "../_abort.ts";
import { check, checkFinite, checkList, checkNames, checkWhole, nothing } from "../_check.ts";
import { place } from "../_builtin.ts";
import { draw } from "../_time/chance.ts";
import { backoff } from "../_time/backoff.ts";
import { BackgroundService } from "../background_service.ts";
import { insideOf } from "../consumers/_around.ts";
import type { Held } from "../consumers/_held_delivery.ts";
import { Pump } from "../consumers/_pump.ts";
import { report } from "../consumers/_report.ts";
import { readSettings } from "../consumers/_settings.ts";
import { decoder } from "../consumers/input.ts";
import type { HostedService, ServiceContext } from "../types.ts";
import { Chore } from "./_chore.ts";
import { type AttemptEnd, errorText, type JobDelivery } from "./_job_delivery.ts";
import { Minutes } from "./_minutes.ts";
import { write } from "./_payload.ts";
import { type QueueOwner, QueueSource } from "./_queue_source.ts";
import { Timetable } from "./_timetable.ts";
import type { AnyJob, JobContext } from "./job.ts";
import { checkRecurring, defineClient, JobClient, type JobClientOptions } from "./job_client.ts";
import type { AttemptReference } from "./job_event.ts";
import type { HeldJob, Retention, Settlement } from "./job_storage.ts";
import type { Recurring } from "./jobs.ts";

/** How a server works one queue off. */
export interface QueueOptions {
  /**
   * How many of its jobs this server runs at the same time; a whole number from 1.
   *
   * @default {10}
   */
  readonly concurrency?: number | undefined;
}

/**
 * Settings of a {@linkcode jobServer}, and all settings and hooks of a hosted service.
 *
 * @typeParam Inputs What each of the recurring jobs is given.
 */
export interface JobServerOptions<Inputs extends Readonly<Record<string, unknown>>>
  extends Omit<JobClientOptions, "details"> {
  /** What it can run. It takes no other jobs, and works off each queue that one of these names. */
  readonly jobs: readonly AnyJob[];
  /** How it works them off, by their names. */
  readonly queues?: Readonly<Record<string, QueueOptions>> | undefined;
  /** Recurring jobs that it stores in its start, by their ids. One that is left out later stays until `removeIfExists`. */
  readonly recurring?: { readonly [Id in keyof Inputs]: Recurring<Inputs[Id]> } | undefined;
  /**
   * Milliseconds after which the jobs of a server that has died are anybody's; a live one extends its hold every third
   * of that. 1000 or more.
   *
   * @default {15000}
   */
  readonly holdTimeout?: number | undefined;
  /**
   * How long jobs are kept after their end, in milliseconds; `Infinity` for ever.
   *
   * @default {{ succeeded: 86400000, cancelled: 86400000, failed: 2592000000 }}
   */
  readonly retention?: Partial<Retention> | undefined;
  /**
   * What runs around each attempt: a span, a scope, the context of an `AsyncLocalStorage`. As with a `consumer`, the
   * attempt ends as this does, and fails as this does.
   *
   * @param next Does the work, once, and settles as that does.
   */
  readonly around?: ((next: () => Promise<unknown>, item: JobContext) => unknown) | undefined;
  /**
   * A number from 0 up to, but not including, 1: the chance in the delays; injected by tests.
   *
   * @default {Math.random}
   */
  readonly random?: (() => number) | undefined;
}

/** What a {@linkcode jobServer} has done since it was made, and does now. */
export interface JobServerDetails {
  /** Its id in the storage, another one in each run; `undefined` before the first. */
  readonly server: string | undefined;
  /** Jobs in its hands. */
  readonly active: number;
  /** Jobs that are done. */
  readonly succeeded: number;
  /** Jobs whose last attempt failed here. */
  readonly failed: number;
  /** Failed attempts that another one is to follow. */
  readonly retried: number;
  /** Jobs that ended here because that was asked for. */
  readonly cancelled: number;
  /** Attempts that were interrupted and do not count. */
  readonly released: number;
  /** Attempts whose hold was lost. */
  readonly lost: number;
  /** Attempts of servers that were gone, which were found here. */
  readonly recovered: number;
}

const day = 24 * 60 * 60 * 1_000;

const own = ["jobs", "queues", "recurring", "holdTimeout", "retention", "around", "random"];

/** Milliseconds between two signs of life, and two looks at what is to end. */
const beatEvery = 5_000;
const cancelEvery = 500;
const purgeEvery = 60_000;
/** How many jobs one look for expired holds, or for old jobs, deals with. */
const batch = 100;
const purgeBatch = 1_000;

/** Options of any server. */
// deno-lint-ignore no-explicit-any -- of any recurring jobs
type AnyOptions = JobServerOptions<any>;

/** What holds in one run of a server. */
interface Run extends QueueOwner {
  /** The jobs in its hands whose end the storage was not told yet: those that can be cancelled. */
  readonly held: Map<string, JobDelivery>;
}

/** The background service a {@linkcode jobServer} is. */
export class JobServer extends JobClient {
  readonly #options: AnyOptions;
  readonly #jobs: ReadonlyMap<string, AnyJob>;
  readonly #concurrency: ReadonlyMap<string, number>;
  readonly #holdTimeout: number;
  readonly #retention: Retention;
  readonly #random: () => number;
  readonly #sources: QueueSource[] = [];
  readonly #pumps: Pump<HeldJob>[] = [];
  readonly #work: BackgroundService;
  readonly #location: string;
  readonly #minutes: Minutes = new Minutes();
  readonly #counts = {
    succeeded: 0,
    failed: 0,
    retried: 0,
    cancelled: 0,
    released: 0,
    lost: 0,
    recovered: 0,
  };
  #run: Run | undefined;
  #unsubscribe: () => void = nothing;

  /** For {@linkcode jobServer}, which adds the settings and hooks. */
  constructor(name: string, options: AnyOptions) {
    super(name, options, own);
    const { label } = this;
    const { holdTimeout = 15_000, retention = {}, around, random = Math.random } = options;
    checkFinite(`${label}.holdTimeout`, holdTimeout);
    if (holdTimeout < 1_000) {
      throw new RangeError(`Cannot use ${label}.holdTimeout: ${holdTimeout} is less than 1000 ms`);
    }
    if (around !== undefined) check(`${label}.around`, around, nothing);
    check(`${label}.random`, random, nothing);
    check(`${label}.retention`, retention, {});
    checkNames(`${label}.retention`, retention, ["succeeded", "failed", "cancelled"]);
    const { succeeded = day, cancelled = day, failed = 30 * day } = retention;
    check(`${label}.retention`, { succeeded, cancelled, failed }, {
      succeeded: 0,
      cancelled: 0,
      failed: 0,
    });
    const { hostname, process } = place();
    this.#location = `${hostname}:${process}`;
    this.#options = options;
    this.#holdTimeout = holdTimeout;
    this.#retention = { succeeded, cancelled, failed };
    this.#random = random;
    this.#jobs = readJobs(label, options.jobs);
    this.#concurrency = readQueues(label, options.queues, this.#jobs);
    for (const [id, it] of recurringOf(options)) {
      checkRecurring(id, it);
      const { job } = it;
      if (this.#jobs.get(job.name) === job) continue;
      throw new TypeError(
        `Cannot use recurring job "${id}": job "${job.name}" is none of the jobs of ${label}`,
      );
    }
    for (const [queue, concurrency] of this.#concurrency) this.#addQueue(queue, concurrency);
    this.#work = new Work((signal, context) => this.#execute(signal, context));
  }

  /** What it has done so far, as a fresh object; the host shows it in its status. */
  get details(): JobServerDetails {
    return { server: this.#run?.id, active: this.#active, ...this.#counts };
  }

  get #active(): number {
    return this.#pumps.reduce((sum, { details }) => sum + details.active, 0);
  }

  /** Settles as the work of the last run did; `undefined` before the first start. */
  get executeTask(): Promise<void> | undefined {
    return this.#work.executeTask;
  }

  /** Opens the storage, stores the recurring jobs, and begins the work. */
  override async start(signal: AbortSignal, context: ServiceContext): Promise<void> {
    await super.start(signal, context);
    try {
      for (const [id, it] of recurringOf(this.#options)) {
        signal?.throwIfAborted();
        await this.addOrUpdate(id, it);
      }
      this.#begin(context);
      await this.#work.start(signal, context);
    } catch (error) {
      await super.stop().catch(nothing); // what failed first counts
      throw error;
    }
  }

  /** Takes no more jobs. The host calls it on every service before it stops the first. */
  stopping(): void {
    for (const pump of this.#pumps) pump.close(new AbortError("The job server takes no more"));
  }

  /** Waits until all it holds is settled and no handler runs any more, then closes the storage. */
  override async stop(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
    this.stopping();
    await this.#work.stop(signal, context);
    this.#unsubscribe();
    for (const pump of this.#pumps) pump.end();
    await super.stop(signal, context);
  }

  /** What is wrong with the storage: it does not answer, or gives no jobs. */
  protected override async ask(): Promise<{ readonly error: unknown } | undefined> {
    const failure = await super.ask();
    return failure ?? this.#pumps.map((it) => it.outage).find((it) => it !== undefined);
  }

  /**
   * Resolves when it has no job in its hands, and for `quiet` ms in one piece the storage has given none: those that wait
   * for their time, for others, or for another server do not count. Also when it has stopped.
   *
   * @throws {TypeError} If `quiet` is no number; as a rejection.
   */
  async onIdle(options: { readonly quiet?: number | undefined } = {}): Promise<void> {
    const { quiet = 0 } = options;
    check(`${this.label}.onIdle options.quiet`, quiet, 0);
    await Promise.all(this.#pumps.map((it) => it.onIdle(quiet)));
  }

  #addQueue(queue: string, concurrency: number): void {
    const source = new QueueSource(queue, () => this.#run as Run);
    this.#sources.push(source);
    this.#pumps.push(
      new Pump<HeldJob>({
        source,
        settings: readSettings({ concurrency, random: this.#random }, this.label, source),
        limitsOf: ({ delivery }) => this.#jobs.get(delivery.value.name) as AnyJob,
        nameOf: ({ delivery: { value } }) => `job "${value.name}" (${value.id})`,
        handle: (held, signal) => this.#attempt(held, signal),
      }),
    );
  }

  #begin(context: ServiceContext): void {
    const held = new Map<string, JobDelivery>();
    this.#run = {
      id: crypto.randomUUID(),
      storage: this.storage,
      names: [...this.#jobs.keys()],
      holdTimeout: this.#holdTimeout,
      context,
      held,
      attemptsOf: ({ name }) => (this.#jobs.get(name) as AnyJob).retry.attempts,
      taken: (delivery) => held.set(delivery.value.id, delivery),
      settling(delivery) {
        const { id } = delivery.value;
        if (held.get(id) === delivery) held.delete(id); // it may have been taken again since
      },
      ended: (end) => this.#ended(end),
    };
    for (const pump of this.#pumps) pump.open();
  }

  // The work.

  /** Works the queues off until it is told to stop, then until all it holds is settled. */
  async #execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
    const run = this.#run as Run;
    const timetable = new Timetable({
      storage: this.storage,
      fired: (recurring, { id, name, queue }) => {
        this.tell({ type: "recurringFired", recurring, job: { id, name, queue } });
      },
      failed: (id, error) => {
        report(context, "error", `failed to make the next job of recurring job "${id}"`, { error });
      },
    });
    const recur = new Chore({
      what: "make the jobs of recurring ones",
      every: beatEvery,
      once: () => timetable.fire(),
    });
    this.#unsubscribe = this.storage.onWake((queue) => {
      for (const source of this.#sources) source.woken(queue);
      if (queue === undefined) recur.wake();
    });
    const untilStop = [
      recur,
      new Chore({
        what: "find jobs whose server is gone",
        every: Math.min(beatEvery, this.#holdTimeout / 3),
        once: () => this.#recover(run),
      }),
      new Chore({ what: "delete old jobs", every: purgeEvery, once: () => this.#purge(signal) }),
    ];
    const untilEnd = [
      new Chore({ what: "say that it lives", every: beatEvery, once: () => this.#beat(run) }),
      new Chore({
        what: "find jobs that are to end",
        every: cancelEvery,
        once: () => this.#lookForCancelled(run),
      }),
    ];
    const over = new Latch();
    const chores = [
      ...untilStop.map((it) => it.run(signal, context)),
      ...untilEnd.map((it) => it.run(over.signal, context)),
    ];
    await Promise.all(this.#pumps.map((it) => it.run(signal, context)));
    over.abort(new AbortError("The job server has nothing left in its hands"));
    await Promise.all(chores);
    await this.#leave(run);
  }

  /** Makes one attempt at a job. */
  async #attempt(held: Held<HeldJob>, signal: AbortSignal): Promise<void> {
    const delivery = held.delivery as JobDelivery;
    const { value: record, notebook, cancelled } = delivery;
    const job = this.#jobs.get(record.name) as AnyJob;
    const latch = new Latch();
    const unlink = link(signal, (reason) => latch.abort(reason));
    const unlinkCancel = link(cancelled.signal, (reason) => latch.abort(reason));
    const item: JobContext = {
      id: record.id,
      name: record.name,
      queue: record.queue,
      attempt: record.attempt,
      headers: record.headers,
      recurring: record.recurring,
      lastProgress: record.progress === undefined ? undefined : JSON.parse(record.progress),
      progress: (value) => notebook.progress(value),
      log: (line) => notebook.log(line),
      context: held.context,
    };
    delivery.begunAt = held.context.clock.now();
    this.#started(record);
    try {
      const input = await read(job, record.input, held);
      latch.signal.throwIfAborted(); // it may have meanwhile
      let result: unknown;
      const execute = async (): Promise<unknown> =>
        result = await job.execute(input, latch.signal, item);
      const { around } = this.#options;
      if (around) await insideOf((next) => around.call(this.#options, next, item), execute);
      else await execute();
      delivery.outcome = succeeded(record, result);
    } catch (error) {
      // It ends as cancelled, whatever it comes to: that is no failure to try again.
      if (!cancelled.aborted) throw error;
      delivery.outcome = { state: "failed", error: errorText(error) };
    } finally {
      unlink();
      unlinkCancel();
    }
  }

  #started(record: HeldJob): void {
    const { startedAt = NaN, dueAt, queue } = record;
    const waited = Math.max(0, startedAt - dueAt);
    const counts = this.#minutes.at(startedAt, queue);
    counts.started++;
    counts.waited += waited;
    this.tell({ type: "jobStarted", job: referenceOf(record), waited });
  }

  /** Takes note of what the storage has made of an attempt. */
  #ended({ delivery, settlement, state, error }: AttemptEnd): void {
    const { context } = this.#run as Run;
    const { value: record, begunAt } = delivery;
    const job = referenceOf(record);
    const { startedAt = NaN, queue } = record;
    const now = context.clock.now();
    const elapsed = now - (begunAt ?? now);
    const counts = this.#minutes.at(startedAt + elapsed, queue);
    if (state === "succeeded" || state === "failed") {
      counts[state]++;
      counts.ran += elapsed;
    }
    if (state === false) {
      this.#counts.lost++;
      this.tell({ type: "jobLost", job, elapsed });
    } else if (state === "succeeded") {
      this.#counts.succeeded++;
      this.tell({ type: "jobSucceeded", job, elapsed });
    } else if (state === "cancelled") {
      this.#counts.cancelled++;
      this.tell({ type: "jobCancelled", job, elapsed });
    } else if (state === "failed") {
      this.#counts.failed++;
      this.tell({ type: "jobFailed", job, elapsed, error });
    } else if (settlement.state === "scheduled") {
      this.#counts.retried++;
      this.tell({ type: "jobRetrying", job, elapsed, error, delay: settlement.delay });
    } else {
      this.#counts.released++;
      this.tell({ type: "jobReleased", job, elapsed });
    }
  }

  // What is done beside it.

  /** Ends the attempts of servers that are gone: each counts, so that a job which kills its process ends as failed. */
  async #recover({ names, context }: Run): Promise<void> {
    for (const record of await this.storage.expired(names, batch)) {
      const { retry } = this.#jobs.get(record.name) as AnyJob;
      const text = "Its server is gone: the hold on it has run out, so the attempt has failed";
      const isLast = record.attempt >= retry.attempts;
      // What died together must not come back together.
      const spread = { ...retry, jitter: Math.max(retry.jitter, 0.5) };
      const delay = backoff(spread, record.attempt, () => draw(this.#random));
      const settlement: Settlement = isLast
        ? { state: "failed", error: text }
        : { state: "scheduled", delay, error: text };
      const state = await this.storage.settle(record, settlement);
      if (state === false) continue; // somebody else was first
      this.#counts.recovered++;
      const what = `found job "${record.name}" (${record.id}), whose server is gone: attempt ` +
        `${record.attempt} of ${retry.attempts} has failed, it is ${state}`;
      report(context, "warn", what);
      this.tell({ type: "jobRecovered", job: referenceOf(record) });
    }
  }

  async #lookForCancelled({ id, held }: Run): Promise<void> {
    if (held.size === 0) return;
    for (const job of await this.storage.cancelRequests(id)) held.get(job)?.cancel();
  }

  async #purge(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && await this.storage.purge(this.#retention, purgeBatch) === purgeBatch);
  }

  async #beat({ id }: Run): Promise<void> {
    const minutes = this.#minutes.take();
    try {
      await this.storage.beat({
        id,
        name: this.name,
        location: this.#location,
        queues: Object.fromEntries(this.#concurrency),
        active: this.#active,
      }, minutes);
    } catch (error) {
      this.#minutes.putBack(minutes);
      throw error;
    }
  }

  /** Says what was counted last, and that it is gone. */
  async #leave(run: Run): Promise<void> {
    try {
      await this.#beat(run);
      await this.storage.removeServer(run.id);
    } catch (error) {
      report(run.context, "warn", "failed to say that it stops", { error });
    }
  }
}

/**
 * A server of jobs: a background service that runs the jobs of a storage, and all that a `jobClient` is. It works from its
 * start to the end of its stop; list it before the services that enqueue.
 *
 * A job is run *at least once*: it may be run again after a crash, a stop whose grace ended, or a hold that was lost. One that fails
 * is tried again after a growing delay, by its `retry`; where its last attempt ends it is `failed`, and stays so until it is queued again. Several
 * servers may share a storage, and each may know other jobs: it takes those whose names it knows.
 *
 * When the host stops, it takes no more (in `stopping`), and finishes what it has in its hands (in `stop`). When the grace
 * ends, the signals of the attempts abort; what is not finished one macrotask later goes back and does not count as an attempt.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If something has the wrong type, two jobs have one name, a queue has settings and no job, or a recurring job
 * runs a job that is not in the list.
 * @throws {RangeError} If a number is out of range.
 *
 * @example One job after another
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { defineJob, jobServer } from "@runhost/host/jobs";
 * import { FakeJobStorage } from "@runhost/host/testing";
 * import { deepEqual } from "node:assert/strict";
 *
 * const log: string[] = [];
 * const pack = defineJob("pack", { execute: (order: number) => log.push(`pack ${order}`) });
 * const ship = defineJob("ship", { execute: (order: number) => log.push(`ship ${order}`) });
 * const jobs = jobServer("jobs", {
 *   storage: new FakeJobStorage(), // in a program: sqlite("data/jobs.db")
 *   jobs: [pack, ship],
 * });
 *
 * const host = createHost([jobs], { logger: false });
 * await host.start();
 * const packed = await jobs.enqueue(pack, 1);
 * await jobs.result(await jobs.enqueue(ship, 1, { after: packed }));
 * await host.stop();
 *
 * deepEqual(log, ["pack 1", "ship 1"]);
 * ```
 */
export function jobServer<Inputs extends Readonly<Record<string, unknown>>>(
  name: string,
  options: JobServerOptions<Inputs>,
): JobServer & HostedService {
  return defineClient(new JobServer(name, options), name, options);
}

/** The work of a server, as a background service within it. */
class Work extends BackgroundService {
  readonly #execute: (signal: AbortSignal, context: ServiceContext) => Promise<void>;

  constructor(execute: (signal: AbortSignal, context: ServiceContext) => Promise<void>) {
    super();
    this.#execute = execute;
  }

  override execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
    return this.#execute(signal, context);
  }
}

function readJobs(label: string, list: readonly AnyJob[]): ReadonlyMap<string, AnyJob> {
  checkList(`${label}.jobs`, list);
  const jobs = new Map<string, AnyJob>();
  for (const job of list) {
    check(`a job of ${label}`, job, { name: "", execute: nothing });
    if (jobs.has(job.name)) {
      throw new TypeError(`Cannot use ${label}.jobs: two jobs have the name "${job.name}"`);
    }
    jobs.set(job.name, job);
  }
  return jobs;
}

/** How many jobs of each queue run at the same time. */
function readQueues(
  label: string,
  options: Readonly<Record<string, QueueOptions>> = {},
  jobs: ReadonlyMap<string, AnyJob>,
): ReadonlyMap<string, number> {
  check(`${label}.queues`, options, {});
  const queues = new Map([...jobs.values()].map(({ queue }) => [queue, 10]));
  for (const [queue, its] of Object.entries(options)) {
    const named = `${label}.queues.${queue}`;
    if (!queues.has(queue)) {
      throw new TypeError(`Cannot use ${named}: none of its jobs has this queue`);
    }
    check(named, its, {});
    checkNames(named, its, ["concurrency"]);
    const { concurrency = 10 } = its;
    checkWhole(`${named}.concurrency`, concurrency, 1);
    queues.set(queue, concurrency);
  }
  return queues;
}

function recurringOf({ recurring = {} }: AnyOptions): [string, Recurring][] {
  return Object.entries(recurring) as [string, Recurring][];
}

function referenceOf({ id, name, queue, attempt }: HeldJob): AttemptReference {
  return { id, name, queue, attempt };
}

/** The input as the handler wants it. What the schema refuses will never be right. */
async function read(job: AnyJob, input: string, held: Held<HeldJob>): Promise<unknown> {
  try {
    const value: unknown = JSON.parse(input);
    return job.input ? await decoder(job.input)(value) : value;
  } catch (error) {
    held.refused = true;
    throw error;
  }
}

/** What a job becomes that is done: a result that cannot be stored does not undo the work. */
function succeeded({ name }: HeldJob, result: unknown): Settlement {
  try {
    return { state: "succeeded", result: write(`the result of job "${name}"`, result) };
  } catch (error) {
    return { state: "succeeded", error: errorText(error) };
  }
}
