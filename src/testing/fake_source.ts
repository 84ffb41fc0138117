import { link } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { globalClock } from "../_time/timer.ts";
import { textOf } from "../_log.ts";
import type { BackoffOptions } from "../_time/backoff.ts";
import type { Delivery, ReceiveOptions, ReleaseOptions, Source } from "../consumers/source.ts";
import type { Clock, ServiceContext } from "../types.ts";

/** Options of a {@linkcode FakeSource}: what kind of engine it stands for. */
export interface FakeSourceOptions {
  /**
   * Whether it keeps what is released back for the delay; see `Source.delays`.
   *
   * @default {false}
   */
  readonly delays?: boolean | undefined;
  /**
   * Whether deliveries say which attempt they are.
   *
   * @default {true}
   */
  readonly counts?: boolean | undefined;
  /**
   * What a hold hangs on; see `Delivery.hold`.
   *
   * @default {undefined, which stands for "connection"}
   */
  readonly hold?: "connection" | "lease" | undefined;
  /**
   * Milliseconds after which a hold that was not extended runs out: then the value waits again.
   *
   * @default {Infinity}
   */
  readonly holdTimeout?: number | undefined;
  /**
   * How often a hold is to be extended, in milliseconds; see `Delivery.extendEvery`.
   *
   * @default {a third of `holdTimeout`; never if that is not finite}
   */
  readonly extendEvery?: number | undefined;
  /** See `Source.pollInterval`. */
  readonly pollInterval?: number | undefined;
  /** See `Source.receiveRetry`. */
  readonly receiveRetry?: BackoffOptions | undefined;
  /**
   * Its time, for delays and holds.
   *
   * @default {that of the host which starts it, else real time}
   */
  readonly clock?: Clock | undefined;
}

/** What a {@linkcode FakeSource} may be told to fail in. */
export type FakeSourceCall =
  | "start"
  | "stop"
  | "stopping"
  | "health"
  | "receive"
  | "ack"
  | "release"
  | "reject"
  | "extend";

/**
 * How a delivery of a {@linkcode FakeSource} was settled.
 *
 * @typeParam T What was delivered.
 */
export interface Settlement<T> {
  /** What was delivered. */
  readonly value: T;
  /** Which attempt it was. */
  readonly attempt: number;
  /** The call that settled it. */
  readonly how: "ack" | "release" | "reject";
  /** Of a `release`: milliseconds until it is to be delivered again. */
  readonly delay?: number | undefined;
  /** Of a `reject`, and of a `release` after a failed attempt: what it failed with. */
  readonly error?: unknown;
}

/** A value and where it is. */
interface Message<T> {
  readonly value: T;
  readonly headers: Readonly<Record<string, unknown>> | undefined;
  attempt: number;
  /** Who has it: nobody, while it waits. */
  holder: Hold | undefined;
}

/** A hold of one source on one message. */
interface Hold {
  readonly owner: unknown;
  lose(reason: unknown): void;
}

/** What the sources of one queue share. */
interface Queue<T> {
  /** In the order in which they are to be delivered. */
  readonly waiting: Message<T>[];
  readonly held: Set<Message<T>>;
  readonly settled: Settlement<T>[];
  readonly log: string[];
  /** Wakes those that wait in a `receive`. */
  readonly wakers: Set<() => void>;
}

/**
 * A source of scripted deliveries, which records how each was settled. For tests of handlers, and of
 * what stands around them.
 *
 * It keeps all that a `Source` promises, on the clock of the host: what is released comes again, what is
 * lost too, and delays are kept if it `delays`. The test adds what goes wrong:
 * {@linkcode FakeSource.fail}, {@linkcode FakeSource.lose}, {@linkcode FakeSource.breakDown}.
 *
 * @example A handler that fails once
 * ```ts
 * import { consumer } from "@runhost/host/consumers";
 * import { FakeSource, testHost } from "@runhost/host/testing";
 * import { deepEqual } from "node:assert/strict";
 *
 * const source = new FakeSource(["hello", "spam"]);
 * const mailer = consumer<string>("mailer", {
 *   source,
 *   retry: { attempts: 2, delay: 1_000, jitter: 0 },
 *   handle(mail) {
 *     if (mail === "spam") throw new Error("Refused");
 *   },
 * });
 *
 * await using host = testHost([mailer]);
 * await host.start();
 * await host.clock.advance(1_000);
 *
 * deepEqual(source.log, ["ack hello", "reject spam: Refused"]);
 * ```
 *
 * @typeParam T What it delivers.
 */
