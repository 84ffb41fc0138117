import { AbortError, answers, Latch, link } from "../_abort.ts";
import { check, checkFinite, checkWhole, nothing } from "../_check.ts";
import type { Held } from "./_held.ts";
import { Hold } from "./_hold.ts";
import { Idle } from "./_idle.ts";
import { List } from "../channels/_list.ts";
import { log, textOf } from "../_log.ts";
import { Patience } from "../_slow.ts";
import { startTimer } from "../_timer.ts";
import { Turns } from "../_turns.ts";
import type { ConsumerDetails, ConsumerOptions, Item } from "./types.ts";
import { type Backoff, backoff, type BackoffOptions, readBackoff } from "./retry.ts";
import { readRetry, type Retry } from "./retry.ts";
import type { Delivery, Source } from "./source.ts";
import type { ServiceContext } from "../types.ts";

/** A source that can also be asked without waiting: one in memory. */
export interface QuickSource<T> extends Source<T> {
  /** The next delivery, if there is one. Called when a place has become free. */
  take?(): Delivery<T> | undefined;
}

/** What a {@linkcode Pump} is told by its owner. */
export interface PumpOwner {
  /** What the settings belong to, for errors: `service "mails"`. */
  readonly label: string;
  /** Called when the intake has closed. */
  readonly onClose?: (() => void) | undefined;
  /** Whether to warn of what the end of the grace has cut off; its owner may know better. */
  readonly warns?: boolean | undefined;
}

type Settling = "done" | "released" | "deadLettered";
type Outcome = Settling | "unacked";
type Failure = { readonly error: unknown };

// Shared, as what is made for each item adds up.
const ack = (delivery: Delivery<unknown>): unknown => delivery.ack();

/**
 * The longest delay before a source that fails is asked again: short, as it may be back at any
 * moment. The delays of `retry` are for bad items.
 */
const longestOutageDelay = 4_000;

/** Milliseconds for which a source may fail before that is an outage. */
const blip = 10_000;

/** The delays before an ack under a lease is tried again. */
const ackRetry: Backoff = { delay: 250, maxDelay: 30_000, jitter: 0 };

/**
 * The work of a consumer: takes from the source what it has room for, has it handled, settles it.
 *
 * Each delivery is settled once, by whoever comes first: its handler's outcome, or the end of the
 * grace. Whatever those throw who hand something in, it is logged, and the work goes on.
 */
export class Pump<T> {
  readonly #source: QuickSource<T>;
  readonly #handle: (held: Held<T>) => unknown;
  readonly #onDeadLetter: NonNullable<ConsumerOptions<T>["onDeadLetter"]>;
  readonly #concurrency: number;
  readonly #retry: Retry;
  readonly #receiveRetry: Backoff;
  readonly #timeout: number;
  readonly #pollInterval: number;
  readonly #random: () => number;
  readonly #warns: boolean;
  readonly #onClose: () => void;

