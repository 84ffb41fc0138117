import { AbortError } from "../_abort.ts";
import { check, nothing } from "../_check.ts";
import { define } from "../_definition.ts";
import { itemOf, Pump } from "./_pump.ts";
import { BackgroundService } from "../background_service.ts";
import type { HostedServiceHooks } from "../hosted_service.ts";
import type { RetryOptions } from "./retry.ts";
import type { Delivery, Source } from "./source.ts";
import type { HostedService, ServiceContext } from "../types.ts";

/** What a handler is told besides the value. */
export interface Item<T> {
  /** Which attempt this is, 1 for the first, as far as the source can count. */
  readonly attempt: number;
  /** As the source made it, with whatever else the source put there. Settling it is the consumer's. */
  readonly delivery: Delivery<T>;
  /** The service's context: logger, clock, lifetime. */
  readonly context: ServiceContext;
}

/** Settings of a {@linkcode consumer}. */
export interface ConsumerOptions<T> {
  /**
   * How many deliveries are held at most, and so how many handlers run at the same time; a whole
   * number from 1. No more than this is ever taken from the source.
   *
   * @default {1}
   */
  readonly concurrency?: number | undefined;

  /** When a value whose handler failed is tried again, and how often. */
  readonly retry?: RetryOptions | undefined;

  /**
   * Milliseconds after which the signal of an attempt aborts. A handler that then rejects has
   * failed; one that goes on keeps its place, for nothing can end it from outside.
   *
   * @default {Infinity}
   */
  readonly timeout?: number | undefined;

  /**
   * Milliseconds to wait when the source had nothing to answer with. 0 for sources that wait
   * themselves and give up after a while.
   *
   * @default {1000}
   */
  readonly pollInterval?: number | undefined;

  /**
   * Takes note of a value whose last attempt has failed, before the source is told to `reject` it;
   * that waits for it. If it fails, the value is not rejected but released, to be tried once more.
   *
   * @param error What the last attempt failed with.
   */
  readonly onDeadLetter?: ((value: T, error: unknown, item: Item<T>) => unknown) | undefined;

  /**
   * A number from 0 up to, but not including, 1: the chance in the delays; injected by tests.
   *
   * @default {Math.random}
   */
  readonly random?: (() => number) | undefined;
}

/**
 * What a {@linkcode consumer} does, and its hooks. `start` runs before that of the source and the
 * first `receive`, `stop` when all that was taken has ended and the source has stopped: the place to
 * open and close what the handler needs.
 */
export interface ConsumerDefinition<T> extends HostedServiceHooks, ConsumerOptions<T> {
  /** Where the work comes from. */
  readonly source: Source<T>;

  /**
   * Does the work. When it fulfils, the value is done; when it rejects or throws, it has failed, is
   * logged, and is tried again. It must bear to be given the same value twice: that is what *at
   * least once* means.
   *
   * @param signal Aborts when the grace of the service is over, when the attempt exceeds its
   * `timeout`, and when the source has lost the delivery: drop it. It does not abort when the
   * service is asked to stop: finish it then. Who rejects because of the end of the grace, or of the
   * loss, has not failed; the value is released.
   */
  handle(value: T, signal: AbortSignal, item: Item<T>): unknown;
}

/** What a {@linkcode consumer} has done since it was made, all starts together. */
export interface ConsumerDetails {
  /** Deliveries taken: each is one of `done`, `released`, `deadLettered` and `active`. */
  readonly received: number;
  /** Deliveries handled and acked. */
  readonly done: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** Failed attempts that were to be followed by another, here or by the source. */
  readonly retried: number;
  /** Deliveries given back. */
  readonly released: number;
  /** Deliveries rejected, their last attempt having failed. */
  readonly deadLettered: number;
  /** Deliveries in the consumer's hands now. */
  readonly active: number;
  /** Calls of `receive` that failed. */
  readonly receiveErrors: number;
  /** Calls of `ack`, `release` and `reject` that failed. */
  readonly settleErrors: number;
}

/** Options of {@linkcode Consumer.onIdle}. */
export interface IdleOptions {
  /**
   * For how long the source must have given nothing, in milliseconds. More than an answer of the
   * source takes: 0 is enough for one in memory.
   *
   * @default {0}
   */
  readonly quiet?: number | undefined;
}

/** The background service a {@linkcode consumer} is. */
export class Consumer<T> extends BackgroundService {
  readonly #source: Source<T>;
  readonly #pump: Pump<T>;
  /** Whether the source has started and was not stopped. */
  #open = false;