export class FakeSource<T> implements Source<T> {
  /** See `Source.delays`. */
  readonly delays: boolean;
  /** See `Source.pollInterval`. */
  readonly pollInterval: number | undefined;
  /** See `Source.receiveRetry`. */
  readonly receiveRetry: BackoffOptions | undefined;
  /** Each `max` that it was asked for. */
  readonly asked: number[] = [];
  /** The signal of the last `receive`. */
  signal: AbortSignal | undefined;
  /** Changes each delivery before it goes out; what it returns is delivered. */
  alter: (delivery: Delivery<T>) => Delivery<T> = (delivery) => delivery;
  readonly #options: FakeSourceOptions;
  #queue: Queue<T> = { waiting: [], held: new Set(), settled: [], log: [], wakers: new Set() };
  readonly #failures: { readonly call: FakeSourceCall; readonly error: unknown }[] = [];
  #clock: Clock;
  #outage: { readonly error: unknown } | undefined;
  #stopped = false;
  #receiving = false;

  /**
   * Makes one that is not started, and need not be.
   *
   * @param values What it has to give at first.
   */
  constructor(values: readonly T[] = [], options: FakeSourceOptions = {}) {
    this.#options = options;
    this.delays = options.delays ?? false;
    this.pollInterval = options.pollInterval;
    this.receiveRetry = options.receiveRetry;
    this.#clock = options.clock ?? globalClock;
    this.push(...values);
  }

  /** The values that wait to be delivered, in order; without those that are kept back. */
  get waiting(): readonly T[] {
    return this.#queue.waiting.map(({ value }) => value);
  }

