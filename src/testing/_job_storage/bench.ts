import { nothing } from "../../_check.ts";
import { globalClock } from "../../_time/timer.ts";
import { broken, type ContractFixture, type ContractOptions, Patience } from "../contract.ts";
import { testContext } from "../test_context.ts";
import type { JobDetails, JobFilter, JobState, RecurringRecord } from "../../jobs/job_record.ts";
import type {
  HeldJob,
  JobStorage,
  NewJob,
  RecurringFiring,
  Settlement,
  TakeOptions,
} from "../../jobs/job_storage.ts";

/**
 * What a storage may be able to do beyond the rest.
 *
 * - `transactions`: its `add` takes the caller's own. Takes `JobStorageFixture.transaction`.
 * - `versions`: it has tables that newer versions may change. Takes `JobStorageFixture.renew`.
 */
export type JobStorageTrait = "transactions" | "versions";

/** Options of a `jobStorageContract`. */
export interface JobStorageContractOptions extends ContractOptions {
  /**
   * What the storage can do beyond the rest.
   *
   * @default {[]}
   */
  readonly can?: readonly JobStorageTrait[] | undefined;
  /**
   * How many milliseconds a hold or a delay lasts whose end a check waits for. However long calls take: no check
   * relies on it that one is not over yet.
   *
   * @default {300}
   */
  readonly holdTimeout?: number | undefined;
}

/** A store of an engine, empty and for one check alone: what a `jobStorageContract` works with. */
export interface JobStorageFixture extends ContractFixture {
  /**
   * Opens the store, as another process would: each time a storage of its own, not started; the checks do that, and
   * stop it. A store that lives in one object gives that.
   */
  open(): JobStorage | Promise<JobStorage>;
  /**
   * Runs something in a transaction of the caller's own: commits it when that has fulfilled, rolls it back and rejects
   * when that has rejected.
   *
   * @param work Takes what `JobStorage.add` is given as `transaction`.
   */
  transaction?(work: (transaction: unknown) => Promise<void>): Promise<void>;
  /** Makes the store one that a newer version of this package has written, as far as its own notes say. */
  renew?(): Promise<void>;
}

/** One check of the contract. */
export interface JobStorageCheck {
  readonly name: string;
  readonly needs?: JobStorageTrait;
  /** Checks it, on a storage that is started. */
  check(storage: JobStorage, bench: JobBench): Promise<void>;
}

/** A hold that no check waits for. */
const long = 600_000;

/** A store, and the storages that a check has opened over it. */
export class JobBench extends Patience {
  /** A hold, or a delay, whose end a check waits for. */
  readonly short: number;
  readonly long: number = long;
  readonly fixture: JobStorageFixture;
  readonly #open: JobStorage[] = [];

  constructor(fixture: JobStorageFixture, options: JobStorageContractOptions) {
    super(options, fixture.clock);
    this.fixture = fixture;
    this.short = options.holdTimeout ?? 300;
  }

  /** Runs a check, and stops whatever it has opened. */
  async run(check: JobStorageCheck["check"]): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    try {
      await check(await this.open(), this);
    } catch (error) {
      failure = { error };
    }
    for (const storage of this.#open.reverse()) {
      try {
        await storage.stop();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }

  /** Opens the store once more, and starts that. */
  async open(): Promise<JobStorage> {
    const storage = await this.unstarted();
    await this.start(storage);
    return storage;
  }

  /** Opens the store, and leaves it to the check to start that. Each call has to settle. */
  async unstarted(): Promise<JobStorage> {
    return this.#watch(await this.fulfils("the fixture's open()", () => this.fixture.open()));
  }

  /** Starts a storage, which is stopped when the check is over. */
  async start(storage: JobStorage): Promise<void> {
    const context = { ...testContext({ name: "contract" }), clock: this.clock ?? globalClock };
    await storage.start(new AbortController().signal, context);
    this.#open.push(storage);
  }

  /** Ends what one start has begun. */
  async stop(storage: JobStorage): Promise<void> {
    this.#open.splice(this.#open.lastIndexOf(storage), 1);
    await storage.stop();
  }

  /** A storage of whose members each fulfils in time, and says which did not. */
  #watch(storage: JobStorage): JobStorage {
    return new Proxy(storage, {
      get: (_, member: keyof JobStorage) => {
        const call = storage[member] as unknown as (...values: unknown[]) => unknown;
        if (typeof call !== "function") return call; // it has no `then`, for one
        return (...values: unknown[]) =>
          member === "onWake"
            ? call.apply(storage, values)
            : this.fulfils(`${member}()`, () => call.apply(storage, values));
      },
    });
  }

