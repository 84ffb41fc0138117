import { check } from "./_check.ts";
import { clockOf } from "./_time/timer.ts";
import { checkPeriod, PeriodicTimer } from "./periodic_timer.ts";
import type { Clock } from "./types.ts";

/** Options of {@linkcode every}. */
export interface EveryOptions {
  /** Ends the iteration, quietly. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the first iteration comes at once instead of after one period.
   *
   * @default {false}
   */
  readonly immediate?: boolean | undefined;
  /**
   * Time, injected by tests; in a service, `context.clock`.
   *
   * @default {the global timers and `performance.now`}
   */
  readonly clock?: Clock | undefined;
}

/**
 * Iterates at a fixed rate: a {@linkcode PeriodicTimer} for `for await`.
 *
 * The loop's body never overlaps itself; ticks it misses become one. The iteration ends without an
 * error when the signal aborts, after the body that is running.
 *
 * @param period Milliseconds between ticks, 1 or more.
 * @throws {RangeError} If the period is less than 1 or `NaN`.
 * @throws {TypeError} If the period is no number, or an option has the wrong type: a controller is
 * no signal.
 *
 * @example A worker's loop
 * ```ts
 * import { every } from "@runhost/host";
 * import { equal } from "node:assert/strict";
 *
 * const controller = new AbortController();
 * let ticks = 0;
 * for await (const _ of every(1, { signal: controller.signal, immediate: true })) {
 *   if (++ticks === 3) controller.abort();
 * }
 *
 * equal(ticks, 3);
 * ```
 */
export function every(period: number, options: EveryOptions = {}): AsyncIterable<void> {
  checkPeriod("period", period);
  const clock = clockOf("every()", options, ["signal", "immediate", "clock"]);
  const { signal, immediate = false } = options;
  check("immediate", immediate, false);
  return { [Symbol.asyncIterator]: () => ticks(period, signal, immediate, clock) };
}

async function* ticks(
  period: number,
  signal: AbortSignal | undefined,
  immediate: boolean,
  clock: Clock,
): AsyncGenerator<void, void, void> {
  const timer = new PeriodicTimer(period, { clock });
  if (immediate && !signal?.aborted) yield;
  while (await waited(timer, signal)) yield;
}

/** Waits for a tick; `false` if the signal aborts first. */
async function waited(timer: PeriodicTimer, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    return await timer.waitForNextTick(signal);
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return false;
    throw error;
  }
}