  /** Made by {@linkcode consumer}. */
  constructor(definition: ConsumerDefinition<T>) {
    super();
    check("handle", definition.handle, nothing);
    this.#source = definition.source;
    this.#pump = new Pump(
      definition.source,
      (held) => definition.handle(held.delivery.value, held.signal.signal, itemOf(held)),
      definition,
    );
  }

  /** What it has done so far, as a fresh object; the host shows it in its status. */
  get details(): ConsumerDetails {
    return this.#pump.details;
  }

  /**
   * Resolves when there seems to be nothing to do: no delivery is held, and for `quiet` ms in one
   * piece the source has given none (it is still being asked, or answered with none). What was
   * released is the source's again and does not count. Also resolves when the consumer has stopped.
   *
   * Before the start nothing was asked for, so it waits for that.
   *
   * @throws {RangeError} If `quiet` is negative or `NaN`.
   */
  onIdle(options: IdleOptions = {}): Promise<void> {
    const { quiet = 0 } = options;
    check("quiet", quiet, 0);
    return this.#pump.onIdle(quiet);
  }

  /** Starts the source, if that wants it, and begins the work. */
  override async start(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
    if (!this.#open) await this.#source.start?.(signal as AbortSignal, context as ServiceContext);
    this.#open = true;
    await super.start(signal, context);
  }

  /** Receives and handles until it is told to stop, then until all it holds is settled. */
  override execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
    return this.#pump.run(signal, context);
  }

  /** Takes no more work. The host calls it on every service before it stops the first. */
  stopping(): void {
    this.#pump.close(new AbortError("The consumer takes no more"));
  }

  /** Waits until all it holds is settled and no handler runs any more, then stops the source. */
  override async stop(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
    await super.stop(signal, context);
    if (!this.#open) return;
    this.#open = false;
    await this.#source.stop?.(signal as AbortSignal, context as ServiceContext);
  }
}

/**
 * A background service that handles what a {@linkcode Source} delivers.
 *
 * It takes only what it has room for, and no value, however bad, ends it: a failed one is tried
 * again after a growing delay ({@linkcode RetryOptions}), by the source if that
 * {@linkcode Source.delays}, else in place; after the last attempt it is a dead letter. A source that
 * fails is asked again, after a second at first and up to a minute. Whatever fails is logged and counted in
 * {@linkcode Consumer.details}.
 *
 * When the host stops, it takes no more (in `stopping`), finishes what it holds (in `stop`), and
 * releases what waits for another attempt. When the grace ends, the handlers' signals abort; what
 * is not finished one macrotask later is released, whether or not its handler still runs. Such a
 * handler's outcome counts no more, but the stop waits for it, so that the host can name it.
 *
 * Each value is handled *at least once*: it may come again after a crash, a cut stop or a failed ack.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If something in the definition has the wrong type.
 * @throws {RangeError} If a number in it is out of range.
 *
 * @example One that fails at first
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { consumer, type Delivery } from "@runhost/host/consumers";
 * import { Channel } from "@runhost/host/channels";
 * import { deepEqual } from "node:assert/strict";
 *
 * const channel = new Channel<string>();
 * const delivery = (value: string): Delivery<string> => ({
 *   value,
 *   ack() {},
 *   release: () => channel.write(value),
 *   reject() {},
 * });
 * const log: string[] = [];
 * const mailer = consumer<string>("mailer", {
 *   source: { receive: async (signal) => [delivery(await channel.read(signal))] },
 *   retry: { attempts: 2, delay: 1 },
 *   handle(mail, _signal, { attempt }) {
 *     log.push(`${mail}, attempt ${attempt}`);
 *     if (mail === "spam" || attempt === 1) throw new Error("Greylisted");
 *   },
 *   onDeadLetter: (mail) => log.push(`${mail} is dead`),
 * });
 *
 * const host = createHost([mailer], { logger: false });
 * await host.start();
 * await channel.write("hello");
 * await channel.write("spam");
 * await mailer.onIdle();
 * await host.stop();
 *
 * deepEqual(log, [
 *   "hello, attempt 1",
 *   "hello, attempt 2",
 *   "spam, attempt 1",
 *   "spam, attempt 2",
 *   "spam is dead",
 * ]);
 * ```
 *
 * @typeParam T What is handled.
 */
export function consumer<T>(
  name: string,
  definition: ConsumerDefinition<T>,
): Consumer<T> & HostedService {
  check(`service "${name}"`, definition, {});
  return define(new Consumer(definition), name, definition);
}
