import { check, checkNames, checkSignal, nothing } from "../_check.ts";
import type { Clock, Logger } from "../types.ts";

/** The longest delay `setTimeout` takes; a longer one fires at once. (Workaround: timer-longest) */
const longest = 2 ** 31 - 1;

/** Ends a timer; does nothing once it has fired. */
export type Clear = () => void;

/**
 * The global timers, looked up when used: test tools replace them, workerd forbids them
 * outside of events (Workaround: workerd-global-timers). Each timer is cleared by the function that belongs to the one that set it: a tool that has come or gone
 * since then does not know it.
 */
export const globalClock: Clock = {
  now: () => performance.now(),
  setTimeout(callback, ms) {
    const clear = clearTimeout;
    const timer = setTimeout(callback, ms);
    return () => clear(timer);
  },
  clearTimeout: (clear) => (clear as Clear)(),
};

/** Warnings that were given. */
const warned: Set<string> = new Set();

/** Warns on the console, of the same thing once: a tool may be called in a loop. */
const once: Logger = {
  debug: nothing,
  info: nothing,
  error: nothing,
  warn(line: string): void {
    if (!warned.has(line)) console.warn(line);
    warned.add(line);
  },
};

/** Checks the options of a tool that waits, and gives the clock it goes by. */
export function clockOf(
  tool: string,
  options: { readonly signal?: AbortSignal | undefined; readonly clock?: Clock | undefined },
  names: readonly string[],
): Clock {
  const label = `the options of ${tool}`;
  check(label, options, {});
  checkNames(label, options, names, once);
  const { signal, clock = globalClock } = options;
  checkSignal("signal", signal);
  check("clock", clock, globalClock);
  return clock;
}

/** Calls back once after `ms`, however long that is. */
export function startTimer(clock: Clock, ms: number, callback: () => void): Clear {
  if (ms > longest) return startLongTimer(clock, ms, callback);
  const timer = clock.setTimeout(callback, ms);
  return () => clock.clearTimeout(timer);
}

function startLongTimer(clock: Clock, ms: number, callback: () => void): Clear {
  if (ms === Infinity) return nothing;
  let clear = startTimer(clock, longest, () => {
    clear = startTimer(clock, ms - longest, callback);
  });
  return () => clear();
}

/** A timer that is later than this, in milliseconds, fires after a time in which nothing ran. */
const frozen = 1_000;
/** Milliseconds that a limit is extended by at most. */
const longestThaw = 5_000;

/**
 * Calls back once when the time for somebody else's work is over. Where the process stood still
 * meanwhile (SIGSTOP, a machine that slept) nobody could work: then it runs once more, for as long.
 */
export function startLimit(clock: Clock, ms: number, callback: () => void): Clear {
  const due = clock.now() + ms;
  let clear = startTimer(clock, ms, () => {
    const late = clock.now() - due;
    if (late <= frozen) return callback();
    clear = startTimer(clock, Math.min(late, longestThaw), callback);
  });
  return () => clear();
}

/** Keeps the process alive until cleared: neither a signal handler nor a promise does. */
export function keepAlive(clock: Clock): Clear {
  return startTimer(clock, 2 ** 53, nothing);
}
