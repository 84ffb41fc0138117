import type { Clock } from "./types.ts";

/** The longest delay `setTimeout` takes; a longer one fires at once. */
const LONGEST = 2 ** 31 - 1;

/** The global timers, looked up when used: test tools replace them, workerd forbids them early. */
export const globalClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/** A running timer. */
export interface Timer {
  clear(): unknown;
}

/** Calls back once after `ms`, however long that is; for `Infinity` there is no timer. */
export function startTimer(clock: Clock, ms: number, callback: () => void): Timer {
  let handle: unknown;
  const step = (left: number): void => {
    const next = Math.min(left, LONGEST);
    handle = clock.setTimeout(() => next < left ? step(left - next) : callback(), next);
  };
  if (ms !== Infinity) step(ms);
  return { clear: () => handle === undefined || clock.clearTimeout(handle) };
}

/** Keeps the process alive until cleared: neither a signal handler nor a promise does. */
export function keepAlive(clock: Clock): Timer {
  let handle: unknown;
  const hold = (): void => {
    handle = clock.setTimeout(hold, LONGEST);
  };
  hold();
  return { clear: () => clock.clearTimeout(handle) };
}
