import type {
  AddedJob,
  HeldJob,
  Hold,
  JobRecord,
  JobState,
  JobStorage,
  NewJob,
  RecurringFiring,
  Retention,
  Settlement,
  Taken,
  TakeOptions,
} from "../src/jobs/mod.ts";
import { type FakeClock, FakeJobStorage } from "../src/testing/mod.ts";
import type { Clock } from "../src/types.ts";
import type { Random } from "./fuzz/random.ts";

const epoch = Date.UTC(2026, 0, 1);
const over: readonly JobState[] = ["succeeded", "failed", "cancelled"];

/** One attempt at a job, as its handler sees it. */
export interface FuzzyRun {
  readonly id: string;
  readonly attempt: number;
  readonly token: number;
  readonly signal: AbortSignal;
  fate: "running" | "fulfilled" | "rejected";
}

/** What is known of a job that was stored. */
export interface KnownJob {
  readonly id: string;
  readonly name: string;
  readonly parents: readonly KnownJob[];
  readonly parentsOn: string;
  state: JobState | "deleted";
  token: number;
  /** Who took it last, and until when it is theirs. */
  holder: Machine | undefined;
  holdUntil: number;
  /** Whether it was asked to end since it was taken. */
  asked: boolean;
  /** Whether somebody has queued it by hand, so that it waits for nobody. */
  again: boolean;
  /** The attempt that was counted last. */
  attempt: number;
  /** Whether it has ever been at that end; it may have been queued again since. */
  readonly ever: Set<JobState>;
  readonly results: Set<string | undefined>;
}

/** How many times a job is tried, and what is wrong with one that is tried no more. */
export type Limits = Readonly<Record<string, number>>;

/** The one store of a life: does one call after the other, and knows which of them may have what effect. */
export class FuzzyStore {
  readonly memory: FakeJobStorage;
  readonly clock: FakeClock;
  readonly jobs: Map<string, KnownJob> = new Map();
  readonly complaints: string[] = [];
  /** The jobs that each occurrence has made. */
  readonly #occurrences: Set<string> = new Set();
  #changes = 0;
  readonly #limits: Limits;
  #last: Promise<unknown> = Promise.resolve();

  constructor(clock: FakeClock, limits: Limits) {
    this.clock = clock;
    this.memory = new FakeJobStorage({ clock, epoch });
    this.#limits = limits;
  }

  complain(what: string): void {
    if (this.complaints.length < 5) this.complaints.push(`${this.clock.now()}: ${what}`);
  }

  /** The time of the store, which is of whole milliseconds. */
  get now(): number {
    return Math.floor(epoch + this.clock.now());
  }

  /** Lets a call have its effect, whole, and looks at what that is. */
  async effect(
    by: Machine,
    member: keyof JobStorage,
    values: readonly unknown[],
  ): Promise<unknown> {
    const call = this.#last.then(() => this.#effect(by, member, values));
    this.#last = call.catch(() => {});
    return await call;
  }

