import { check, checkFinite, checkNames } from "../_check.ts";
import { draw } from "./chance.ts";

/** How the delays between the attempts at something grow. */
export interface BackoffOptions {
  /**
   * Milliseconds before the second attempt; twice as many before each further one. Finite.
   *
   * @default {1000}
   */
  readonly delay?: number | undefined;
  /**
   * The longest delay, in milliseconds: not less than `delay`, if both are set.
   *
   * @default {60000, or `delay` if that is more}
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

/** {@linkcode BackoffOptions}, checked and complete. */
export interface Backoff {
  readonly delay: number;
  readonly maxDelay: number;
  readonly jitter: number;
}

/** The names of the options. */
export const backoffNames: readonly string[] = ["delay", "maxDelay", "jitter"];

/** Fills in what is not set, for something that is tried until it succeeds. */
export function readBackoff(options: BackoffOptions, label: string, longest: number): Backoff {
  check(label, options, {});
  checkNames(label, options, backoffNames);
  return readDelays(options, label, longest);
}

/** What is set decides: a longest delay that nobody has set gives way to a delay, and vice versa. */
export function readDelays(options: BackoffOptions, label: string, longest: number): Backoff {
  checkFinite(`${label}.delay`, options.delay ?? 0);
  const { jitter = 0.5, maxDelay = Math.max(longest, options.delay ?? 0) } = options;
  check(label, { maxDelay, jitter }, { maxDelay: 0, jitter: 0 });
  const { delay = Math.min(1_000, maxDelay) } = options;
  if (maxDelay < delay) {
    const message = `Cannot use ${label}.maxDelay: ${maxDelay} is less than delay: ${delay}`;
    throw new RangeError(message);
  }
  if (jitter > 1) throw new RangeError(`Cannot use ${label}.jitter: ${jitter} is more than 1`);
  return { delay, maxDelay, jitter };
}

/** Milliseconds to wait after this many failures in a row, 1 or more. */
export function backoff(retry: Backoff, failures: number, random: () => number): number {
  const doubled = retry.delay * 2 ** Math.min(failures - 1, 1_000); // not yet Infinity
  return Math.min(doubled, retry.maxDelay) * (1 - retry.jitter * draw(random));
}
