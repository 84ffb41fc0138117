import { AbortError, isCleanAbort, Latch, link } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { type Failure, textOf } from "../_log.ts";
import { HangWarnings } from "../_time/hang_warnings.ts";
import { type Clear, startTimer } from "../_time/timer.ts";
import { Turns } from "../_time/turns.ts";
import { type Held, isLost, itemOf, newHeld } from "./_held_delivery.ts";
import { Idle } from "./_idle.ts";
import { Ledger } from "./_ledger.ts";
import { Outage } from "./_outage.ts";
import { Pauses } from "./_pauses.ts";
import { report } from "./_report.ts";
import type { Settings } from "./_settings.ts";
import { Settler } from "./_settler.ts";
import { SpareSignals } from "./_spare_signals.ts";
import { backoff } from "../_time/backoff.ts";
import type { Retry } from "./retry.ts";
import type { Delivery, Source } from "./source.ts";
import type { ConsumerDetails } from "./types.ts";
import type { ServiceContext } from "../types.ts";

/** A source in memory: each delivery is taken without waiting, so that none overtakes another. */
export interface MemorySource<T> {
  /** The next delivery, if there is one. */
  take(): Delivery<T> | undefined;
  /** Waits until there is one, or the signal aborts. Never rejects. */
  wait(signal: AbortSignal): Promise<void>;
}

/** Where a pump takes from: one of the two. */
type Origin<T> =
  | { readonly source: Source<T>; readonly memory?: undefined }
  | { readonly source?: undefined; readonly memory: MemorySource<T> };

/** What an attempt may take, and what follows one that failed. */
export type Limits = Pick<Settings<unknown>, "retry" | "timeout">;

/** What a {@linkcode Pump} is told by its owner. */
export type PumpOptions<T> = Origin<T> & {
  readonly settings: Settings<T>;
  /** Makes one attempt at what is held. */
  readonly handle: (held: Held<T>, signal: AbortSignal) => unknown;
  /**
   * What holds for one delivery, where that is not the same for all.
   *
   * @default {what the settings say}
   */
  readonly limitsOf?: ((held: Held<T>) => Limits) | undefined;
  /**
   * What messages call a delivery.
   *
   * @default {"an item"}
   */
  readonly nameOf?: ((held: Held<T>) => string) | undefined;
  /** Called when the intake has closed. */
  readonly onClose?: (() => void) | undefined;
  /** Whether to warn of what is given back at the end of the grace; the owner may know better. */
  readonly warns?: boolean | undefined;
};

/**
 * The work of a consumer, in the order in which it stands below: deliveries are _taken_ from a source,
 * as many as there are places for; each is _attempted_ by the handler, again after a delay if that
 * fails, until it is _settled_; and what is not settled when the grace ends is _let go_.
 *
 * Each delivery is settled once, by whoever comes first: the outcome of its handler, or the end of the
 * grace. Whatever a source, a handler or a callback throws is logged, and the work goes on.
 */
export class Pump<T> {
  readonly #origin: Origin<T>;
  readonly #settings: Settings<T>;
  readonly #handle: (held: Held<T>, signal: AbortSignal) => unknown;
  readonly #limitsOf: (held: Held<T>) => Limits;
  readonly #nameOf: (held: Held<T>) => string;
  readonly #onClose: () => void;
  readonly #warns: boolean;

  /** Of all loops here, and of those of the owner. */
  readonly turns: Turns = new Turns();
  /** With all calls that are waited for here, and with those of the owner. */
  readonly hangWarnings: HangWarnings = new HangWarnings();
  readonly #ledger: Ledger<T> = new Ledger();
  readonly #settler: Settler<T> = new Settler(this.#ledger, this.hangWarnings);
  readonly #idle: Idle = new Idle();
  readonly #outage: Outage = new Outage();
  /** Delays before questions and attempts; they last until the intake closes. */
  readonly #pauses: Pauses = new Pauses();
  readonly #spares: SpareSignals = new SpareSignals();
  /** How many places are taken: a delivery has one until its handler has ended and it is settled. */
  #running = 0;
  /** Resolves the promise of `#change`. */
  #wake: () => void = nothing;
  /** Whether the log says that nobody counts the attempts. */
  #saidUncounted = false;

