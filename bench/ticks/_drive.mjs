/** Takes periodic ticks of 1 ms on one signal; shared by the programs beside it. */
import process from "node:process";
import { expect, program } from "../program.mjs";

/** @param ticks Iterates over ticks, a period of milliseconds apart, until the signal aborts. */
export function drive(ticks) {
  return program(check, measure);

  async function check() {
    const controller = new AbortController();
    let count = 0;
    for await (const _ of ticks(1, controller.signal)) {
      if (++count === 20) controller.abort();
    }
    return count;
  }

  /** The processor's time, of all threads: the wait for the tick is no cost. */
  async function measure(full) {
    await take(100);
    const count = full ? 1_000 : 300;
    const before = process.cpuUsage();
    await take(count);
    const { user, system } = process.cpuUsage(before);
    return { "a tick of 1 ms": (user + system) / count };
  }

  async function take(count) {
    const controller = new AbortController();
    let taken = 0;
    for await (const _ of ticks(1, controller.signal)) {
      if (++taken === count) controller.abort();
    }
    expect("ticks", taken, count);
  }
}
