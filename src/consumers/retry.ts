import { check } from "../_check.ts";

/** When a failed value is tried again, and how often. */
export interface RetryOptions {
  /**
   * How often a value is tried in all, before it is a dead letter: 1 or more, or `Infinity`.
   *
   * @default {5}
   */
  readonly attempts?: number | undefined;
  /**
   * Milliseconds before the second attempt; twice as many before each further one.
   *
   * @default {1000}
   */
  readonly delay?: number | undefined;
  /**
   * The longest delay, in milliseconds.
   *
   * @default {60000}
   */
  readonly maxDelay?: number | undefined;
  /**
   * Which part of each delay is left to chance, from 0 to 1: with 0.5 it takes between half of it
   * and all of it, so that what failed together does not come back together.
   *
   * @default {0.5}
   */
  readonly jitter?: number | undefined;
}

/** {@linkcode RetryOptions}, checked and complete. */
export interface Retry {
  readonly attempts: number;
  readonly delay: number;
  readonly maxDelay: number;
  readonly jitter: number;
}

/** Fills in what is not set. */
export function readRetry(options: RetryOptions = {}): Retry {
  check("retry", options, {});
  const { attempts = 5, delay = 1_000, maxDelay = 60_000, jitter = 0.5 } = options;
  check("retry", { attempts, delay, maxDelay, jitter }, {
    attempts: 1,
    delay: 0,
    maxDelay: 0,
    jitter: 0,
  });
  if (attempts < 1) throw new RangeError(`Cannot use retry.attempts: ${attempts} is less than 1`);
  if (jitter > 1) throw new RangeError(`Cannot use retry.jitter: ${jitter} is more than 1`);
  return { attempts, delay, maxDelay, jitter };
}

/** Milliseconds to wait after this many failures in a row, 1 or more. */
export function backoff(retry: Retry, failures: number, random: () => number): number {
  const doubled = retry.delay * 2 ** Math.min(failures - 1, 1_000); // not yet Infinity
  return Math.min(doubled, retry.maxDelay) * (1 - retry.jitter * random());
}
