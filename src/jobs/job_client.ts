import {
  check,
  checkList,
  checkNames,
  checkSignal,
  checkWhole,
  checkWord,
  nothing,
  refuse,
} from "../_check.ts";
import { log } from "../_log.ts";
import { Rest } from "../_time/rest.ts";
import { Turns } from "../_time/turns.ts";
import { decoder } from "../consumers/input.ts";
import { readPattern } from "./_pattern.ts";
import { HostStateError } from "../errors.ts";
import { define } from "../hosted_service.ts";
import type { HostedService, HostedServiceHooks, ServiceContext } from "../types.ts";
import { endedStates, jobStates, sumCounts } from "./_conventions.ts";
import { write } from "./_payload.ts";
import { JobFailedError } from "./errors.ts";
import { type AnyJob, checkName, checkPriority, type Job } from "./job.ts";
import type { JobEvent } from "./job_event.ts";
import type {
  JobDetails,
  JobFilter,
  JobPage,
  MinuteRecord,
  QueueRecord,
  RecurringRecord,
  ServerRecord,
} from "./job_record.ts";
import type { JobStorage, NewJob } from "./job_storage.ts";
import type {
  EnqueueAllOptions,
  EnqueueOptions,
  JobCounts,
  JobId,
  Jobs,
  ListOptions,
  Recurring,
} from "./jobs.ts";

/** Settings of a {@linkcode jobClient}, and all settings and hooks of a hosted service. */
export interface JobClientOptions extends HostedServiceHooks {
  /** Where the jobs are kept: the same as of the servers that run them. */
  readonly storage: JobStorage;
  /**
   * What its health is while the storage does not answer: `degraded` is shown, but leaves the host ready; `unhealthy`
   * does not.
   *
   * @default {"degraded"}
   */
  readonly outage?: "degraded" | "unhealthy" | undefined;
}

/** How many jobs one call of `cancelAll` or `requeueAll` to the storage changes. */
const batch = 500;

/** Milliseconds between two looks at a job whose result is awaited, at first and at most. */
const looks = { first: 50, most: 1_000 };

/** The service a {@linkcode jobClient} is. */
export class JobClient implements Jobs, HostedService {
  /** What the host calls it. */
  declare readonly name: string;
  /** How messages call it. */
  protected readonly label: string;
  /** Where the jobs are kept. */
  protected readonly storage: JobStorage;
  /** Of the last start; `undefined` while it has not started, or has stopped. */
  protected context: ServiceContext | undefined;
  readonly #listeners: Set<(event: JobEvent) => void> = new Set();
  readonly #options: JobClientOptions;
  /** Callers of `result`. */
  readonly #waiting: Set<Rest> = new Set();
  readonly #turns: Turns = new Turns();

  /** For {@linkcode jobClient}, which adds the settings and hooks. */
  constructor(name: string, options: JobClientOptions, own: readonly string[] = []) {
    check("the name of a service", name, "");
    this.label = `service "${name}"`;
    check(this.label, options, {});
    checkNames(this.label, options, ["storage", "outage", ...own]);
    check(`${this.label}.storage`, options.storage, { start: nothing, add: nothing });
    checkWord(`${this.label}.outage`, options.outage ?? "degraded", ["degraded", "unhealthy"]);
    this.storage = options.storage;
    this.#options = options;
  }

  /** Opens the storage. */
  async start(signal: AbortSignal, context: ServiceContext): Promise<void> {
    await this.storage.start(signal, context);
    this.context = context;
  }

  /** Closes the storage. */
  async stop(_signal?: AbortSignal, _context?: ServiceContext): Promise<void> {
    if (!this.context) return;
    this.context = undefined;
    for (const rest of this.#waiting) rest.wake();
    await this.storage.stop();
  }

  /** Says whether the storage answers, and what the options' own `health` says. See {@linkcode JobClientOptions.outage}. */
  async health(signal: AbortSignal): Promise<unknown> {
    const asked = this.ask();
    const own = await this.#options.health?.(signal);
    const failure = await asked;
    if (own === false || !failure) return own;
    if (this.#options.outage === "unhealthy") throw failure.error;
    return { status: "degraded", error: failure.error };
  }

  /** What is wrong with the storage, if anything. Never rejects. */
  protected async ask(): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.open.now();
    } catch (error) {
      return { error };
    }
  }

  /** See {@linkcode Jobs.enqueue}. */
  async enqueue<Output, Input>(
    // deno-lint-ignore no-explicit-any -- see `Jobs`
    job: Job<any, Output, Input>,
    input: NoInfer<Input>,
    options: EnqueueOptions = {},
  ): Promise<JobId<Output>> {
    check("the options of enqueue", options, {});
    const [id] = await this.#add(job, [input], options);
    return id as JobId<Output>;
  }