  /** The values that were delivered and not settled. */
  get held(): readonly T[] {
    return [...this.#queue.held].map(({ value }) => value);
  }

  /** How deliveries were settled, in order. */
  get settled(): readonly Settlement<T>[] {
    return this.#queue.settled;
  }

  /**
   * The same as text, with the calls of `extend`: `ack a`, `release a 100` (with the delay),
   * `reject a: why`, `extend a`.
   */
  get log(): readonly string[] {
    return this.#queue.log;
  }

  /** Adds values, which are delivered in this order. */
  push(...values: readonly T[]): void {
    for (const value of values) this.send(value);
  }

  /** Adds a value with what travels beside it, and with how often it was tried before. */
  send(
    value: T,
    { headers, attempt = 1 }: {
      readonly headers?: Readonly<Record<string, unknown>> | undefined;
      readonly attempt?: number | undefined;
    } = {},
  ): void {
    this.#queue.waiting.push({ value, headers, attempt, holder: undefined });
    this.#wake();
  }

  /**
   * A second source over the same values, as another process would open one. What is settled of
   * either is in the records of both.
   */
  another(): FakeSource<T> {
    const other = new FakeSource<T>([], this.#options);
    other.#queue = this.#queue;
    other.#clock = this.#clock;
    return other;
  }

  /** Lets the next `times` calls of one kind reject with `error`; of `receive`, also a pending one. */
  fail(call: FakeSourceCall, error: unknown, times: number = 1): void {
    for (let i = 0; i < times; i++) this.#failures.push({ call, error });
    this.#wake();
  }

  /**
   * Its hold on a value is lost: `Delivery.lost` aborts, and the value waits again. Without a value all
   * that is held is lost.
   */
  lose(value?: T, reason: unknown = new Error("The hold on it is lost")): void {
    for (const message of [...this.#queue.held]) {
      if (arguments.length === 0 || message.value === value) message.holder?.lose(reason);
    }
  }

  /**
   * Breaks the connection, until {@linkcode FakeSource.repair}: every call rejects with `error`, and
   * what this source holds is lost, unless the hold is a lease.
   */
  breakDown(error: unknown = new Error("The connection is closed")): void {
    this.#outage = { error };
    if (this.#options.hold !== "lease") {
      for (const message of [...this.#queue.held]) {
        if (message.holder?.owner === this) message.holder.lose(error);
      }
    }
    this.#wake();
  }

  /** Ends what {@linkcode FakeSource.breakDown} began. */
  repair(): void {
    this.#outage = undefined;
  }

  /** Takes its clock from the host, unless it was given one. */
  async start(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
    this.#check("start");
    signal?.throwIfAborted();
    this.#clock = this.#options.clock ?? context?.clock ?? this.#clock;
    this.#stopped = false;
  }

  /** Ends a pending `receive`. */
  async stopping(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    this.#check("stopping");
  }

  /** Does nothing: it has no connection. */
  async stop(): Promise<void> {
    this.#check("stop");
  }

  /** Fails while it is broken. */
  async health(): Promise<void> {
    this.#check("health");
  }

  /** Waits until there is a value, and answers with at most `max` deliveries. */
  async receive(signal: AbortSignal, { max }: ReceiveOptions): Promise<readonly Delivery<T>[]> {
    if (this.#receiving) {
      throw new Error(
        "Cannot receive: an earlier call is pending; a source is asked by one consumer",
      );
    }
    this.asked.push(max);
    this.signal = signal;
    this.#receiving = true;
    try {
      for (;;) {
        this.#check("receive");
        if (this.#queue.waiting.length > 0 || this.#stopped || signal.aborted) break;
        await this.#change(signal);
      }
    } finally {
      this.#receiving = false;
    }
    if (signal.aborted) return [];
    return this.#queue.waiting.splice(0, max).map((it) => this.alter(this.#deliver(it)));
  }

  #deliver(message: Message<T>): Delivery<T> {
    const { hold, holdTimeout = Infinity, counts = true } = this.#options;
    const { extendEvery = holdTimeout < Infinity ? holdTimeout / 3 : undefined } = this.#options;
    const { value, headers, attempt } = message;
    const lost = new AbortController();
    const clock = this.#clock;
    let timer: unknown;
    const watch = (): void => {
      if (timer !== undefined) clock.clearTimeout(timer);
      timer = holdTimeout < Infinity
        ? clock.setTimeout(() => mine.lose(new Error("The hold on it ran out")), holdTimeout)
        : undefined;
    };
    /** Lets go of it, if it is still held by this delivery. */
    const letGo = (): boolean => {
      if (timer !== undefined) clock.clearTimeout(timer);
      timer = undefined;
      if (message.holder !== mine) return false;
      message.holder = undefined;
      this.#queue.held.delete(message);
      return true;
    };
    const back = (): void => {
      message.attempt++;
      this.#queue.waiting.push(message);
      this.#wake();
    };
    const mine: Hold = {
      owner: this,
      lose: (reason) => {
        if (!letGo()) return;
        lost.abort(reason);
        back();
      },
    };
    const note = (how: Settlement<T>["how"], text: string, more: Partial<ReleaseOptions>): void => {
      this.#check(how);
      this.#queue.log.push(`${how} ${value}${text}`);
      this.#queue.settled.push({ value, attempt, how, ...more });
    };

    message.holder = mine;
    this.#queue.held.add(message);
    watch();
    return {
      value,
      attempt: counts ? attempt : undefined,
      headers,
      hold,
      extendEvery,
      lost: lost.signal,
      async ack() {
        note("ack", "", {});
        letGo();
      },
      release: async (options: ReleaseOptions) => {
        const { delay } = options;
        note("release", ` ${delay}`, options);
        if (!letGo()) return;
        if (this.delays && delay > 0) clock.setTimeout(back, delay);
        else back();
      },
      async reject(error: unknown) {
        note("reject", `: ${messageOf(error)}`, { error });
        letGo();
      },
      extend: async () => {
        this.#check("extend");
        this.#queue.log.push(`extend ${value}`);
        if (message.holder !== mine) return false;
        watch();
        return true;
      },
    };
  }

  #check(call: FakeSourceCall): void {
    const index = this.#failures.findIndex((it) => it.call === call);
    if (index >= 0) throw (this.#failures.splice(index, 1)[0] as { error: unknown }).error;
    if (this.#outage && call !== "stop" && call !== "stopping") throw this.#outage.error;
  }

  #wake(): void {
    for (const wake of this.#queue.wakers) wake();
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { wakers } = this.#queue;
    let clear = nothing;
    await new Promise<void>((resolve) => {
      wakers.add(resolve);
      const unlink = link(signal, () => resolve());
      clear = () => {
        unlink();
        wakers.delete(resolve);
      };
    });
    clear();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : textOf(error);
}
