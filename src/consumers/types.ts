import type { BackoffOptions } from "../_time/backoff.ts";
import type { RetryOptions } from "./retry.ts";
import type { Delivery } from "./source.ts";
import type { ServiceContext } from "../types.ts";

/**
 * What a handler is told besides the value.
 *
 * @typeParam T What the source delivers.
 */
export interface Item<T> {
  /** Which attempt this is, 1 for the first, as far as the source can count. */
  readonly attempt: number;
  /** As the source made it, with whatever else the source put there. Settling it is the consumer's. */
  readonly delivery: Delivery<T>;
  /** The service's context: logger, clock, lifetime. */
  readonly context: ServiceContext;
}

/**
 * Settings of a `consumer`.
 *
 * @typeParam T What the source delivers.
 */
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
   * Milliseconds between two questions to the source, if the first was answered with nothing: none are
   * left for a source that has waited so long itself. Finite.
   *
   * @default {what the source says, else 1000}
   */
  readonly pollInterval?: number | undefined;

  /**
   * When the source is asked again after it failed to answer. There is no last attempt.
   *
   * @default {what the source says, else { delay: 1000, maxDelay: 4000, jitter: 0.5 }}
   */
  readonly receiveRetry?: BackoffOptions | undefined;

  /**
   * What the consumer's health is while its source fails: `degraded` is shown, but leaves the host
   * ready; `unhealthy` does not. A broker that is away would otherwise take each instance of a web
   * service out of rotation at once.
   *
   * It is an outage when `receive` has failed for more than 10 s in a row, until it answers; and when
   * the source's own `health` says so.
   *
   * @default {"degraded"}
   */
  readonly outage?: "degraded" | "unhealthy" | undefined;

  /**
   * Takes note of a value whose last attempt has failed, or that was refused, before the source is
   * told to `reject` it; that waits for it. If it fails, the value is not rejected but released, to be
   * tried once more.
   *
   * @param value As the source delivered it; `undefined` if it could not be read.
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

/** What a `consumer` has done since it was made, all starts together. */
export interface ConsumerDetails {
  /**
   * Deliveries taken: each is one of `done`, `unacked`, `released`, `deadLettered` and `active`.
   */
  readonly received: number;
  /** Deliveries handled and acked. */
  readonly done: number;
  /** Deliveries handled whose ack failed, or came when the hold was lost: they may come again. */
  readonly unacked: number;
  /** Attempts that failed, refused values among them. */
  readonly failed: number;
  /** Failed attempts that were to be followed by another, here or by the source. */
  readonly retried: number;
  /** Deliveries given back, or given up because `release` or `reject` failed. */
  readonly released: number;
  /** Deliveries rejected, their last attempt having failed. */
  readonly deadLettered: number;
  /** Deliveries the consumer holds now. */
  readonly active: number;
  /** Calls of `receive` that failed, and what was in an answer but is no delivery. */
  readonly receiveErrors: number;
  /** Calls of `ack`, `release` and `reject` that failed. */
  readonly settleErrors: number;
}
