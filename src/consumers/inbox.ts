import { link } from "../_abort.ts";
import { check, checkNames, checkWhole, nothing } from "../_check.ts";
import type { Delivery, ReceiveOptions } from "./source.ts";

/** Settings of an {@linkcode Inbox}. */
export interface InboxOptions {
  /**
   * How many deliveries may wait in it; a whole number from 1. As many as the engine was told to
   * prefetch, or more.
   */
  readonly capacity: number;
}

/**
 * Turns push into pull, for a source whose engine calls back with each message: keeps what was pushed
 * until `receive` asks for it. One for each connection, or subscription.
 *
 * Nothing that was pushed is lost: it is answered by a `receive`, or given back.
 *
 * @example A source over something that calls back
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { consumer, Inbox, type Source } from "@runhost/host/consumers";
 * import { deepEqual } from "node:assert/strict";
 *
 * const log: string[] = [];
 * const broker = { push(_value: string): void {} }; // a channel of an AMQP client, say
 * const inbox = new Inbox<string>({ capacity: 10 });
 * const source: Source<string> = {
 *   pollInterval: 0,
 *   start() {
 *     broker.push = (value) => {
 *       inbox.push({
 *         value,
 *         ack: () => log.push(`done ${value}`),
 *         release: () => log.push(`back ${value}`),
 *         reject() {},
 *       });
 *     };
 *   },
 *   receive: (signal, options) => inbox.receive(signal, options),
 *   async stopping() {
 *     // cancel the subscription here
 *     await inbox.stopping();
 *   },
 * };
 *
 * const worker = consumer<string>("worker", {
 *   source,
 *   handle: () => host.lifetime.stopApplication(),
 *   started() {
 *     broker.push("a");
 *     broker.push("b");
 *   },
 * });
 * const host = createHost([worker]);
 * await host.run();
 *
 * deepEqual(log.sort(), ["back b", "done a"]);
 * ```
 *
 * @typeParam T What is to be handled.
 */
export class Inbox<T> {
  readonly #capacity: number;
  #waiting: Delivery<T>[] = [];
  #failure: { readonly error: unknown } | undefined;
  #stopped = false;
  #wake: () => void = nothing;

  /**
   * Makes an empty inbox.
   *
   * @throws {TypeError} If the options are missing, or `capacity` is no number.
   * @throws {RangeError} If `capacity` is no whole number from 1.
   */
  constructor(options: InboxOptions) {
    const label = "Inbox options";
    check(label, options, {});
    checkNames(label, options, ["capacity"]);
    checkWhole(`${label}.capacity`, options.capacity, 1);
    this.#capacity = options.capacity;
  }

  /** How many deliveries wait in it. */
  get count(): number {
    return this.#waiting.length;
  }

  /**
   * Takes a delivery in.
   *
   * @returns `false` if it was given back instead (`release` without a delay), because the inbox is
   * full or was told to stop.
   */
  push(delivery: Delivery<T>): boolean {
    if (this.#stopped || this.#waiting.length >= this.#capacity) {
      // If that fails, too, the engine delivers it again when its hold ends.
      giveBack(delivery).catch(nothing);
      return false;
    }
    this.#waiting.push(delivery);
    this.#wake();
    return true;
  }

  /**
   * Has `receive` reject with the error, once, when no delivery waits any more: the connection has
   * broken, say. Of several errors it is the first. A delivery whose hold was lost with the connection
   * (`Delivery.lost`) does not wait any more.
   */
  fail(error: unknown): void {
    if (this.#stopped) return;
    this.#failure ??= { error };
    this.#wake();
  }

  /**
   * Waits until something is there, and answers with at most `max`: what a `Source` promises of its
   * own `receive`. One call at a time.
   *
   * @param signal Ends the wait.
   * @returns Rejects with the signal's reason when that aborts, and with the error of
   * {@linkcode Inbox.fail}; answers with nothing once it was told to stop.
   */
  async receive(signal: AbortSignal, options: ReceiveOptions): Promise<readonly Delivery<T>[]> {
    for (;;) {
      signal.throwIfAborted();
      this.#waiting = this.#waiting.filter(isHeld);
      const { max } = options;
      if (this.#waiting.length > 0 || this.#stopped) return this.#waiting.splice(0, max);
      if (this.#failure) {
        const { error } = this.#failure;
        this.#failure = undefined;
        throw error;
      }
      await this.#change(signal);
    }
  }

  /**
   * Gives back what waits, and all that is pushed from now on. For `Source.stopping`.
   *
   * @returns Resolves when that has been given back. Rejects with an `AggregateError` if some of it
   * could not be.
   */
  async stopping(): Promise<void> {
    this.#stopped = true;
    const waiting = this.#waiting.filter(isHeld);
    this.#waiting = [];
    this.#wake();
    const results = await Promise.allSettled(waiting.map(giveBack));
    const errors = results.flatMap((it) => it.status === "rejected" ? [it.reason as unknown] : []);
    if (errors.length > 0) {
      throw new AggregateError(errors, `${errors.length} deliveries could not be given back`);
    }
  }

  /** Resolves when something was pushed, has failed or has stopped, or when the signal aborts. */
  async #change(signal: AbortSignal): Promise<void> {
    let unlink = nothing;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      unlink = link(signal, () => resolve());
    });
    unlink();
  }
}

/** Whether the source still holds a delivery. One that bears no look is for the consumer to refuse. */
function isHeld(delivery: Delivery<unknown> | undefined | null): boolean {
  try {
    return delivery?.lost?.aborted !== true;
  } catch {
    return true;
  }
}

/** Releases a delivery without an error: it was never begun, and does not count as an attempt. */
async function giveBack(delivery: Delivery<unknown>): Promise<void> {
  await delivery.release({ delay: 0 });
}
