/** Takes a million ticks on one signal and looks at the memory; shared by the programs beside it. */
import process from "node:process";
import { setImmediate } from "node:timers";
import { collect, expect, program } from "../program.mjs";

/**
 * Time that runs when somebody waits for it: a timer is due in the next turn of the event loop, and
 * its milliseconds have passed then. A million real ticks would take a quarter of an hour.
 */
const clock = {
  time: 0,
  now: () => clock.time,
  setTimeout(callback, ms) {
    const timer = { cleared: false };
    setImmediate(() => {
      if (timer.cleared) return;
      clock.time += ms;
      callback();
    });
    return timer;
  },
  clearTimeout(timer) {
    if (timer) timer.cleared = true;
  },
};

/** @param ticks Iterates over ticks of a clock, until the signal aborts. */
export function drive(ticks) {
  return program(() => take(1_000, () => {}), measure);

  async function take(count, seen) {
    const controller = new AbortController();
    let taken = 0;
    for await (const _ of ticks(1, controller.signal, clock)) {
      seen(++taken);
      if (taken === count) controller.abort();
    }
    expect("ticks", taken, count);
    return taken;
  }

  /** How much more there is after all of them than was after half of them, in kB. */
  async function measure(full) {
    const count = full ? 1_000_000 : 100_000;
    let [before, after] = [used(), used()];
    await take(count, (taken) => {
      if (taken === count / 2) before = used();
      if (taken === count) after = used();
    });
    return {
      resident: (after.rss - before.rss) / 1_000,
      heap: (after.heapUsed - before.heapUsed) / 1_000,
    };
  }

  /** What is left after collecting; twice, as the first time frees what the second one collects. */
  function used() {
    collect();
    collect();
    return process.memoryUsage();
  }
}