  /** Fails unless two values are the same, member by member; one that is `undefined` need not be there. */
  same(actual: unknown, wanted: unknown, what: string, look: string): void {
    if (sorted(actual) === sorted(wanted)) return;
    throw broken(`${what} is ${show(wanted)}`, `it is ${show(actual)}`, look);
  }

  /** Fails unless two lists have the same texts, in any order. */
  sameSet(actual: readonly string[], wanted: readonly string[], what: string, look: string): void {
    this.same([...actual].sort(), [...wanted].sort(), what, look);
  }

  holds(condition: boolean, expected: string, happened: unknown, look: string): void {
    if (!condition) throw broken(expected, `it is ${show(happened)}`, look);
  }

  /** Fails unless a time of the storage is between two others; it may round them. */
  between(
    time: number | undefined,
    from: number,
    to: number,
    what: string,
    look: string,
  ): void {
    this.holds(
      typeof time === "number" && time >= from - 1 && time <= to + 1,
      `${what} is from ${from} to ${to}`,
      time,
      look,
    );
  }

  /** Waits until a hold, or a delay, of `short` is over. */
  async outlast(): Promise<void> {
    await this.pass(this.short * 1.1 + 20);
  }

  /** The state that each of some jobs has; `undefined` for one that is not stored. */
  async states(
    storage: JobStorage,
    ids: readonly string[],
  ): Promise<readonly (JobState | undefined)[]> {
    const states: (JobState | undefined)[] = [];
    for (const id of ids) states.push((await storage.get(id))?.state);
    return states;
  }

  /** Fails unless some jobs are in these states. */
  async are(
    storage: JobStorage,
    wanted: Readonly<Record<string, JobState | undefined>>,
    look: string,
  ): Promise<void> {
    const ids = Object.keys(wanted);
    const states = await this.states(storage, ids);
    const actual = Object.fromEntries(ids.map((id, index) => [id, states[index] ?? "not stored"]));
    const expected = Object.fromEntries(ids.map((id) => [id, wanted[id] ?? "not stored"]));
    this.same(actual, expected, "the state of each job", look);
  }

  /** One job that has to be stored. */
  async details(storage: JobStorage, id: string): Promise<JobDetails> {
    const job = await storage.get(id);
    if (!job) throw broken(`job "${id}" is stored`, "get() gives undefined", "add(), and get()");
    return job;
  }

  /** Takes one job, which has to be there. */
  async takeOne(storage: JobStorage, options?: Partial<TakeOptions>): Promise<HeldJob> {
    const { jobs } = await storage.take(takeOf({ max: 1, ...options }));
    if (jobs.length === 1) return jobs[0] as HeldJob;
    throw broken("take() with a max of 1 gives a job", `it gives ${jobs.length}`, "take()");
  }

  /** Takes jobs, which have to be there, by their ids. */
  async hold<Id extends string>(
    storage: JobStorage,
    ids: readonly Id[],
    options?: Partial<TakeOptions>,
  ): Promise<Readonly<Record<Id, HeldJob>>> {
    const { jobs } = await storage.take(takeOf({ max: ids.length, ...options }));
    this.sameSet(jobs.map(({ id }) => id), ids, "what take() gives", "take()");
    return Object.fromEntries(jobs.map((it) => [it.id, it])) as Record<Id, HeldJob>;
  }

  /** Takes what there is, and gives its ids. */
  async taken(storage: JobStorage, options?: Partial<TakeOptions>): Promise<readonly string[]> {
    return (await storage.take(takeOf(options))).jobs.map(({ id }) => id);
  }

  /** Settles a hold that has to stand. */
  async settle(
    storage: JobStorage,
    { id, token }: HeldJob,
    settlement: Settlement = { state: "succeeded" },
    state: JobState = settlement.state,
  ): Promise<void> {
    const look = `settle() as ${settlement.state}`;
    this.same(await storage.settle({ id, token }, settlement), state, "what settle() gives", look);
  }