  readonly #counts: Record<Exclude<keyof ConsumerDetails, "active">, number> = {
    received: 0,
    done: 0,
    unacked: 0,
    failed: 0,
    retried: 0,
    released: 0,
    deadLettered: 0,
    receiveErrors: 0,
    settleErrors: 0,
  };
  readonly #idle: Idle = new Idle();
  readonly #held: List<Held<T>> = new List();
  #active = 0;
  /** How to end what waits: at the end of the intake, or not before that of the grace. */
  readonly #pauses: Set<() => void> = new Set();
  readonly #rests: Set<() => void> = new Set();
  /** Of all loops here, its owner's among them. */
  readonly turns: Turns = new Turns();
  /** With all that it waits for; its owner's calls wait there, too. */
  readonly patience: Patience = new Patience();
  /** How many deliveries have not come to their end; each holds a place. */
  #running = 0;
  #wake: () => void = nothing;
  /** Whether the log says that nobody counts the attempts. */
  #saidUncounted = false;

  // Of one run.
  #context!: ServiceContext;
  #intake: AbortController | undefined;
  /** Whether the intake was opened for a run that has not begun. */
  #opened = false;
  #pulling = false;
  /** Whether the source keeps back what is released with a delay. */
  #delays = false;
  /** Whether the source has failed to answer, so that nobody knows what it has. */
  #failing = false;
  /** The failed answers since the last good one. */
  #row: { readonly begun: number; readonly ended: number; readonly error: unknown } | undefined;
  /** Whether an answer is awaited. */
  #asking = false;
  #forced = false;

  constructor(
    source: QuickSource<T>,
    handle: (held: Held<T>) => unknown,
    options: ConsumerOptions<T>,
    { label, onClose = nothing, warns = true }: PumpOwner,
  ) {
    const { concurrency = 1, timeout = Infinity } = options;
    const { onDeadLetter = nothing, random = Math.random } = options;
    const named = (option: string): string => `${label}.${option}`;
    check(named("source"), source, { receive: nothing });
    for (const member of ["start", "stopping", "stop", "health"] as const) {
      check(named(`source.${member}`), source[member] ?? nothing, nothing);
    }
    checkWhole(named("concurrency"), concurrency, 1);
    check(named("timeout"), timeout, 0);
    check(named("onDeadLetter"), onDeadLetter, nothing);
    check(named("random"), random, nothing);
    // What the consumer says comes first; what the source says is right, or else a mistake, anyway.
    const { pollInterval = source.pollInterval ?? 1_000, receiveRetry } = options;
    checkFinite(named("source.pollInterval"), source.pollInterval ?? 0);
    checkFinite(named("pollInterval"), pollInterval);
    const read = (delays: BackoffOptions, option: string): Backoff =>
      readBackoff(delays, named(option), longestOutageDelay);
    const ofSource = read(source.receiveRetry ?? {}, "source.receiveRetry");
    this.#source = source;
    this.#handle = handle;
    this.#onDeadLetter = onDeadLetter.bind(options);
    this.#concurrency = concurrency;
    this.#retry = readRetry(options.retry, named("retry"));
    this.#receiveRetry = receiveRetry === undefined ? ofSource : read(receiveRetry, "receiveRetry");
    this.#timeout = timeout;
    this.#pollInterval = pollInterval;
    this.#random = random;
    this.#warns = warns;
    this.#onClose = onClose;
  }

  get details(): ConsumerDetails {
    return { ...this.#counts, active: this.#active };
  }

  /**
   * What the source fails with, once that has lasted longer than a blip. While an answer is awaited
   * nobody knows: then it lasts no longer than it did, but does not end.
   */
  get outage(): Failure | undefined {
    const row = this.#row;
    if (!row) return undefined;
    const until = this.#asking ? row.ended : this.#context.clock.now();
    return until - row.begun > blip ? row : undefined;
  }

  onIdle(quiet: number): Promise<void> {
    return this.#idle.wait(quiet);
  }

  /** Opens the intake of the next run, which may close before that begins. */
  open(): void {
    this.#intake = new AbortController();
    this.#opened = true;
    this.#idle.busy();
  }

  /** There will be no run, or it has ended. */
  end(): void {
    this.#idle.end();
  }

  /** Pulls until the intake is closed, and resolves when all that was taken has ended. */
  async run(signal: AbortSignal, context: ServiceContext): Promise<void> {
    if (!this.#opened) this.open();
    this.#opened = false;
    const intake = this.#intake as AbortController;
    this.#context = context;
    this.#delays = !!this.#source.delays;
    this.#row = undefined;
    this.#forced = false;
    this.patience.begin();
    this.#pulling = true;
    this.#idle.busy();
    let clear = nothing;
    const unlink = link(signal, (reason) => this.close(reason));
    const unlinkForced = link(context.forced, (reason) => {
      this.close(reason);
      this.#forced = true;
      for (const { signal, clearLimit } of this.#all()) {
        clearLimit();
        signal.abort(reason);
      }
      for (const end of this.#rests) end();
      // Who answers to its signal at once is not cut off.
      clear = startTimer(context.clock, 0, () => this.#letGo());
      this.patience.end();
    });
    try {
      await this.#pull(intake.signal);
      this.#pulling = false;
      this.#update();
      while (this.#running > 0) await this.#change();
    } finally {
      unlink();
      unlinkForced();
      clear();
    }
  }

  /** Takes no more from the source. */
  close(reason: unknown): void {
    if (!this.#intake || this.#closed) return;
    this.#intake.abort(reason);
    for (const end of this.#pauses) end();
    this.#wake();
    this.#onClose();
  }

  async #pull(intake: AbortSignal): Promise<void> {
    for (let failures = 0; !intake.aborted;) {
      if (this.#running >= this.#concurrency) {
        await this.#change();
        continue;
      }
      this.#update();
      const { clock } = this.#context;
      const asked = clock.now();
      try {
        this.#asking = true;
        const max = this.#concurrency - this.#running;
        const answer = await this.#source.receive(intake, { max });
        this.#asking = false;
        const usable = await this.#takeAll(answer, intake);
        this.#row = undefined;
        failures = usable || answer.length === 0 ? 0 : failures + 1;
        if (failures > 0) await this.#pause(this.#delay(this.#receiveRetry, failures));
        // A source that has waited itself is asked again at once.
        const left = this.#pollInterval - (clock.now() - asked);
        if (answer.length === 0) await this.#pause(Math.max(0, left));
      } catch (error) {
        this.#asking = false;
        if (gaveWay(error, intake)) return;
        this.#counts.receiveErrors++;
        this.#log("error", "failed to receive", { error });
        const ended = clock.now();
        this.#row = { begun: this.#row?.begun ?? ended, ended, error };
        this.#failing = true;
        this.#idle.busy();
        await this.#pause(this.#delay(this.#receiveRetry, ++failures));
        this.#failing = false;
      }
    }
  }

  /** Whether there was something in the answer that can be used. */
  async #takeAll(answer: readonly Delivery<T>[], intake: AbortSignal): Promise<boolean> {
    if (!Array.isArray(answer)) {
      const text = textOf(answer);
      throw new TypeError(`Cannot use the answer of "receive": expected an array, got ${text}`);
    }
    let usable = false;
    for (const delivery of answer) {
      while (this.turns.due()) await this.turns.give();
      // Room for all, unless the source gave more than it was asked for.
      while (this.#running >= this.#concurrency && !intake.aborted) await this.#change();
      if (this.#take(delivery)) usable = true;
    }
    return usable;
  }

  /** Whether it is a delivery. One that is not costs no other anything. */
  #take(delivery: Delivery<T>): boolean {
    let held: Held<T>;
    try {
      held = this.#read(delivery);
    } catch (error) {
      this.#refuse(delivery, error);
      return false;
    }
    if (held.hold) {
      held.hold.onLost = (reason) => {
        held.signal.abort(reason);
        held.wake();
      };
    }
    this.#counts.received++;
    this.#held.add(held);
    this.#active++;
    this.#idle.busy();
    this.#process(held);
    return true;
  }

  /** @throws If it is no delivery, or throws itself. */
  #read(delivery: Delivery<T>): Held<T> {
    const given = delivery as Delivery<T> | undefined | null;
    if (
      typeof given?.ack !== "function" || typeof given.release !== "function" ||
      typeof given.reject !== "function"
    ) check("delivery", delivery, { ack: nothing, release: nothing, reject: nothing });
    const { attempt, lost, extend, hold } = delivery;
    const counted = Number.isInteger(attempt) && attempt as number >= 1;
    if (!counted && (this.#delays || (attempt ?? undefined) !== undefined)) {
      this.#sayUncounted(attempt);
    }
    return {
      delivery,
      context: this.#context,
      hold: lost || extend || hold ? new Hold(delivery, this.#context, this.patience) : undefined,
      attempt: counted ? attempt as number : 1,
      counted,
      decoded: undefined,
      refused: false,
      signal: new Latch(),
      settling: false,
      clearLimit: nothing,
      wake: nothing,
      previous: undefined,
      next: undefined,
    };
  }

  #sayUncounted(attempt: unknown): void {
    if (this.#saidUncounted) return;
    this.#saidUncounted = true;
    const what = `does not know which attempt a delivery is, and tries again in place`;
    this.#log("warn", `${what}: expected a whole number from 1, got ${textOf(attempt)}`);
  }

  /** Notes what is no delivery, and gives it back if that can be done. */
  #refuse(delivery: Delivery<T>, error: unknown): void {
    this.#counts.receiveErrors++;
    this.#log("error", "got a delivery that cannot be used", { error });
    this.#running++;
    this.#giveBack(delivery, error).then(() => this.#left());
  }

  /** Never rejects. */
  async #giveBack(
    delivery: Partial<Delivery<T>> | undefined | null,
    error: unknown,
  ): Promise<void> {
    try {
      const call = delivery?.release?.({ delay: this.#delay(this.#retry, 1), error });
      await this.patience.wait(call, waitFor("released"), this.#context);
    } catch (worse) {
      this.#settleFailed("released", worse);
    }
  }

  /** Never rejects. One frame, and no wait that is not needed: queues in memory live of it. */
  async #process(held: Held<T>): Promise<void> {
    this.#running++;
    if (this.#over(held)) await this.#release(held, 0);
    else held.hold?.begin();
    for (let failure: Failure | undefined; !held.settling;) {
      if (failure) {
        // Here, as many pauses may end at once, and nothing waits between this and the handler.
        while (this.turns.due()) await this.turns.give();
        if (this.#over(held)) {
          await this.#release(held, 0, failure);
          break;
        }
      }
      this.#limit(held);
      try {
        await this.#handle(held);
        held.clearLimit();
        const acked = held.hold ? this.#ack(held, held.hold) : this.#settle(held, "done", ack);
        if (acked) await acked;
      } catch (error) {
        held.clearLimit();
        failure = { error: error ?? new Error(`It failed with ${error}`) };
        await this.#failed(held, failure);
      }
    }
    this.#left();
  }

  /** Settles what has failed, or resolves when it may be tried again in place. */
  async #failed(held: Held<T>, failure: Failure): Promise<void> {
    const dropped = this.#forced || isLost(held);
    if (dropped && gaveWay(failure.error, held.signal)) return this.#release(held, 0);
    const { attempts } = this.#retry;
    const last = !dropped &&
      (held.refused || held.attempt >= attempts || !this.#retryable(failure.error));
    const which = `attempt ${held.attempt} of ${attempts}`;
    const what = held.refused ? "refused the value of an item" : "failed to handle an item";
    this.#counts.failed++;
    this.#log(last ? "error" : "warn", `${what} (${which})`, failure);
    if (held.settling) return;
    if (last) return this.#bury(held, failure);
    this.#counts.retried++;
    const delay = this.#delay(this.#retry, held.attempt);
    if (this.#delays && held.counted) return this.#release(held, delay, failure);
    await this.#pause(delay, held);
    held.attempt++;
    held.signal = new Latch();
  }

  #retryable(error: unknown): boolean {
    try {
      return this.#retry.retryable(error) !== false;
    } catch (worse) {
      this.#log("error", 'failed to ask "retry.retryable"', { error: worse });
      return true;
    }
  }

  /** The last attempt has failed. What nobody has taken note of is not rejected. */
  async #bury(held: Held<T>, failure: Failure): Promise<void> {
    const onDeadLetter = this.#onDeadLetter;
    try {
      const noted = onDeadLetter(valueOf(held), failure.error, itemOf(held));
      await this.patience.wait(noted, 'its "onDeadLetter"', this.#context);
    } catch (worse) {
      this.#log("error", "failed to take care of a dead letter, which is tried again", {
        error: worse,
      });
      const delay = this.#delay(this.#retry, held.attempt);
      if (!this.#delays) await this.#pause(delay, held);
      return this.#release(held, delay, failure);
    }
    await this.#settle(held, "deadLettered", (delivery) => delivery.reject(failure.error));
  }

  async #release(held: Held<T>, delay: number, failure?: Failure): Promise<void> {
    const error = failure?.error;
    const options = failure ? { delay, error } : { delay };
    await this.#settle(held, "released", (delivery) => delivery.release(options));
  }

  /** Nothing if that took no time. */
  #settle(
    held: Held<T>,
    outcome: Settling,
    call: (delivery: Delivery<T>) => unknown,
  ): Promise<void> | undefined {
    if (held.settling) return;
    held.settling = true;
    held.hold?.end();
    try {
      const result = call(held.delivery) as PromiseLike<unknown> | undefined;
      if (typeof result?.then === "function") return this.#settled(held, outcome, result);
      this.#count(held, outcome);
    } catch (error) {
      this.#count(held, this.#settleFailed(outcome, error));
    }
  }

  async #settled(held: Held<T>, outcome: Settling, call: PromiseLike<unknown>): Promise<void> {
    try {
      await this.patience.wait(call, waitFor(outcome), this.#context);
      this.#count(held, outcome);
    } catch (error) {
      this.#count(held, this.#settleFailed(outcome, error));
    }
  }

  /**
   * Acks what is held in some way. Whoever has lost it may still say that it is done, once; that is
   * not taken for an ack. Under a lease the ack is tried until it succeeds, or the lease is lost.
   */
  async #ack(held: Held<T>, hold: Hold): Promise<void> {
    if (held.settling) return;
    held.settling = true;
    if (!hold.lease) hold.end();
    let outcome: Outcome = "unacked";
    for (let failures = 1;; failures++) {
      const mine = !hold.lost.aborted;
      try {
        await this.patience.wait(held.delivery.ack(), waitFor("done"), this.#context);
        if (mine) outcome = "done";
        break;
      } catch (error) {
        this.#settleFailed("done", error);
      }
      if (!hold.lease) break;
      await this.#pause(backoff(ackRetry, failures, () => 0), held, this.#rests);
      if (hold.lost.aborted || this.#forced) break;
    }
    if (hold.lost.aborted && outcome === "unacked") {
      this.#log("warn", "has done an item whose hold was lost before the ack: it may come again");
    }
    hold.end();
    this.#count(held, outcome);
  }

  /** What has become of it then: the source, which could not be told, has it again. */
  #settleFailed(outcome: Settling, error: unknown): Outcome {
    this.#counts.settleErrors++;
    this.#log("error", `failed to tell the source that an item is ${outcome}`, { error });
    return outcome === "done" ? "unacked" : "released";
  }

  #count(held: Held<T>, outcome: Outcome): void {
    this.#counts[outcome]++;
    this.#held.remove(held);
    this.#active--;
  }

  /** A place is free. */
  #left(): void {
    this.#running--;
    // While an answer is on its way, what is taken here would overtake it. A turn, if one is due, is
    // given by whoever pulls.
    if (this.#source.take && !this.#asking && !this.#closed && !this.turns.due()) {
      const next = this.#source.take();
      if (next) return void this.#take(next);
    }
    this.#update();
    this.#wake();
  }

  /** The grace is over: what is not settled goes back, though its handler may still run. */
  #letGo(): void {
    const all = this.#all();
    const late = all.filter(({ settling }) => !settling);
    if (late.length > 0 && this.#warns) {
      this.#log("warn", `gave back what it could not finish in time: ${late.length}`);
    }
    for (const { hold } of all) hold?.end(); // nobody waits for them for long any more
    for (const held of late) {
      this.#running++;
      this.#release(held, 0).then(() => this.#left());
    }
  }

  /** All it holds now, oldest first. */
  #all(): Held<T>[] {
    const all: Held<T>[] = [];
    for (let held = this.#held.first; held; held = held.next) all.push(held);
    return all;
  }

  #limit(held: Held<T>): void {
    if (this.#timeout === Infinity) return;
    const { signal, context } = held;
    held.clearLimit = startTimer(context.clock, this.#timeout, () => {
      signal.abort(new AbortError(`The item took longer than ${this.#timeout} ms`));
    });
  }

  /** Whether no further attempt is to begin here. */
  #over(held: Held<T>): boolean {
    return this.#closed || isLost(held);
  }

  get #closed(): boolean {
    return this.#intake?.signal.aborted === true;
  }

  /** A chance that is none leaves nothing to chance. */
  #delay(retry: Backoff, failures: number): number {
    try {
      const delay = backoff(retry, failures, this.#random);
      if (delay >= 0) return delay;
    } catch {
      // As if it were a number that is none.
    }
    return backoff(retry, failures, () => 0);
  }

  /** Waits, but not beyond the end of a delivery's hold, nor beyond that of all in `ends`. */
  #pause(ms: number, held?: Held<T>, ends: Set<() => void> = this.#pauses): Promise<void> {
    const ended = ends === this.#pauses ? this.#closed : this.#forced;
    if (ended || held && isLost(held)) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clear();
        ends.delete(end);
        if (held) held.wake = nothing;
        resolve();
      };
      const clear = startTimer(this.#context.clock, ms, end);
      if (held) held.wake = end;
      ends.add(end);
    });
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** Tells who waits for it that nothing is held. */
  #update(): void {
    if (this.#active > 0 || this.#failing) return;
    if (this.#pulling) this.#idle.still(this.#context.clock);
    else this.#idle.end();
  }

  #log(level: "warn" | "error", what: string, failure?: Failure): void {
    const { name, logger } = this.#context;
    log(logger, level, `Service "${name}" ${what}`, failure);
  }
}

/** Whether the source has lost its hold on a delivery. */
function isLost<T>({ hold }: Held<T>): boolean {
  return hold !== undefined && hold.lost.aborted;
}

/** Whether an error answers to a signal; not every error bears to be looked at. */
function gaveWay(error: unknown, signal: AbortSignal | Latch): boolean {
  try {
    return answers(error, signal);
  } catch {
    return false;
  }
}

/** The value of a delivery, if that can be read at all. */
function valueOf<T>({ delivery }: Held<T>): T {
  try {
    return delivery.value;
  } catch {
    return undefined as T;
  }
}

/** What hangs when a settle call does. */
function waitFor(outcome: Settling): string {
  return `its source to take note that an item is ${outcome}`;
}

/** What a handler is told of what it handles. */
export function itemOf<T>({ attempt, delivery, context }: Held<T>): Item<T> {
  return { attempt, delivery, context };
}
