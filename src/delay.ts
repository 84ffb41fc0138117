import { check } from "./_check.ts";
import { clockOf, startTimer } from "./_time/timer.ts";
import type { Clock } from "./types.ts";

/** Options of {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the delay early. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Time, injected by tests; in a service, `context.clock`.
   *
   * @default {the global timers}
   */
  readonly clock?: Clock | undefined;
}

/**
 * Resolves after a time. Keeps the process alive meanwhile, as any timer; leaves neither timer nor
 * listener behind, however it ends.
 *
 * @param ms Milliseconds; any length, also `Infinity`.
 * @returns Rejects with the signal's reason when that aborts, at once if it already has; with a
 * `TypeError` if the signal or the clock is none (a controller is no signal).
 * @throws {RangeError} If `ms` is negative or `NaN`.
 *
 * @example Wait, unless told to stop
 * ```ts
 * import { delay } from "@runhost/host";
 * import { equal } from "node:assert/strict";
 *
 * const controller = new AbortController();
 * const waiting = delay(60_000, { signal: controller.signal });
 * controller.abort("over");
 *
 * equal(await waiting.catch((reason) => reason), "over");
 * ```
 */
export function delay(ms: number, options: DelayOptions = {}): Promise<void> {
  check("ms", ms, 0);
  return new Promise((resolve, reject) => {
    const clock = clockOf("delay()", options, ["signal", "clock"]);
    const { signal } = options;
    if (!signal) return void startTimer(clock, ms, resolve);
    if (signal.aborted) return reject(signal.reason);
    const abort = (): void => {
      clear();
      reject(signal.reason);
    };
    const clear = startTimer(clock, ms, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}