  /** See {@linkcode Jobs.enqueueAll}. */
  async enqueueAll<Output, Input>(
    // deno-lint-ignore no-explicit-any -- see `Jobs`
    job: Job<any, Output, Input>,
    inputs: Iterable<NoInfer<Input>>,
    options: EnqueueAllOptions = {},
  ): Promise<JobId<Output>[]> {
    checkList("the inputs of enqueueAll", inputs);
    check("the options of enqueueAll", options, {});
    return await this.#add(job, [...inputs], { ...options, id: undefined }) as JobId<Output>[];
  }

  /** See {@linkcode Jobs.cancel}. */
  async cancel(id: string): Promise<boolean> {
    check("the id of a job", id, "");
    return (await this.open.cancel([id])).length > 0;
  }

  /** See {@linkcode Jobs.cancelAll}. */
  cancelAll(filter: JobFilter): Promise<number> {
    return this.#changeAll(filter, (ids) => this.open.cancel(ids));
  }

  /** See {@linkcode Jobs.requeue}. */
  async requeue(id: string): Promise<boolean> {
    check("the id of a job", id, "");
    return (await this.open.requeue([id])).length > 0;
  }

  /** See {@linkcode Jobs.requeueAll}. */
  requeueAll(filter: JobFilter): Promise<number> {
    return this.#changeAll(filter, (ids) => this.open.requeue(ids));
  }

  /** See {@linkcode Jobs.get}. */
  async get(id: string): Promise<JobDetails | undefined> {
    check("the id of a job", id, "");
    return await this.open.get(id);
  }

