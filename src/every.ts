import { globalClock } from "./_timer.ts";
import { delay } from "./delay.ts";
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
  checkPeriod(period);
  return { [Symbol.asyncIterator]: () => ticks(period, options) };
}

async function* ticks(
  period: number,
  { signal, immediate = false, clock = globalClock }: EveryOptions,
): AsyncGenerator<void, void, void> {
  const timer = new PeriodicTimer(period, { clock });
  try {
    if (immediate && !signal?.aborted) yield;
    while (await timer.waitForNextTick(signal)) {
      const begun = clock.now();
      yield;
      // A body that takes longer than the period and waits for nothing leaves others their turn.
      if (clock.now() - begun >= period) await delay(0, { signal, clock });
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
