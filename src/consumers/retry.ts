import { check, checkNames, checkWhole, nothing } from "../_check.ts";
import { type Backoff, backoffNames, type BackoffOptions, readDelays } from "../_time/backoff.ts";

/** When a failed value is tried again, and how often. */
export interface RetryOptions extends BackoffOptions {
  /**
   * How often a value is tried in all, before it is a dead letter: a whole number from 1, or
   * `Infinity`.
   *
   * @default {5}
   */
  readonly attempts?: number | undefined;
  /**
   * Asked after each failed attempt but the last: `false`, and nothing else, makes the value a dead
   * letter at once. One that throws is logged, and the value is tried again.
   *
   * @param error What the attempt failed with.
   * @default {() => true}
   */
  readonly retryable?: ((error: unknown) => boolean) | undefined;
}

/** {@linkcode RetryOptions}, checked and complete. */
export interface Retry extends Backoff {
  readonly attempts: number;
  readonly retryable: (error: unknown) => unknown;
}

/** Fills in what is not set. */
export function readRetry(options: RetryOptions = {}, label: string = "retry"): Retry {
  check(label, options, {});
  checkNames(label, options, [...backoffNames, "attempts", "retryable"]);
  const { attempts = 5, retryable = nothing } = options;
  if (attempts !== Infinity) checkWhole(`${label}.attempts`, attempts, 1);
  check(`${label}.retryable`, retryable, nothing);
  return { ...readDelays(options, label, 60_000), attempts, retryable };
}
