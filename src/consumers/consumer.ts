import { AbortError, link } from "../_abort.ts";
import { check, checkNames, checkWord, nothing } from "../_check.ts";
import { define } from "../hosted_service.ts";
import { startTimer } from "../_time/timer.ts";
import { insideOf } from "./_around.ts";
import { type Held, itemOf } from "./_held_delivery.ts";
import { Pump } from "./_pump.ts";
import { report } from "./_report.ts";
import { checkSource, readSettings } from "./_settings.ts";
import { BackgroundService } from "../background_service.ts";
import { decoder, type Input, isSchema } from "./input.ts";
import type { Source } from "./source.ts";
import type { ConsumerDetails, ConsumerOptions, Item } from "./types.ts";
import type { HostedService, HostedServiceHooks, ServiceContext } from "../types.ts";

/**
 * What a {@linkcode consumer} does, and its hooks. `start` runs before that of the source and the
 * first `receive`, `stop` when all that was taken has ended and the source has stopped: the place to
 * open and close what the handler needs.
 *
 * @typeParam T What is handled.
 * @typeParam Raw What the source delivers: the same, unless there is an `input`.
 */
export interface ConsumerDefinition<T, Raw = T> extends HostedServiceHooks, ConsumerOptions<Raw> {
  /** Where the work comes from. */
  readonly source: Source<Raw>;

  /**
   * Decodes and checks what the source delivers, once for each delivery, before its first attempt. A
   * value that it refuses is a dead letter without another attempt. See `json` for text and bytes.
   */
  readonly input?: Input<T, Raw> | undefined;

  /**
   * What runs around each attempt: a span, a scope, the context of an `AsyncLocalStorage`.
   *
   * The attempt ends as this does: it is done without the handler if `next` is not called, and has not
   * failed if what `next` rejects with is caught. It lasts until the handler has ended, too, and
   * one that has not waited for that has caught nothing.
   *
   * @param next Runs the handler, once, however often it is called, and settles as that does.
   */
  readonly around?: ((next: () => Promise<unknown>, item: Item<Raw>) => unknown) | undefined;

  /**
   * Does the work. When it fulfils, the value is done; when it rejects or throws, it has failed, is
   * logged, and is tried again. It must bear to be given the same value twice: that is what *at
   * least once* means.
   *
   * @param signal Aborts when the grace of the service is over, when the attempt exceeds its
   * `timeout`, and when the source has lost the delivery: drop it. It does not abort when the
   * service is asked to stop: finish it then. A handler that rejects because of the end of the grace,
   * or of the loss, has not failed; the value is released. The signal is the attempt's own until that
   * has ended.
   */
  handle(value: T, signal: AbortSignal, item: Item<Raw>): unknown;
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

const names: readonly (keyof ConsumerDefinition<unknown>)[] = [
  "around",
  "concurrency",
  "handle",
  "input",
  "onDeadLetter",
  "outage",
  "pollInterval",
  "random",
  "receiveRetry",
  "retry",
  "source",
  "timeout",
];

/**
 * The background service a {@linkcode consumer} is.
 *
 * @typeParam T What is handled.
 * @typeParam Raw What the source delivers.
 */
export class Consumer<T, Raw = T> extends BackgroundService {
  readonly #definition: ConsumerDefinition<T, Raw>;
  readonly #decode: ((raw: Raw) => T | PromiseLike<T>) | undefined;
  readonly #pump: Pump<Raw>;
  readonly #label: string;
  /** Of the last start. Without a host there is one only if the caller gives it. */
  #context!: ServiceContext;
  /** Whether the source has started and was not stopped. */
  #sourceStarted = false;
  /** The one call of `Source.stopping` since the source started, if that was reached. */
  #toldSource: Promise<void> | undefined;

  /** For {@linkcode consumer}, which adds the settings and hooks of the definition. */
  constructor(definition: ConsumerDefinition<T, Raw>, name: string = "consumer") {
    super();
    check("the name of a service", name, "");
    const label = `service "${name}"`;
    check(label, definition, {});
    checkNames(label, definition, names);
    const { source, handle, input, around, outage = "degraded" } = definition;
    check(`${label}.handle`, handle, nothing);
    if (around !== undefined) check(`${label}.around`, around, nothing);
    if (input !== undefined && !isSchema(input)) check(`${label}.input`, input, nothing);
    checkWord(`${label}.outage`, outage, ["degraded", "unhealthy"]);
    this.#label = label;
    this.#definition = definition;
    this.#decode = input && decoder(input, definition);
    checkSource(source, label);
    const plain = !input && !around;
    this.#pump = new Pump<Raw>({
      source,
      settings: readSettings(definition, label, source),
      handle: plain
        ? (held, signal) => definition.handle(held.delivery.value as never, signal, itemOf(held))
        : (held, signal) => this.#attempt(held, signal),
      onClose: () => this.#tellSource(),
    });
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
   * @throws {TypeError} If `quiet` is no number.
   * @throws {RangeError} If it is negative or `NaN`.
   */
  onIdle(options: IdleOptions = {}): Promise<void> {
    const label = `${this.#label}.onIdle options`;
    check(label, options, {});
    const { quiet = 0 } = options;
    check(`${label}.quiet`, quiet, 0);
    return this.#pump.onIdle(quiet);
  }

