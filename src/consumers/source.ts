import type { BackoffOptions } from "../_time/backoff.ts";
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
  /**
   * What an attempt failed with: it counts, and the next delivery has a higher
   * {@linkcode Delivery.attempt}. Without it the work was interrupted, or never begun, and does not
   * count.
   */
  readonly error?: unknown;
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
 * - No wait for messages (a table, a list): answer with nothing, and let the consumer ask again
 *   after {@linkcode Source.pollInterval}.
 * - Push with prefetch (AMQP, NATS): put what is pushed into an `Inbox`, and prefetch as many as the
 *   first call's `max`. In {@linkcode Source.stopping} cancel the subscription and empty the inbox.
 * - A connection that breaks: reject `receive`, which is called again after
 *   {@linkcode Source.receiveRetry}, and connect anew there. If the engine delivers again what it saw
 *   as held, abort {@linkcode Delivery.lost}.
 * - A hold that runs out (SQS, a table, a Redis stream): say `hold: "lease"`, and extend it.
 * - No delayed release (classic AMQP, Kafka): leave {@linkcode Source.delays} out. The consumer then
 *   holds the delivery meanwhile and tries again in place.
 * - No count of attempts: leave {@linkcode Delivery.attempt} out, and `delays` too.
 * - Values that cannot be read (JSON that is none): hand them out as they are; the consumer's `input`
 *   reads them. A `receive` that rejects because of one blocks all behind it.
 * - Order (a Kafka partition, a FIFO group): hand out the next value of a group when the one before
 *   is settled, and leave `delays` out. The consumer begins deliveries in the order of the answer.
 *   When the partition moves to another consumer, abort `lost`.
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
   * Milliseconds between two calls of `receive` if the first answered with nothing; 0 for a source
   * that waits itself. The consumer's option of the same name comes first.
   *
   * @default {1000}
   */
  readonly pollInterval?: number | undefined;

  /**
   * When `receive` is called again after it failed. The consumer's option of the same name comes
   * first.
   *
   * @default {{ delay: 1000, maxDelay: 4000, jitter: 0.5 }}
   */
  readonly receiveRetry?: BackoffOptions | undefined;

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
   * Takes note that no more is wanted: cancels the subscription and gives back what is buffered.
   * Called once for each `start` that fulfilled, when the signal of `receive` has aborted, so perhaps
   * while a `receive` is pending. What the consumer holds may still be settled afterwards.
   *
   * The stop of the consumer waits for it, before it calls `stop`. A failure is logged.
   *
   * @param signal Aborts when the grace is over: then it is waited for no longer.
   * @param context The consumer's.
   */
  stopping?(signal: AbortSignal, context: ServiceContext): unknown;

  /**
   * Says whether the source can be reached, as `HostedService.health` does: throws, rejects or answers
   * `false` if not. Part of the health of each consumer over it, where it counts as an outage; see
   * `ConsumerOptions.outage`.
   *
   * @param signal Aborts when the answer comes too late to count.
   */
  health?(signal: AbortSignal): unknown;

  /**
   * Waits until there is at least one delivery, and answers with at most `max`. Called again when
   * the consumer has room, never while an earlier call is pending.
   *
   * An answer with none is allowed: the consumer asks again, `pollInterval` after it has asked. A
   * rejection is logged, and the consumer asks again after a growing delay; it stops for no error.
   * A source that has taken some values and fails to take the next answers with those. An answer is
   * checked: what is no delivery is logged, and given back if it has a `release`.
   *
   * @param signal Aborts when no more is wanted; the same one in every call of a run. Then settle
   * soon: by rejecting (with the reason, best), or with an answer. Nothing may be lost by it: what
   * the source holds already is answered, and the consumer releases it, or else the source itself
   * gives it back to the engine.
   */
  receive(signal: AbortSignal, options: ReceiveOptions): Promise<readonly Delivery<T>[]>;
}

/**
 * One value that a consumer holds, until it is settled by one of `ack`, `release` and `reject`:
 * the consumer calls exactly one of them, once. What they return is awaited. If one fails, that is
 * logged and counted, and the delivery is given up: the source delivers the value again when its own
 * hold on it runs out. Only an `ack` under a lease is tried again; see {@linkcode Delivery.hold}.
 *
 * @typeParam T What is to be handled.
 */
export interface Delivery<T> {
  /** What is to be handled. */
  readonly value: T;

  /**
   * Which attempt at this value it is, a whole number, 1 for the first. A source that counts may count too
   * many (one that was only interrupted), never too few.
   *
   * Anything else means that nobody knows. Then the consumer counts from 1 and tries again in place,
   * also if the source {@linkcode Source.delays}, or it could never tell the last attempt.
   */
  readonly attempt?: number | undefined;

  /**
   * What travelled with the value besides: the context of a trace, say. The consumer does not look at
   * it.
   */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;

  /**
   * What the source's hold on the value hangs on. `"connection"`: it lasts as long as that, and an
   * `ack` that fails has failed for good. `"lease"`: it runs out by itself. Then
   *
   * - an `ack` that fails is tried again, after 250 ms, then after twice as long each time, up to 30 s,
   *   and the hold is extended meanwhile;
   * - a hold that was not extended for three times {@linkcode Delivery.extendEvery} is lost.
   *
   * @default {"connection"}
   */
  readonly hold?: "connection" | "lease" | undefined;

  /**
   * How often to call {@linkcode Delivery.extend}, in milliseconds: a third of the visibility
   * timeout, say. Never if not set.
   */
  readonly extendEvery?: number | undefined;

  /**
   * Since when a lease has been counting, on the clock of the host, in milliseconds: when the source asked for the value,
   * if its answer may be late. One that is over by then is given back without an attempt.
   *
   * @default {when it is delivered}
   */
  readonly heldSince?: number | undefined;

  /**
   * Aborts when the source has lost its hold on the value: its connection has closed, its partition
   * moved, its lease run out. The signal of the attempt aborts then, with the same reason, and no
   * other attempt follows here. The delivery is settled all the same: released, or acked if the
   * handler still finished. The source decides what that is worth; the consumer counts such an ack as
   * `unacked`, whatever comes of it.
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
   *
   * Answers `false`, and nothing else, when the hold is lost: another consumer has the value by now. That
   * is what {@linkcode Delivery.lost} is, by another way.
   */
  extend?(): unknown;
}
