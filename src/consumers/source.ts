import type { ServiceContext } from "../types.ts";

/** What a consumer asks of a {@linkcode Source}. */
export interface ReceiveOptions {
  /**
   * How many deliveries there is room for, 1 or more: in the first call of a run, the consumer's
   * `concurrency`. The answer must not hold more.
   */
  readonly max: number;
}

/** How a delivery is given back. */
export interface ReleaseOptions {
  /** Milliseconds the source should wait before it delivers the value again; 0 for at once. */
  readonly delay: number;
}

/**
 * Where work comes from: a queue, a stream, a table. The one thing to implement for an engine; a
 * `consumer` does the rest.
 *
 * Its promise is *at least once*: a value is delivered again until a delivery of it was acked or
 * rejected. It must keep that promise also when the process dies, by what the engine has for it: a
 * visibility timeout, a connection that closes, an offset not committed.
 *
 * What engines cannot do, and what to do then:
 *
 * - No wait for messages (a table, a list): poll inside `receive`, or answer with nothing and let
 *   the consumer's `pollInterval` do it.
 * - Push with prefetch (AMQP, NATS): keep what was pushed in a buffer that `receive` empties, and
 *   prefetch as many as the first call's `max`. Every call of one run is given the same signal: when
 *   it aborts, cancel the subscription and give the buffer back.
 * - A connection that breaks: reject `receive`, which is called again after a delay, and connect
 *   anew there. If the engine delivers again what it saw as held, abort {@linkcode Delivery.lost}.
 * - No delayed release (classic AMQP, Kafka): leave {@linkcode Source.delays} out. The consumer then
 *   waits with the delivery in its hands and tries again in place.
 * - No count of attempts: leave {@linkcode Delivery.attempt} out, and `delays` too.
 * - Values that cannot be read (JSON that is none): hand them out as they are and let the handler
 *   read them. A `receive` that rejects because of one blocks all behind it.
 * - Order (a Kafka partition, a FIFO group): hand out the next value of a group when the one before
 *   is settled, and leave `delays` out. The consumer begins deliveries in the order of the answer.
 *   When the partition moves to somebody else, abort `lost`.
 * - No ack of a single message (Kafka): `ack` and `reject` mark it, and the offset is committed up
 *   to the first one that is not marked.
 * - Acks in batches (SQS): collect them, and resolve each `ack` when its batch is through.
 * - No dead letters: `reject` stores the value elsewhere, or drops it after the consumer's
 *   `onDeadLetter` had it.
 *
 * @example A source over an array
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { consumer, type Source } from "@runhost/host/consumers";
 * import { deepEqual } from "node:assert/strict";
 *
 * const waiting = ["a", "b", "c"];
 * const source: Source<string> = {
 *   async receive(_signal, { max }) {
 *     return waiting.splice(0, max).map((value) => ({
 *       value,
 *       ack() {},
 *       release: () => waiting.unshift(value),
 *       reject() {},
 *     }));
 *   },
 * };
 *
 * const handled: string[] = [];
 * const worker = consumer("letters", { source, handle: (letter) => handled.push(letter) });
 * const host = createHost([worker]);
 * await host.start();
 * await worker.onIdle();
 * await host.stop();
 *
 * deepEqual(handled, ["a", "b", "c"]);
 * ```
 *
 * @typeParam T What is to be handled.
 */
export interface Source<T> {
  /**
   * Whether it keeps what is released with a `delay` back for that long, and counts attempts. Then
   * the consumer gives a failed delivery back and its place is free meanwhile, and the retries
   * outlive the process; else it retries in place.
   *
   * @default {false}
   */
  readonly delays?: boolean | undefined;

  /**
   * Opens what the source needs, its connection say. Called by each consumer over this source, before
   * its first `receive`; the start of the consumer waits for it, and fails with it. One connection
   * for several sources is better a service of its own, listed before their consumers.
   *
   * @param signal Aborts when the start is cancelled.
   * @param context The consumer's.
   */
  start?(signal: AbortSignal, context: ServiceContext): unknown;

  /**
   * Closes it. Called by each consumer that has started it, once nothing it took is held any more and
   * no handler of it runs; the stop of the consumer waits for it.
   *
   * @param signal Aborts when the grace is over.
   * @param context The consumer's.
   */
  stop?(signal: AbortSignal, context: ServiceContext): unknown;

  /**
   * Waits until there is at least one delivery, and answers with at most `max`. Called again when
   * the consumer has room, never while an earlier call is pending.
   *
   * An answer with none is allowed: the consumer asks again after its `pollInterval`. A rejection
   * is logged, and the consumer asks again after a growing delay; it stops for no error. Whoever
   * has taken some values and fails to take the next answers with those.
   *
   * @param signal Aborts when no more is wanted; the same one in every call of a run. Then settle
   * soon: by rejecting (with the reason, best), or with an answer. Nothing may be lost by it: what
   * the source holds already is answered, and the consumer releases it, or else the source itself
   * gives it back to the engine.
   */
  receive(signal: AbortSignal, options: ReceiveOptions): Promise<readonly Delivery<T>[]>;
}

/**
 * One value in the hands of a consumer, until it is settled by one of `ack`, `release` and `reject`:
 * the consumer calls exactly one of them, once. What they return is awaited. If one fails, that is
 * logged and counted, and the delivery is given up: the source delivers the value again when its own
 * hold on it runs out.
 *
 * @typeParam T What is to be handled.
 */
export interface Delivery<T> {
  /** What is to be handled. */
  readonly value: T;

  /**
   * Which delivery of this value it is, 1 for the first. Whoever counts may count too many (one that
   * was only interrupted), never too few.
   *
   * @default {1}
   */
  readonly attempt?: number | undefined;

  /**
   * How often to call {@linkcode Delivery.extend}, in milliseconds: a third of the visibility
   * timeout, say. Never if not set.
   */
  readonly extendEvery?: number | undefined;

  /**
   * Aborts when the source has lost its hold on the value: its connection has closed, its partition
   * moved, its lease run out. The signal of the attempt aborts then, with the same reason, and no
   * other attempt follows here. The delivery is settled all the same: released, or acked if the
   * handler still finished. The source decides what that is worth.
   *
   * Make one for each delivery: Node warns of the eleventh listener on one signal.
   */
  readonly lost?: AbortSignal | undefined;

  /** It is done: never deliver the value again. */
  ack(): unknown;

  /**
   * It is not done: deliver the value again, after the delay if the source {@linkcode Source.delays}
   * and as soon as it likes otherwise. Called for a failed attempt, and for what the consumer could
   * not finish before it had to stop.
   */
  release(options: ReleaseOptions): unknown;

  /**
   * It will never be done: move the value to the dead letters, and never deliver it again.
   *
   * @param error What the last attempt failed with.
   */
  reject(error: unknown): unknown;

  /**
   * It takes longer: keep the value from others for another while. Called every
   * {@linkcode Delivery.extendEvery}, one call after the other, until the delivery is settled; a
   * last call may still be pending then. A failure is logged, and the next call comes as planned.
   */
  extend?(): unknown;
}