  /**
   * Says whether the source can be reached, and what the definition's own `health` says. See
   * {@linkcode ConsumerOptions.outage}.
   */
  async health(signal: AbortSignal): Promise<unknown> {
    const { health, outage } = this.#definition;
    const asked = this.#askSource(signal);
    const own = await health?.call(this.#definition, signal);
    const found = await asked;
    // An outage: the source says that it cannot be reached, or has not answered for long.
    const failure = found?.degraded === false ? found : this.#pump.outage;
    if (own === false || !failure && !found) return own;
    if (failure && outage === "unhealthy") throw failure.error;
    return { status: "degraded", error: (failure ?? found)?.error };
  }

  /** Starts the source, if that wants it, and begins the work. */
  override async start(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
    if (!this.#sourceStarted) {
      const { source } = this.#definition;
      this.#pump.open();
      this.#context = (context ?? this["~worker"]?.context) as ServiceContext;
      await source.start?.(signal ?? neverAborted(), this.#context);
      this.#toldSource = undefined;
      this.#sourceStarted = true;
    }
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
    this.#pump.end();
    if (!this.#sourceStarted) return;
    this.#tellSource(); // its intake closes by no other way if the work has never begun
    this.#sourceStarted = false;
    const { source } = this.#definition;
    await this.#toldSource;
    await source.stop?.(signal ?? neverAborted(), context ?? this.#context);
  }

  /** Makes one attempt where there is something to do before the handler, or around it. */
  async #attempt(held: Held<Raw>, signal: AbortSignal): Promise<unknown> {
    const { around } = this.#definition;
    const value = await (held.decoded ??= this.#read(held)) as T;
    const { turns } = this.#pump;
    while (turns.due()) await turns.give(); // many values may be decoded at the same time
    signal.throwIfAborted(); // it may have been meanwhile
    const item = itemOf(held);
    const handle = async (): Promise<unknown> => this.#definition.handle(value, signal, item);
    if (!around) return handle();
    return insideOf((next) => around.call(this.#definition, next, item), handle);
  }

  /** The value of a delivery as the handler wants it. */
  async #read(held: Held<Raw>): Promise<unknown> {
    const { value } = held.delivery;
    if (!this.#decode) return value;
    try {
      return await this.#pump.hangWarnings.wait(this.#decode(value), 'its "input"', held.context);
    } catch (error) {
      held.refused = true;
      throw error;
    }
  }

  /** What the source's own `health` says to be wrong with it, if anything. Never rejects. */
  async #askSource(
    signal: AbortSignal,
  ): Promise<{ readonly degraded: boolean; readonly error: unknown } | undefined> {
    try {
      const answer = await this.#definition.source.health?.(signal);
      if (answer === false) {
        return { degraded: false, error: new Error("The source answered false") };
      }
      if (answer === "degraded") return { degraded: true, error: undefined };
      const { status, error } = (answer ?? {}) as { readonly status?: unknown; error?: unknown };
      if (status === "degraded") return { degraded: true, error };
    } catch (error) {
      return { degraded: false, error };
    }
  }

  /** Tells the source, once, that no more is wanted. What `stop` waits for here may last as long as the grace. */
  #tellSource(): void {
    const context = this.#context;
    const { source } = this.#definition;
    if (!this.#sourceStarted || !source.stopping) return;
    this.#toldSource ??= this.#unlessForced(async () => {
      const told = source.stopping?.(context.forced, context);
      const what = "its source to give back what it holds";
      await this.#pump.hangWarnings.wait(told, what, context);
    });
  }

  /** Waits for a call until one macrotask after the end of the grace. Never rejects. */
  async #unlessForced(call: () => Promise<void>): Promise<void> {
    const { forced, clock } = this.#context;
    const what = "failed to have its source give back what it holds";
    const called = call().catch((error) => report(this.#context, "error", what, { error }));
    let clear = nothing;
    let unlink = nothing;
    const graceOver = new Promise<void>((resolve) => {
      unlink = link(forced, () => {
        this.#pump.hangWarnings.end();
        clear = startTimer(clock, 0, resolve);
      });
    });
    await Promise.race([called, graceOver]);
    unlink();
    clear();
  }
}

/** A signal for a source whose consumer is driven by hand, without one. */
function neverAborted(): AbortSignal {
  return new AbortController().signal;
}

/**
 * A background service that handles what a {@linkcode Source} delivers.
 *
 * It takes only what it has room for, and no value, however bad, ends it: a failed one is tried
 * again after a growing delay ({@linkcode RetryOptions}), by the source if that
 * {@linkcode Source.delays}, else in place; after the last attempt it is a dead letter. A source that
 * fails is asked again, after a second at first and up to four, and shows in the health of the
 * consumer ({@linkcode ConsumerOptions.outage}). Whatever fails is logged and counted in
 * {@linkcode Consumer.details}; a call to the source, or to `onDeadLetter`, that hangs is logged after
 * 30 s, and again after each doubling.
 *
 * When the host stops, it takes no more (in `stopping`), finishes what it holds (in `stop`), and
 * releases what waits for another attempt. When the grace ends, the handlers' signals abort; what
 * is not finished one macrotask later is released, whether or not its handler still runs. Such a
 * handler's outcome counts no more, but the stop waits for it, so that the host can name it.
 *
 * Each value is handled *at least once*: it may come again after a crash, a stop whose grace ended, or a failed
 * ack.
 * With work that is always there, timers, sockets and signals still get their turn every 15 ms.
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
 * @typeParam Raw What the source delivers.
 */
export function consumer<T, Raw>(
  name: string,
  definition: ConsumerDefinition<T, Raw> & { readonly input: Input<T, Raw> },
): Consumer<T, Raw> & HostedService;
/** The same for a source that delivers what the handler wants. */
export function consumer<T>(
  name: string,
  definition: ConsumerDefinition<T>,
): Consumer<T> & HostedService;
export function consumer<T, Raw>(
  name: string,
  definition: ConsumerDefinition<T, Raw>,
): Consumer<T, Raw> & HostedService {
  const service = define(new Consumer(definition, name), name, definition);
  // `define` has set the definition's own `health`; that of the class asks for it, and for the source's.
  Reflect.deleteProperty(service, "health");
  return service;
}
