import type { Clock } from "./types.ts";

/** The longest delay `setTimeout` takes; a longer one fires at once. */
const longest = 2 ** 31 - 1;

/** The global timers, looked up when used: test tools replace them, workerd forbids them early. */
export const globalClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/** Ends a timer; does nothing once it has fired. */
export type Clear = () => void;

/** Calls back once after `ms`, however long that is. */
export function startTimer(clock: Clock, ms: number, callback: () => void): Clear {
  let timer: unknown;
  const wait = (left: number): void => {
    timer = left > longest
      ? clock.setTimeout(() => wait(left - longest), longest)
      : clock.setTimeout(callback, left);
  };
  if (ms < Infinity) wait(ms);
  return () => clock.clearTimeout(timer);
}

/** Keeps the process alive until cleared: neither a signal handler nor a promise does. */
export function keepAlive(clock: Clock): Clear {
  return startTimer(clock, Number.MAX_SAFE_INTEGER, () => {});
}