  // Of one run.
  #context!: ServiceContext;
  #intake: AbortController = new AbortController();
  /** Whether the intake was opened for a run that has not begun. */
  #opened = false;
  /** Whether the intake has closed: looked at for each item, where its signal would take its time. */
  #closed = true;
  #pulling = false;
  /** Whether an answer of the source is awaited. */
  #asking = false;
  /** Whether the source has failed to answer, so that nobody knows what it has. */
  #failing = false;
  /** Whether the source keeps back what is released with a delay. */
  #delays = false;
  /** Whether the grace is over. */
  #forced = false;

  constructor(options: PumpOptions<T>) {
    const { settings, handle, onClose = nothing, warns = true } = options;
    const { limitsOf = () => settings, nameOf = () => "an item" } = options;
    this.#origin = options;
    this.#settings = settings;
    this.#handle = handle;
    this.#limitsOf = limitsOf;
    this.#nameOf = nameOf;
    this.#onClose = onClose;
    this.#warns = warns;
  }

  get details(): ConsumerDetails {
    return this.#ledger.details;
  }

  /** What the source fails with, once that has lasted longer than a blip. */
  get outage(): Failure | undefined {
    return this.#outage.found(this.#asking);
  }

  onIdle(quiet: number): Promise<void> {
    return this.#idle.wait(quiet);
  }

  /** Opens the intake of the next run, which may close before that begins. */
  open(): void {
    this.#intake = new AbortController();
    this.#opened = true;
    this.#closed = false;
    this.#pauses.begin();
    this.#idle.busy();
  }

  /** Closes the intake: nothing more is taken from the source, and no further attempt begins. */
  close(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#intake.abort(reason);
    this.#pauses.end();
    this.#wake();
    this.#onClose();
  }

  /** Tells the callers of `onIdle` that there will be no run, or that it has ended. */
  end(): void {
    this.#idle.end();
  }