  async #effect(
    by: Machine,
    member: keyof JobStorage,
    values: readonly unknown[],
  ): Promise<unknown> {
    const { memory } = this;
    const old = member === "purge" ? await this.#stored() : [];
    const answer = await (memory[member] as (...values: readonly unknown[]) => Promise<unknown>)(
      ...values,
    );
    switch (member) {
      case "add":
        await this.#added(values[0] as readonly NewJob[], answer as readonly AddedJob[]);
        break;
      case "take":
        this.#taken(by, values[0] as TakeOptions, answer as Taken);
        break;
      case "extend":
        for (const [index, hold] of (values[0] as readonly Hold[]).entries()) {
          const job = this.jobs.get(hold.id) as KnownJob;
          const state = (answer as readonly string[])[index];
          if (state !== "lost" && job.token === hold.token) {
            job.holdUntil = this.now + (values[1] as number);
          }
        }
        break;
      case "settle":
        await this.#settled(
          by,
          values[0] as HeldJob,
          values[1] as Settlement,
          answer as JobState | false,
        );
        break;
      case "cancel":
        for (const id of answer as readonly string[]) {
          const job = this.jobs.get(id) as KnownJob;
          if (job.state === "processing") job.asked = true;
          else await this.#look(job, "cancelled");
        }
        break;
      case "requeue":
        for (const id of answer as readonly string[]) {
          const job = this.jobs.get(id) as KnownJob;
          if (over.includes(job.state as JobState)) job.attempt = 0;
          job.again = true;
          job.state = "enqueued";
        }
        break;
      case "purge":
        await this.#purged(old, values[0] as Retention);
        break;
      case "putRecurring":
        // A changed one counts from when that was asked for, and may come to a moment again.
        if (answer) this.#changes++;
        break;
      case "fireRecurring":
        await this.#fired(values[0] as RecurringFiring, answer as string);
        break;
      case "triggerRecurring":
        if (answer) await this.#added([values[1] as NewJob], [answer as AddedJob]);
        break;
    }
    return answer;
  }

  async #stored(): Promise<readonly JobRecord[]> {
    return (await this.memory.list({}, 100_000)).jobs;
  }

  async #added(jobs: readonly NewJob[], added: readonly AddedJob[]): Promise<void> {
    for (const [index, { id, name, key, parents, parentsOn }] of jobs.entries()) {
      const answer = added[index] as AddedJob;
      if (!answer.added) {
        const rival = await this.memory.get(answer.id);
        if (!rival) this.complain(`the rival of job ${id} is not stored`);
        else if (rival.id !== id && (rival.key !== key || rival.name !== name)) {
          this.complain(`job ${id} was kept out by a job with another key`);
        } else if (rival.id !== id && over.includes(rival.state)) {
          this.complain(`job ${id} was kept out by one that has ended`);
        }
        continue;
      }
      const job: KnownJob = {
        id,
        name,
        parents: parents.map((it) => this.jobs.get(it) as KnownJob),
        parentsOn,
        state: "awaiting",
        token: 0,
        holder: undefined,
        holdUntil: 0,
        asked: false,
        again: false,
        attempt: 0,
        ever: new Set(),
        results: new Set(),
      };
      // One of this id has been before: what was done for that is not done for this one.
      if (this.jobs.has(id)) { for (const machine of this.machines) machine.forget(id); }
      this.jobs.set(id, job);
      const { state } = await this.memory.get(id) as JobRecord;
      if (over.includes(state)) this.#ended(job, state);
      else job.state = state;
    }
    // Of those that wait for the first time, one at most has a key.
    const waiting = (await this.#stored()).filter((it) =>
      it.key !== undefined && it.attempts.length === 0 && it.attempt === 0 &&
      ["awaiting", "scheduled", "enqueued"].includes(it.state)
    ).map((it) => `${it.name} ${it.key}`);
    if (new Set(waiting).size < waiting.length) this.complain("two jobs with one key wait");
  }

  #taken(by: Machine, { holdTimeout }: TakeOptions, { jobs }: Taken): void {
    for (const { id, token, attempt, name } of jobs) {
      const job = this.jobs.get(id) as KnownJob;
      if (!["enqueued", "scheduled", "awaiting"].includes(job.state)) {
        this.complain(`job ${id} was taken while it was ${job.state}`);
      }
      if (attempt !== job.attempt + 1) this.complain(`attempt ${attempt} of job ${id} is not next`);
      if (attempt > (this.#limits[name] as number)) {
        this.complain(`attempt ${attempt} of job ${id} is beyond its limit`);
      }
      for (const { id: parent, ever } of job.again ? [] : job.parents) {
        if (job.parentsOn === "succeeded" ? !ever.has("succeeded") : ever.size === 0) {
          this.complain(`job ${id} was taken before the end of its parent ${parent}`);
        }
      }
      for (const machine of [...this.machines]) {
        for (const run of machine.runs) {
          if (run.id !== id || run.fate !== "running" || run.signal.aborted) continue;
          if (machine.isDead || machine.isFrozen) continue;
          this.complain(`job ${id} is taken, and still in the hands of ${machine.name}`);
        }
      }
      job.state = "processing";
      job.token = token;
      job.holder = by;
      job.holdUntil = this.now + holdTimeout;
      job.asked = false;
      job.attempt = attempt;
    }
  }

  /** All processes of this life. */
  readonly machines: Set<Machine> = new Set();

  async #settled(
    by: Machine,
    { id, token }: HeldJob,
    settlement: Settlement,
    state: JobState | false,
  ): Promise<void> {
    const job = this.jobs.get(id) as KnownJob;
    const isCurrent = job.state === "processing" && job.token === token;
    if (state === false) {
      if (isCurrent) this.complain(`the settlement of job ${id} was refused`);
      return;
    }
    if (!isCurrent) return this.complain(`job ${id} was settled by who does not hold it`);
    const isExpired = job.holdUntil <= this.now;
    const isOwn = by === job.holder;
    if (!isOwn && !isExpired) this.complain(`job ${id} was settled by somebody else`);
    if (job.asked && state !== "cancelled") this.complain(`job ${id} has forgotten its cancel`);
    if (!job.asked && state !== settlement.state) this.complain(`job ${id} is ${state}`);
    const run = [...by.runs].find((it) => it.id === id && it.token === token);
    const limit = this.#limits[job.name] as number;
    if (settlement.state === "succeeded") {
      if (run?.fate !== "fulfilled") this.complain(`job ${id} has succeeded, but was not done`);
      job.results.add(settlement.result);
    } else if (settlement.state === "failed") {
      const isFinal = settlement.error.includes("for good") || job.attempt >= limit;
      if (!isFinal && !job.asked) this.complain(`job ${id} has failed too early`);
      if (run?.fate === "fulfilled" && !isExpired) this.complain(`job ${id} was done, and failed`);
    } else if (settlement.state === "scheduled") {
      if (job.attempt >= limit) this.complain(`job ${id} is tried too often`);
      if (run?.fate === "fulfilled" && !isExpired) {
        this.complain(`job ${id} was done, and is tried`);
      }
    } else {
      // It was lost before it was begun, or meanwhile: it was told so, or has not extended it for too long.
      const isLost = !run || run.signal.aborted || by.hadLost(id, token);
      if (!by.isStopping && !isLost) {
        this.complain(`job ${id} was released by a server that works`);
      }
      if (run?.fate === "fulfilled" && !by.isCut) {
        this.complain(`job ${id} was done, and goes back`);
      }
    }
    job.asked = false;
    if (over.includes(state)) await this.#look(job, state);
    else {
      job.state = state;
      if (state === "enqueued") job.attempt--;
    }
  }

  /** What becomes of a job that has ended, and of those that come after it. */
  async #look(job: KnownJob, state: JobState): Promise<void> {
    this.#ended(job, state);
    const stored = await this.memory.get(job.id);
    if (stored?.state !== state) this.complain(`job ${job.id} is not ${state}`);
    for (const id of stored?.children ?? []) {
      const child = this.jobs.get(id) as KnownJob;
      if (child.state !== "awaiting") continue;
      const now = (await this.memory.get(id))?.state as JobState;
      if (over.includes(now)) await this.#look(child, now);
      else child.state = now;
    }
  }

  #ended(job: KnownJob, state: JobState): void {
    if (over.includes(job.state as JobState)) this.complain(`job ${job.id} has ended twice`);
    job.state = state;
    job.ever.add(state);
  }

  async #purged(old: readonly JobRecord[], retention: Retention): Promise<void> {
    const left = new Map((await this.#stored()).map((it) => [it.id, it]));
    const now = await this.memory.now();
    for (const { id, state, endedAt = Infinity } of old) {
      if (left.has(id)) continue;
      const kept = retention[state as "failed"];
      if (!over.includes(state) || endedAt + kept > now) {
        this.complain(`job ${id} was deleted early`);
      }
      for (const child of left.values()) {
        if (child.state === "awaiting" && child.parents.includes(id)) {
          this.complain(`job ${id} was deleted, and job ${child.id} awaits it`);
        }
      }
      (this.jobs.get(id) as KnownJob).state = "deleted";
    }
  }

  async #fired(
    { id, seenAt, nextAt = Infinity, job }: RecurringFiring,
    answer: string,
  ): Promise<void> {
    if (answer !== "fired") return;
    if (seenAt > await this.memory.now() && job) this.complain(`${id} was fired before its time`);
    if (nextAt <= seenAt) this.complain(`${id} does not go on`);
    if (!job) return;
    const stored = await this.memory.get(job.id);
    if (stored) await this.#added([job], [{ id: job.id, added: true }]);
    const occurrence = `${id} ${seenAt} after ${this.#changes} changes`;
    if (this.#occurrences.has(occurrence)) this.complain(`${occurrence} has made two jobs`);
    this.#occurrences.add(occurrence);
  }

  /** How many occurrences have made a job. */
  get occurrences(): number {
    return this.#occurrences.size;
  }

  /** Compares counts with the list. */
  async compareCounts(): Promise<void> {
    const counts = new Map<string, number>();
    for (const { queue, state } of await this.#stored()) {
      const key = `${queue} ${state}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const it of await this.memory.queues()) {
      for (const [state, count] of Object.entries(it.counts)) {
        const listed = counts.get(`${it.queue} ${state}`) ?? 0;
        if (count !== listed) this.complain(`${count} ${state} in ${it.queue}, ${listed} listed`);
      }
    }
  }
}

/** How bad the way to the store is. */
export interface Weather {
  /** How often a call fails before it has had its effect, and after it. */
  readonly failure: number;
  readonly loss: number;
  /** How often a call is late by up to so many milliseconds. */
  readonly lateness: number;
  readonly latest: number;
}

interface OwnTimer {
  readonly callback: () => void;
  handle: unknown;
}

/**
 * A process: its own timers, and its own way to the store. It can be frozen, in which nothing of it goes on, and killed,
 * after which nothing does.
 */
export class Machine implements Clock {
  readonly name: string;
  readonly storage: JobStorage;
  /** What its handlers do, and have done. */
  readonly runs: Set<FuzzyRun> = new Set();
  readonly past: FuzzyRun[] = [];
  isDead = false;
  isFrozen = false;
  /** Whether it was told to stop, and whether its grace is over. */
  isStopping = false;
  isCut = false;
  weather: Weather;
  /** Until when no call gets through. */
  offlineUntil = 0;
  /** How often the store was opened by it, and not closed. */
  opened = 0;
  listening = 0;
  readonly #store: FuzzyStore;
  readonly #random: Random;
  readonly #timers: Set<OwnTimer> = new Set();
  readonly #kept: OwnTimer[] = [];
  #thawed: (() => void)[] = [];
  /** The token of what it has taken last of each job. */
  readonly #tokens: Map<string, number> = new Map();
  /** Holds of which it was told that they are lost. */
  readonly #lost: Set<string> = new Set();

  constructor(name: string, store: FuzzyStore, random: Random, weather: Weather) {
    this.name = name;
    this.weather = weather;
    this.#store = store;
    this.#random = random;
    store.machines.add(this);
    this.storage = new Proxy({} as JobStorage, {
      get: (_, member: keyof JobStorage) =>
        member === "onWake"
          ? (listener: (queue?: string) => void) => this.#listen(listener)
          : (...values: unknown[]) => this.#call(member, values),
    });
  }

  now(): number {
    return this.#store.clock.now();
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const timer: OwnTimer = { callback, handle: undefined };
    this.#timers.add(timer);
    timer.handle = this.#store.clock.setTimeout(() => {
      if (this.isFrozen) this.#kept.push(timer);
      else this.#fire(timer);
    }, ms);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    if (!this.#timers.delete(timer as OwnTimer)) return;
    this.#store.clock.clearTimeout((timer as OwnTimer).handle);
  }

  /** How many timers are running on it. */
  get pending(): number {
    return this.#timers.size;
  }

  freeze(): void {
    this.isFrozen = true;
  }

  thaw(): void {
    if (!this.isFrozen || this.isDead) return;
    this.isFrozen = false;
    for (const timer of this.#kept.splice(0)) this.#fire(timer);
    const thawed = this.#thawed;
    this.#thawed = [];
    for (const it of thawed) it();
  }

  kill(): void {
    this.isDead = true;
    this.isFrozen = true;
    for (const timer of [...this.#timers]) this.clearTimeout(timer);
    this.#thawed = [];
  }

  /** Whether it may know that it has lost a hold. */
  hadLost(id: string, token: number): boolean {
    return this.#lost.has(`${id} ${token}`);
  }

  /** Puts away what was done for a job that was deleted since. */
  forget(id: string): void {
    for (const run of this.runs) {
      if (run.id !== id) continue;
      this.runs.delete(run);
      this.past.push(run);
    }
  }

  /** The token of the job that it has been given last. */
  tokenOf(id: string): number {
    return this.#tokens.get(id) ?? 0;
  }

  #fire(timer: OwnTimer): void {
    if (this.#timers.delete(timer)) timer.callback();
  }

  #listen(listener: (queue?: string) => void): () => void {
    this.listening++;
    let end: (() => void) | undefined = this.#store.memory.onWake((queue) => {
      if (!this.isFrozen && this.#store.clock.now() >= this.offlineUntil) listener(queue);
    });
    return () => {
      if (end) this.listening--;
      end?.();
      end = undefined;
    };
  }

  async #call(member: keyof JobStorage, values: readonly unknown[]): Promise<unknown> {
    await this.#awake();
    const isSafe = member === "stop";
    await this.#way();
    if (!isSafe) this.#fail(member, this.weather.failure);
    // Whoever is killed, or frozen, with a call on its way may or may not have made it.
    const answer = await this.#store.effect(this, member, values);
    if (member === "start") this.opened++;
    if (member === "stop") this.opened--;
    await this.#way();
    await this.#awake();
    if (member === "take") {
      for (const { id, token } of (answer as Taken).jobs) {
        this.#tokens.set(id, token);
      }
    }
    if (!isSafe && member !== "start") this.#fail(member, this.weather.loss);
    if (member === "extend") {
      for (const [index, { id, token }] of (values[0] as readonly Hold[]).entries()) {
        if ((answer as readonly string[])[index] === "lost") this.#lost.add(`${id} ${token}`);
      }
    }
    return answer;
  }

  #fail(member: keyof JobStorage, chance: number): void {
    if (this.now() < this.offlineUntil || this.#random.chance(chance)) {
      throw new Error(`The way to the store is blocked: ${member}`);
    }
  }

  async #way(): Promise<void> {
    const { lateness, latest } = this.weather;
    if (!this.#random.chance(lateness)) return;
    const ms = this.#random.chance(0.1) ? this.#random.below(latest) : this.#random.below(20);
    await new Promise<void>((go) => this.#store.clock.setTimeout(go, ms));
  }

  /** Waits while it is frozen; for ever when it is dead. */
  async #awake(): Promise<void> {
    while (this.isFrozen) await new Promise<void>((go) => this.#thawed.push(go));
  }
}