  /**
   * Stores a job, due in `long` if it is to be `scheduled`, and brings it to a state. What it is to pass through
   * must find the queue empty.
   */
  async put(
    storage: JobStorage,
    id: string,
    state: Exclude<JobState, "awaiting">,
    fields: Partial<NewJob> = {},
  ): Promise<void> {
    const { queue = "default", name = "job" } = fields;
    await storage.add([jobOf(id, state === "scheduled" ? { delay: long, ...fields } : fields)]);
    if (state === "cancelled") await storage.cancel([id]);
    if (state === "scheduled" || state === "enqueued" || state === "cancelled") return;
    const { [id]: job } = await this.hold(storage, [id], { queue, names: [name] }) as {
      readonly [id: string]: HeldJob;
    };
    if (!job) return;
    if (state === "succeeded") await this.settle(storage, job, { state, result: `"${id}"` });
    if (state === "failed") await this.settle(storage, job, { state, error: `Error of ${id}` });
  }

  /** The ids of all jobs that a filter means, a page after the other. */
  async listed(
    storage: JobStorage,
    filter: JobFilter = {},
    limit: number = 100,
    between: () => Promise<void> = async () => {},
  ): Promise<readonly string[]> {
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const page = await storage.list(filter, limit, after);
      const { length } = page.jobs;
      this.holds(length <= limit, `list() gives ${limit} jobs at most`, length, "the limit");
      this.holds(
        length > 0 || page.next === undefined,
        "next is undefined when no job is left",
        page.next,
        "next of list()",
      );
      ids.push(...page.jobs.map(({ id }) => id));
      after = page.next;
      await between();
    } while (after !== undefined && ids.length < 10_000);
    return ids;
  }

  /** Makes calls at the same time, each on the storage in turn. */
  async atOnce<R>(
    storages: readonly JobStorage[],
    count: number,
    call: (storage: JobStorage, index: number) => Promise<R>,
  ): Promise<R[]> {
    const calls = Array.from(
      { length: count },
      (_, index) => call(storages[index % storages.length] as JobStorage, index),
    );
    for (const it of calls) it.catch(nothing);
    return await Promise.all(calls);
  }
}

/** A job that has what a check says, and nothing special beside. */
export function jobOf(id: string, fields: Partial<NewJob> = {}): NewJob {
  return {
    id,
    name: "job",
    queue: "default",
    priority: 0,
    input: "null",
    headers: {},
    keyUntil: "started",
    parents: [],
    parentsOn: "succeeded",
    ...fields,
  };
}

/** Jobs with nothing special: `job 00`, `job 01` and so on. */
export function jobsOf(count: number, fields: Partial<NewJob> = {}): readonly NewJob[] {
  return Array.from(
    { length: count },
    (_, index) => jobOf(`job ${`${index}`.padStart(2, "0")}`, fields),
  );
}

/** What a server asks for that knows one kind of job. */
export function takeOf(options: Partial<TakeOptions> = {}): TakeOptions {
  return {
    queue: "default",
    names: ["job"],
    max: 100,
    server: "server",
    holdTimeout: long,
    ...options,
  };
}

/** A recurring job that has what a check says, and nothing special beside. */
export function recurringOf(
  id: string,
  fields: Partial<RecurringRecord> = {},
): Omit<RecurringRecord, "lastAt" | "lastJob" | "lastState"> {
  return {
    id,
    job: "job",
    queue: "default",
    priority: 0,
    input: "null",
    keyUntil: "started",
    overlap: false,
    pattern: "0 * * * *",
    missed: "runOnce",
    nextAt: 1_000,
    ...fields,
  };
}

/** The next job of a recurring one. */
export function firingOf(
  id: string,
  seenAt: number,
  nextAt: number | undefined,
  job?: string,
): RecurringFiring {
  return {
    id,
    seenAt,
    nextAt,
    job: job === undefined ? undefined : jobOf(job, { recurring: id }),
  };
}

/** A value as JSON whose members are sorted, so that two that are the same have the same text. */
function sorted(value: unknown): string {
  return JSON.stringify(
    value,
    (_, it: unknown) =>
      typeof it === "object" && it !== null && !Array.isArray(it)
        ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => a < b ? -1 : 1))
        : it,
  ) ?? "undefined";
}

/** A value as a message shows it. */
function show(value: unknown): string {
  const text = sorted(value);
  return text.length > 500 ? `${text.slice(0, 500)} (${text.length} characters)` : text;
}