  /** Pulls until the intake is closed, and resolves when all that was taken has ended. */
  async run(signal: AbortSignal, context: ServiceContext): Promise<void> {
    if (!this.#opened) this.open();
    this.#opened = false;
    const intake = this.#intake.signal;
    const { source, memory } = this.#origin;
    this.#context = context;
    this.#delays = !!source?.delays;
    this.#forced = false;
    this.#outage.end();
    this.#settler.begin();
    this.hangWarnings.begin();
    this.#pulling = true;
    this.#idle.busy();
    let clear = nothing;
    const unlink = link(signal, (reason) => this.close(reason));
    const unlinkForced = link(context.forced, (reason) => {
      this.close(reason);
      this.#forced = true;
      for (const { signal, clearLimit } of this.#ledger.held()) {
        clearLimit();
        signal?.abort(reason);
      }
      this.#settler.end();
      // A handler that answers to its signal at once is still heard.
      clear = startTimer(context.clock, 0, () => this.#letGo());
      this.hangWarnings.end();
    });
    try {
      await (memory ? this.#pullFromMemory(memory, intake) : this.#pull(source, intake));
      this.#pulling = false;
      this.#update();
      while (this.#running > 0) await this.#change();
    } finally {
      unlink();
      unlinkForced();
      clear();
    }
  }

  // Taken.

  async #pullFromMemory(source: MemorySource<T>, intake: AbortSignal): Promise<void> {
    while (!intake.aborted) {
      if (this.turns.due()) await this.turns.give();
      else if (this.#running >= this.#settings.concurrency) await this.#change();
      else if (!this.#takeNext(source)) {
        this.#update();
        await source.wait(intake);
      }
    }
  }

  /** Takes the next delivery of a source in memory, and gives whether there was one. */
  #takeNext(source: MemorySource<T>): boolean {
    const next = source.take();
    if (next) this.#take(next);
    return next !== undefined;
  }

  async #pull(source: Source<T>, intake: AbortSignal): Promise<void> {
    const { concurrency, receiveRetry, pollInterval, random } = this.#settings;
    const { clock } = this.#context;
    for (let failures = 0; !intake.aborted;) {
      if (this.#running >= concurrency) {
        await this.#change();
        continue;
      }
      this.#update();
      const asked = clock.now();
      try {
        this.#asking = true;
        const answer = await source.receive(intake, { max: concurrency - this.#running });
        this.#asking = false;
        checkAnswer(answer);
        this.#outage.end();
        const usable = await this.#takeAll(answer, intake);
        failures = usable || answer.length === 0 ? 0 : failures + 1;
        if (failures > 0) await this.#pause(backoff(receiveRetry, failures, random));
        // A source that has waited itself is asked again at once.
        const left = pollInterval - (clock.now() - asked);
        if (answer.length === 0) await this.#pause(Math.max(0, left));
      } catch (error) {
        this.#asking = false;
        if (gaveWay(error, intake)) return;
        this.#ledger.counts.receiveErrors++;
        report(this.#context, "error", "failed to receive", { error });
        this.#outage.failed(error, clock);
        this.#failing = true;
        this.#idle.busy();
        await this.#pause(backoff(receiveRetry, ++failures, random));
        this.#failing = false;
      }
    }
  }

  /** Takes what the source has answered with; gives whether any of it can be used. */
  async #takeAll(answer: readonly Delivery<T>[], intake: AbortSignal): Promise<boolean> {
    let usable = false;
    for (const delivery of answer) {
      while (this.turns.due()) await this.turns.give();
      // There is room for all, unless the source has given more than it was asked for.
      while (this.#running >= this.#settings.concurrency && !intake.aborted) await this.#change();
      if (this.#take(delivery)) usable = true;
    }
    return usable;
  }

  /** Gives whether it is a delivery: one that is not costs no other anything. */
  #take(delivery: Delivery<T>): boolean {
    let held: Held<T>;
    try {
      held = newHeld(delivery, this.#context, this.hangWarnings);
      if (!held.counted) this.#warnUncounted(delivery.attempt);
    } catch (error) {
      this.#refuse(delivery, error);
      return false;
    }
    this.#ledger.enter(held);
    this.#idle.busy();
    this.#process(held);
    return true;
  }

  /** Warns, once, of an `attempt` that is no count, or is missing though the source delays. */
  #warnUncounted(attempt: unknown): void {
    if (this.#saidUncounted || !this.#delays && (attempt ?? undefined) === undefined) return;
    this.#saidUncounted = true;
    const what = "does not know which attempt a delivery is, and tries again in place: " +
      `expected a whole number from 1, got ${textOf(attempt)}`;
    report(this.#context, "warn", what);
  }

  /** Gives back what is no delivery, if that can be done; it has a place meanwhile. */
  #refuse(delivery: Delivery<T>, error: unknown): void {
    const { retry, random } = this.#settings;
    this.#ledger.counts.receiveErrors++;
    report(this.#context, "error", "got a delivery that cannot be used", { error });
    this.#running++;
    const options = { delay: backoff(retry, 1, random), error };
    this.#settler.giveBack(delivery, options, this.#context).then(() => this.#left());
  }

  // Attempted, and settled.

  /** Never rejects. One frame, and no wait that is not needed: queues in memory live of it. */
  async #process(held: Held<T>): Promise<void> {
    const { timeout } = this.#limitsOf(held);
    this.#running++;
    held.hold?.begin();
    if (this.#over(held)) await this.#settler.release(held, 0);
    for (let failure: Failure | undefined; !held.settling;) {
      if (failure) {
        // Here, as many pauses may end at once, and nothing waits between this and the handler.
        while (this.turns.due()) await this.turns.give();
        if (this.#over(held)) {
          await this.#settler.release(held, 0, failure);
          break;
        }
      }
      // Only the end of the grace would abort this attempt, and it aborts all: a spare will do.
      const spare = timeout === Infinity && !held.hold ? this.#spares.take() : undefined;
      const signal = held.signal = spare ?? new Latch();
      if (timeout < Infinity) held.clearLimit = this.#limit(signal, timeout);
      try {
        await this.#handle(held, signal.signal);
        held.clearLimit();
        const acked = this.#settler.ack(held);
        if (acked) await acked;
      } catch (error) {
        held.clearLimit();
        failure = { error: error ?? new Error(`It failed with ${error}`) };
        await this.#failed(held, failure);
      }
      if (spare) this.#spares.give(spare);
    }
    this.#left();
  }

  /** Whether no further attempt at a delivery is to begin. */
  #over(held: Held<T>): boolean {
    return this.#closed || isLost(held);
  }

  /** Aborts an attempt that takes longer than `timeout`. */
  #limit(signal: Latch, timeout: number): Clear {
    return startTimer(this.#context.clock, timeout, () => {
      signal.abort(new AbortError(`The item took longer than ${timeout} ms`));
    });
  }

  /** Settles what has failed, or resolves when it may be tried again in place. */
  async #failed(held: Held<T>, failure: Failure): Promise<void> {
    const dropped = this.#forced || isLost(held);
    if (dropped && gaveWay(failure.error, held.signal)) return this.#settler.release(held, 0);
    const { random } = this.#settings;
    const { retry } = this.#limitsOf(held);
    const last = !dropped &&
      (held.refused || held.attempt >= retry.attempts || !this.#isRetryable(retry, failure.error));
    const which = `attempt ${held.attempt} of ${retry.attempts}`;
    const item = this.#nameOf(held);
    const what = held.refused ? `refused the value of ${item}` : `failed to handle ${item}`;
    this.#ledger.counts.failed++;
    report(this.#context, last ? "error" : "warn", `${what} (${which})`, failure);
    if (held.settling) return; // it was let go meanwhile
    if (last) return this.#bury(held, failure);
    this.#ledger.counts.retried++;
    const delay = backoff(retry, held.attempt, random);
    if (this.#delays && held.counted) return this.#settler.release(held, delay, failure);
    await this.#pause(delay, held);
    held.attempt++;
  }

  #isRetryable(retry: Retry, error: unknown): boolean {
    try {
      return retry.retryable(error) !== false;
    } catch (worse) {
      report(this.#context, "error", 'failed to ask "retry.retryable"', { error: worse });
      return true;
    }
  }

  /**
   * Ends a delivery whose last attempt has failed: `onDeadLetter` takes note of it, then the source is
   * told to reject it. If that fails it is released, so that the value is not lost.
   */
  async #bury(held: Held<T>, failure: Failure): Promise<void> {
    const { onDeadLetter, random } = this.#settings;
    const { retry } = this.#limitsOf(held);
    try {
      const noted = onDeadLetter(valueOf(held), failure.error, itemOf(held));
      await this.hangWarnings.wait(noted, 'its "onDeadLetter"', this.#context);
    } catch (error) {
      const what = "failed to take care of a dead letter, which is tried again";
      report(this.#context, "error", what, { error });
      const delay = backoff(retry, held.attempt, random);
      if (!this.#delays) await this.#pause(delay, held);
      return this.#settler.release(held, delay, failure);
    }
    await this.#settler.reject(held, failure.error);
  }

  /** Frees a place, and fills it at once if the source is in memory. */
  #left(): void {
    this.#running--;
    const { memory } = this.#origin;
    if (memory && !this.#closed) {
      // A turn that is due begins here, and the loop that pulls takes the next one after it.
      if (this.turns.due()) void this.turns.give();
      else if (this.#takeNext(memory)) return;
    }
    this.#update();
    this.#wake();
  }

  // Let go.

  /** Gives back what is not settled when the grace is over, though its handler may still run. */
  #letGo(): void {
    const all = this.#ledger.held();
    const late = all.filter(({ settling }) => !settling);
    if (late.length > 0 && this.#warns) {
      const what = `gave back what it could not finish in time: ${late.length}`;
      report(this.#context, "warn", what);
    }
    for (const { hold } of all) hold?.end(); // what is being settled needs none for so short a time
    for (const held of late) {
      this.#running++;
      this.#settler.release(held, 0).then(() => this.#left());
    }
  }

  // What all of it waits for.

  /** Waits until the intake closes at most; if it is for a delivery, until that is lost at most. */
  #pause(ms: number, held?: Held<T>): Promise<void> {
    return this.#pauses.wait(ms, this.#context.clock, held);
  }

  /** Resolves when a place has become free, or the intake has closed. One caller at a time. */
  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** Tells the callers of `onIdle` when nothing is held. */
  #update(): void {
    if (this.#ledger.active > 0 || this.#failing) return;
    if (this.#pulling) this.#idle.still(this.#context.clock);
    else this.#idle.end();
  }
}

/** @throws {TypeError} If the answer of a source is no array. */
function checkAnswer(answer: unknown): void {
  if (Array.isArray(answer)) return;
  const text = textOf(answer);
  throw new TypeError(`Cannot use the answer of "receive": expected an array, got ${text}`);
}

/** Whether an error answers to a signal; not every error bears to be looked at. */
function gaveWay(error: unknown, signal: AbortSignal | Latch | undefined): boolean {
  try {
    return isCleanAbort(error, signal);
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
