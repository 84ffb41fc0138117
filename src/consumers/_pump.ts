import { AbortError, answers, Latch, link } from "../_abort.ts";
import { check, nothing } from "../_check.ts";
import { Hands, type Held } from "./_hands.ts";
import { Idle } from "./_idle.ts";
import { log } from "../_log.ts";
import { type Clear, startTimer } from "../_timer.ts";
import type { ConsumerDetails, ConsumerOptions, Item } from "./consumer.ts";
import { backoff, readRetry, type Retry } from "./retry.ts";
import type { Delivery, Source } from "./source.ts";
import type { ServiceContext } from "../types.ts";

/** A source that can also be asked without waiting: one in memory. */
export interface QuickSource<T> extends Source<T> {
  /** The next delivery, if there is one. Called when a place has become free. */
  take?(): Delivery<T> | undefined;
}

/** Settings of a {@linkcode Pump}. */
export interface PumpOptions<T> extends ConsumerOptions<T> {
  /** Whether to warn of what the end of the grace has cut off; its owner may know better. */
  readonly warns?: boolean | undefined;
}

type Outcome = "done" | "released" | "deadLettered";

// Shared, as what is made for each item adds up.
const ack = (delivery: Delivery<unknown>): unknown => delivery.ack();

/** The delays before a source that fails is asked again; those of `retry` are for bad items. */
const outage = { delay: 1_000, maxDelay: 60_000 };

/**
 * The work of a consumer: takes from the source what it has room for, has it handled, settles it.
 *
 * Each delivery is settled once, by whoever comes first: its handler's outcome, or the end of the
 * grace.
 */
export class Pump<T> {
  readonly #source: QuickSource<T>;
  readonly #handle: (held: Held<T>) => unknown;
  readonly #onDeadLetter: NonNullable<ConsumerOptions<T>["onDeadLetter"]>;
  readonly #concurrency: number;
  readonly #retry: Retry;
  readonly #timeout: number;
  readonly #pollInterval: number;
  readonly #random: () => number;
  readonly #warns: boolean;