  /** See {@linkcode Jobs.result}. */
  async result<Output>(
    id: JobId<Output>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Output> {
    check("the id of a job", id, "");
    check("the options of result", options, {});
    const { signal } = options;
    checkSignal("the signal of result", signal);
    const rest = new Rest();
    const forget = this.open.onWake(() => rest.wake());
    const { clock } = this.context as ServiceContext;
    this.#waiting.add(rest);
    try {
      for (let pause = looks.first;; pause = Math.min(2 * pause, looks.most)) {
        signal?.throwIfAborted();
        rest.begin();
        const job = await this.open.get(id);
        if (job?.state === "succeeded" && job.error === undefined) {
          return (job.result === undefined ? undefined : JSON.parse(job.result)) as Output;
        }
        if (!job || endedStates.includes(job.state)) {
          throw new JobFailedError(id, job?.state, job?.error);
        }
        await rest.wait(pause, clock, signal);
      }
    } finally {
      forget();
      this.#waiting.delete(rest);
    }
  }

  /** See {@linkcode Jobs.list}. */
  async list(options: ListOptions = {}): Promise<JobPage> {
    check("the options of list", options, {});
    const { after, limit = 100, from, to, ...rest } = options;
    checkWhole("the options of list.limit", limit, 1);
    if (limit > 1_000) throw new RangeError(`Cannot list ${limit} jobs at once: 1000 at most`);
    if (after !== undefined) check("the options of list.after", after, "");
    const filter = { ...rest, from: optionalTime("from", from), to: optionalTime("to", to) };
    checkFilter("the options of list", filter);
    return await this.open.list(filter, limit, after);
  }

  /** See {@linkcode Jobs.counts}. */
  async counts(queue?: string): Promise<JobCounts> {
    const queues = await this.open.queues();
    return sumCounts(queues.filter((it) => queue === undefined || it.queue === queue));
  }

  /** See {@linkcode Jobs.queues}. */
  async queues(): Promise<readonly QueueRecord[]> {
    return await this.open.queues();
  }

  /** See {@linkcode Jobs.now}. */
  async now(): Promise<number> {
    return await this.open.now();
  }

  /** See {@linkcode Jobs.minutes}. */
  async minutes(from: Date | number): Promise<readonly MinuteRecord[]> {
    return await this.open.minutes(timeOf("from", from));
  }

  /** See {@linkcode Jobs.pause}. */
  async pause(queue: string): Promise<void> {
    checkName("the name of a queue", queue);
    await this.open.pause(queue, true);
  }

  /** See {@linkcode Jobs.resume}. */
  async resume(queue: string): Promise<void> {
    checkName("the name of a queue", queue);
    await this.open.pause(queue, false);
  }

  /** See {@linkcode Jobs.addOrUpdate}. */
  async addOrUpdate<Input>(id: string, recurring: Recurring<Input>): Promise<void> {
    const label = checkRecurring(id, recurring as Recurring);
    const { job, input, pattern, timeZone, missed = "runOnce" } = recurring;
    const nextAfter = await readPattern(label, pattern, timeZone);
    const { queue, priority, input: text, key, keyUntil } = await newJob(job, input);
    await this.open.putRecurring({
      id,
      job: job.name,
      queue,
      priority,
      input: text,
      key,
      keyUntil,
      overlap: job.overlap,
      pattern,
      timeZone,
      missed,
      nextAt: nextAfter(await this.open.now()),
    });
  }

  /** See {@linkcode Jobs.removeIfExists}. */
  async removeIfExists(id: string): Promise<boolean> {
    check("the id of a recurring job", id, "");
    return await this.open.removeRecurring(id);
  }

  /** See {@linkcode Jobs.trigger}. */
  async trigger(id: string): Promise<JobId | undefined> {
    check("the id of a recurring job", id, "");
    const recurring = (await this.open.recurring()).find((it) => it.id === id);
    if (!recurring) return undefined;
    const job = jobOf(recurring);
    const added = await this.open.triggerRecurring(id, job);
    if (added?.added) this.#enqueued(job);
    return added?.id as JobId | undefined;
  }

  /** See {@linkcode Jobs.recurring}. */
  async recurring(): Promise<readonly RecurringRecord[]> {
    return await this.open.recurring();
  }

  /** See {@linkcode Jobs.servers}. */
  async servers(): Promise<readonly ServerRecord[]> {
    return await this.open.servers();
  }

  /** See {@linkcode Jobs.subscribe}. */
  subscribe(listener: (event: JobEvent) => void): () => void {
    check("the listener of jobs", listener, nothing);
    const own = (event: JobEvent): void => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * The storage, while it is open.
   *
   * @throws {HostStateError} Before the start and after the stop.
   */
  protected get open(): JobStorage {
    if (this.context) return this.storage;
    throw new HostStateError(
      `Cannot use ${this.label}: it works from its start to the end of its stop; list it before the services that use it`,
    );
  }

  /** Tells all listeners, and lets none of them do harm. */
  protected tell(event: JobEvent): void {
    for (const listener of [...this.#listeners]) { // one may add another
      const failed = (error: unknown): void => {
        const { logger } = this.context ?? { logger: console };
        log(logger, "error", `Service "${this.name}" has a listener that failed`, { error });
      };
      try {
        const result = listener(event) as unknown;
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  #enqueued({ id, name, queue }: NewJob): void {
    this.tell({ type: "jobEnqueued", job: { id, name, queue } });
  }

  async #add(job: AnyJob, inputs: readonly unknown[], options: EnqueueOptions): Promise<string[]> {
    const storage = this.open;
    checkOptions(options);
    const jobs: NewJob[] = [];
    for (const input of inputs) {
      while (this.#turns.due()) await this.#turns.give();
      jobs.push(await newJob(job, input, options));
    }
    if (jobs.length === 0) return [];
    const added = await storage.add(jobs, options.transaction);
    jobs.forEach((it, index) => added[index]?.added && this.#enqueued(it));
    return added.map((it) => it.id);
  }

  /** Changes page by page: what is made meanwhile is newer than the first page, and left alone. */
  async #changeAll(
    filter: JobFilter,
    change: (ids: readonly string[]) => Promise<readonly string[]>,
  ): Promise<number> {
    check("the filter", filter, {});
    checkFilter("the filter", filter);
    let count = 0;
    let after: string | undefined;
    do {
      const { jobs, next }: JobPage = await this.open.list(filter, batch, after);
      if (jobs.length > 0) count += (await change(jobs.map((it) => it.id))).length;
      after = next;
    } while (after !== undefined);
    return count;
  }
}

/**
 * What a process needs that only enqueues jobs, or looks after them: a hosted service that opens the storage in its
 * `start` and closes it in its `stop`. List it before the services that use it.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If something has the wrong type.
 *
 * @example A web process, whose jobs run elsewhere
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { defineJob, jobClient } from "@runhost/host/jobs";
 * import { FakeJobStorage } from "@runhost/host/testing";
 * import { equal } from "node:assert/strict";
 *
 * const sendMail = defineJob("send-mail", { execute: async (_: { to: string }) => {} });
 * const jobs = jobClient("jobs", { storage: new FakeJobStorage() }); // sqlite(...) or postgres(...)
 *
 * const host = createHost([jobs], { logger: false });
 * await host.start();
 * await jobs.enqueue(sendMail, { to: "ada@example.com" });
 * equal((await jobs.counts()).enqueued, 1);
 * await host.stop();
 * ```
 */
export function jobClient(name: string, options: JobClientOptions): JobClient & HostedService {
  return defineClient(new JobClient(name, options), name, options);
}

/** Gives a client its settings and hooks; its own `health` asks for that of the options. */
export function defineClient<C extends JobClient>(
  client: C,
  name: string,
  options: HostedServiceHooks,
): C & HostedService {
  const service = define(client, name, options);
  Reflect.deleteProperty(service, "health");
  return service;
}

/** A job as it is stored; its schema has looked at the input. */
export async function newJob(
  job: AnyJob,
  input: unknown,
  options: EnqueueOptions = {},
): Promise<NewJob> {
  check("a job", job, { name: "", execute: nothing });
  const { name, queue, priority, unique } = job;
  if (job.input) await decoder(job.input)(input);
  const text = write(`the input of job "${name}"`, input);
  const key = unique?.key(input);
  if (key !== undefined) check(`the key of job "${name}"`, key, "");
  const { after = [] } = options;
  return {
    id: options.id ?? crypto.randomUUID(),
    name,
    queue,
    priority: options.priority ?? priority,
    input: text,
    headers: { ...options.headers },
    delay: options.delay,
    at: options.at === undefined ? undefined : timeOf("at", options.at),
    key,
    keyUntil: unique?.until ?? "started",
    parents: [...new Set(typeof after === "string" ? [after] : after)],
    parentsOn: options.on ?? "succeeded",
  };
}

/** A job of a recurring one. */
export function jobOf(recurring: RecurringRecord): NewJob {
  const { id, job, queue, priority, input, key, keyUntil } = recurring;
  return {
    id: crypto.randomUUID(),
    name: job,
    queue,
    priority,
    input,
    headers: {},
    key,
    keyUntil,
    parents: [],
    parentsOn: "succeeded",
    recurring: id,
  };
}

/** Checks a recurring job, but for its input, pattern and zone; gives what messages call it. */
export function checkRecurring(id: string, recurring: Recurring): string {
  checkName("the id of a recurring job", id);
  const label = `recurring job "${id}"`;
  check(label, recurring, { job: { name: "", execute: nothing } });
  checkNames(label, recurring, ["job", "input", "pattern", "timeZone", "missed"]);
  checkWord(`${label}.missed`, recurring.missed ?? "runOnce", ["runOnce", "skip"]);
  return label;
}

function checkOptions(options: EnqueueOptions): void {
  const label = "the options of enqueue";
  const { id, priority, delay, at, after, on, headers } = options;
  const names = ["id", "priority", "delay", "at", "after", "on", "transaction", "headers"];
  checkNames(label, options, names);
  if (id !== undefined) checkName(`${label}.id`, id);
  if (priority !== undefined) checkPriority(`${label}.priority`, priority);
  if (delay !== undefined) checkFiniteTime(`${label}.delay`, delay);
  if (delay !== undefined && at !== undefined) {
    throw new TypeError(`Cannot use ${label}: give delay or at, not both`);
  }
  if (after !== undefined && typeof after !== "string") {
    checkList(`${label}.after`, after);
    for (const it of after) check(`${label}.after`, it, "");
  }
  if (on !== undefined) checkWord(`${label}.on`, on, ["succeeded", "ended"]);
  if (headers !== undefined) check(`${label}.headers`, headers, {});
  for (const [name, value] of Object.entries(headers ?? {})) {
    check(`${label}.headers.${name}`, value, "");
  }
}

/** Checks a time that a storage can add to its own. */
function checkFiniteTime(label: string, ms: unknown): void {
  check(label, ms, 0);
  if ((ms as number) > 8.64e15) throw new RangeError(`Cannot use ${label}: ${ms} is not finite`);
}

/** Checks a filter. A misspelt condition would leave all jobs to be cancelled, say: it is refused. */
function checkFilter(label: string, filter: JobFilter): void {
  const { state, queue, job, search, recurring, from, to, ...unknown } = filter;
  const [name] = Object.keys(unknown);
  if (name !== undefined) {
    throw new TypeError(
      `Cannot use ${label}: there is no "${name}"; it may have state, queue, job, search, recurring, from and to`,
    );
  }
  for (const it of [state ?? []].flat()) checkWord(`${label}.state`, it, jobStates);
  for (const [name, time] of Object.entries({ from, to })) {
    if (time !== undefined) checkTime(`${label}.${name}`, time);
  }
  for (const [name, value] of Object.entries({ queue, job, search, recurring })) {
    if (value !== undefined) check(`${label}.${name}`, value, "");
  }
}

/** Checks a time that is compared with those of records. */
function checkTime(label: string, time: unknown): void {
  if (typeof time !== "number") refuse(label, "milliseconds since 1970", time);
  if (Number.isNaN(time)) throw new RangeError(`Cannot use ${label}: NaN is no time`);
}

function optionalTime(label: string, date: Date | number | undefined): number | undefined {
  return date === undefined ? undefined : timeOf(label, date);
}

/** A date as a storage knows it. */
function timeOf(label: string, date: Date | number): number {
  const time = typeof date === "number" ? date : Number(date instanceof Date ? date : NaN);
  if (Number.isFinite(time)) return Math.round(time);
  throw new TypeError(`Cannot use ${label}: expected a Date or milliseconds since 1970`);
}