  readonly #counts: Record<Exclude<keyof ConsumerDetails, "active">, number> = {
    received: 0,
    done: 0,
    failed: 0,
    retried: 0,
    released: 0,
    deadLettered: 0,
    receiveErrors: 0,
    settleErrors: 0,
  };
  readonly #idle: Idle = new Idle();
  readonly #held: Hands<T> = new Hands();
  readonly #pauses: Set<() => void> = new Set();
  /** How many deliveries have not come to their end; each holds a place. */
  #running = 0;
  #wake: () => void = nothing;

  // Of one run.
  #context!: ServiceContext;
  #intake: AbortController | undefined;
  #pulling = false;
  /** Whether the source has failed to answer, so that nobody knows what it has. */
  #failing = false;
  #forced = false;

  constructor(
    source: QuickSource<T>,
    handle: (held: Held<T>) => unknown,
    options: PumpOptions<T>,
  ) {
    const { concurrency = 1, timeout = Infinity, pollInterval = 1_000 } = options;
    const { onDeadLetter = nothing, random = Math.random, warns = true } = options;
    check("source", source, { receive: nothing });
    check("concurrency", concurrency, 1);
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new RangeError(`Cannot use concurrency: ${concurrency} is no whole number from 1`);
    }
    check("timeout", timeout, 0);
    check("pollInterval", pollInterval, 0);
    check("onDeadLetter", onDeadLetter, nothing);
    check("random", random, nothing);
    this.#source = source;
    this.#handle = handle;
    this.#onDeadLetter = onDeadLetter;
    this.#concurrency = concurrency;
    this.#retry = readRetry(options.retry);
    this.#timeout = timeout;
    this.#pollInterval = pollInterval;
    this.#random = random;
    this.#warns = warns;
  }

  get details(): ConsumerDetails {
    return { ...this.#counts, active: this.#held.count };
  }

  onIdle(quiet: number): Promise<void> {
    return this.#idle.wait(quiet);
  }

  /** Pulls until the intake is closed, and resolves when all that was taken has ended. */
  async run(signal: AbortSignal, context: ServiceContext): Promise<void> {
    const intake = this.#intake = new AbortController();
    this.#context = context;
    this.#forced = false;
    this.#pulling = true;
    this.#idle.busy();
    let clear = nothing;
    const unlink = link(signal, (reason) => this.close(reason));
    const unlinkForced = link(context.forced, (reason) => {
      this.close(reason);
      this.#forced = true;
      for (const { signal } of this.#held.all()) signal.abort(reason);
      // Who answers to its signal at once is not cut off.
      clear = startTimer(context.clock, 0, () => this.#letGo());
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
    if (!this.#intake || this.#intake.signal.aborted) return;
    this.#intake.abort(reason);
    for (const end of this.#pauses) end();
    this.#wake();
  }

  async #pull(intake: AbortSignal): Promise<void> {
    for (let failures = 0; !intake.aborted;) {
      if (this.#running >= this.#concurrency) {
        await this.#change();
        continue;
      }
      this.#update();
      try {
        const max = this.#concurrency - this.#running;
        const deliveries = await this.#source.receive(intake, { max });
        for (const delivery of deliveries) {
          // Room for all, unless the source gave more than it was asked for.
          while (this.#running >= this.#concurrency && !intake.aborted) await this.#change();
          this.#take(delivery);
        }
        failures = 0;
        if (deliveries.length === 0) await this.#pause(this.#pollInterval);
      } catch (error) {
        if (answers(error, intake)) return;
        this.#counts.receiveErrors++;
        this.#log("error", "failed to receive", { error });
        this.#failing = true;
        this.#idle.busy();
        const retry = { ...this.#retry, ...outage };
        await this.#pause(backoff(retry, ++failures, this.#random));
        this.#failing = false;
      }
    }
  }

  #take(delivery: Delivery<T>): void {
    const held: Held<T> = {
      delivery,
      context: this.#context,
      attempt: delivery.attempt ?? 1,
      signal: new Latch(),
      settling: false,
      clearExtend: nothing,
      unlink: nothing,
      previous: undefined,
      next: undefined,
    };
    if (delivery.lost) {
      held.unlink = link(delivery.lost, (reason) => {
        held.clearExtend();
        held.signal.abort(reason);
      });
    }
    this.#counts.received++;
    this.#held.add(held);
    this.#idle.busy();
    this.#process(held);
  }

  /** Never rejects. One frame, and no wait that is not needed: queues in memory live of it. */
  async #process(held: Held<T>): Promise<void> {
    this.#running++;
    if (this.#over(held)) await this.#release(held, 0);
    else this.#keep(held);
    while (!held.settling) {
      const clear = this.#limit(held);
      try {
        await this.#handle(held);
        clear();
        const acked = this.#settle(held, "done", ack);
        if (acked) await acked;
      } catch (error) {
        clear();
        await this.#failed(held, error);
      }
    }
    this.#left();
  }

  /** Settles what has failed, or resolves when it may be tried again in place. */
  async #failed(held: Held<T>, error: unknown): Promise<void> {
    const dropped = this.#forced || isLost(held);
    if (dropped && answers(error, held.signal)) return this.#release(held, 0);
    const { attempts } = this.#retry;
    const last = held.attempt >= attempts && !dropped;
    const which = `attempt ${held.attempt} of ${attempts}`;
    this.#counts.failed++;
    this.#log(last ? "error" : "warn", `failed to handle an item (${which})`, { error });
    if (held.settling) return;
    if (last) return this.#bury(held, error);
    this.#counts.retried++;
    const delay = backoff(this.#retry, held.attempt, this.#random);
    if (this.#source.delays) return this.#release(held, delay);
    await this.#pause(delay, held.delivery.lost);
    if (this.#over(held)) return this.#release(held, 0);
    held.attempt++;
    held.signal = new Latch();
  }

  /** The last attempt has failed. What nobody has taken note of is not rejected. */
  async #bury(held: Held<T>, error: unknown): Promise<void> {
    const onDeadLetter = this.#onDeadLetter;
    try {
      await onDeadLetter(held.delivery.value, error, itemOf(held));
    } catch (worse) {
      this.#log("error", "failed to take care of a dead letter, which is tried again", {
        error: worse,
      });
      const delay = backoff(this.#retry, held.attempt, this.#random);
      if (!this.#source.delays) await this.#pause(delay, held.delivery.lost);
      return this.#release(held, delay);
    }
    await this.#settle(held, "deadLettered", (delivery) => delivery.reject(error));
  }

  async #release(held: Held<T>, delay: number): Promise<void> {
    await this.#settle(held, "released", (delivery) => delivery.release({ delay }));
  }

  /** Nothing if that took no time. */
  #settle(
    held: Held<T>,
    outcome: Outcome,
    call: (delivery: Delivery<T>) => unknown,
  ): Promise<void> | undefined {
    if (held.settling) return;
    held.settling = true;
    held.clearExtend();
    held.unlink();
    try {
      const result = call(held.delivery) as PromiseLike<unknown> | undefined;
      if (typeof result?.then === "function") return this.#settled(held, outcome, result);
    } catch (error) {
      this.#logSettleError(outcome, error);
    }
    this.#count(held, outcome);
  }

  async #settled(held: Held<T>, outcome: Outcome, call: PromiseLike<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      this.#logSettleError(outcome, error);
    }
    this.#count(held, outcome);
  }

  #logSettleError(outcome: Outcome, error: unknown): void {
    this.#counts.settleErrors++;
    this.#log("error", `failed to tell the source that an item is ${outcome}`, { error });
  }

  #count(held: Held<T>, outcome: Outcome): void {
    this.#counts[outcome]++;
    this.#held.remove(held);
  }

  /** A place is free. */
  #left(): void {
    this.#running--;
    const next = this.#closed ? undefined : this.#source.take?.();
    if (next) return this.#take(next);
    this.#update();
    this.#wake();
  }

  /** The grace is over: what is not settled goes back, though its handler may still run. */
  #letGo(): void {
    const late = this.#held.all().filter(({ settling }) => !settling);
    if (late.length > 0 && this.#warns) {
      this.#log("warn", `gave back what it could not finish in time: ${late.length}`);
    }
    for (const held of late) {
      this.#running++;
      this.#release(held, 0).then(() => this.#left());
    }
  }

  /** Keeps others from a delivery until it is settled. */
  #keep(held: Held<T>): void {
    const { delivery } = held;
    const { extendEvery = 0 } = delivery;
    if (!delivery.extend || !(extendEvery > 0) || isLost(held)) return;
    held.clearExtend = startTimer(this.#context.clock, extendEvery, async () => {
      try {
        await delivery.extend?.();
      } catch (error) {
        if (!held.settling) this.#log("warn", "failed to extend the hold on an item", { error });
      }
      if (!held.settling) this.#keep(held);
    });
  }

  #limit({ signal, context }: Held<T>): Clear {
    if (this.#timeout === Infinity) return nothing;
    return startTimer(context.clock, this.#timeout, () => {
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

  /** Waits, but not longer than the intake is open and the delivery is not lost. */
  #pause(ms: number, lost?: AbortSignal): Promise<void> {
    if (this.#closed || lost?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const unlink = link(lost, () => end());
      const end = (): void => {
        clear();
        unlink();
        this.#pauses.delete(end);
        resolve();
      };
      const clear = startTimer(this.#context.clock, ms, end);
      this.#pauses.add(end);
    });
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** Tells who waits for it that nothing is held. */
  #update(): void {
    if (this.#held.count > 0 || this.#failing) return;
    if (this.#pulling) this.#idle.still(this.#context.clock);
    else this.#idle.end();
  }

  #log(level: "warn" | "error", what: string, failure?: { readonly error: unknown }): void {
    const { name, logger } = this.#context;
    log(logger, level, `Service "${name}" ${what}`, failure);
  }
}

/** Whether the source has lost its hold on a delivery. */
function isLost<T>({ delivery }: Held<T>): boolean {
  return delivery.lost?.aborted === true;
}

/** What a handler is told of what it handles. */
export function itemOf<T>({ attempt, delivery, context }: Held<T>): Item<T> {
  return { attempt, delivery, context };
}
