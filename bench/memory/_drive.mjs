/** Starts many idle workers and looks at the memory; shared by the programs beside it. */
import process from "node:process";
import { collect, expect, program, turn, untilAborted } from "../program.mjs";

const count = 20_000;

/** What a worker does: nothing, until it is told to end. */
export async function work(signal, tally) {
  tally.started++;
  await untilAborted(signal);
  tally.stopped++;
}

/**
 * @param make Makes an application of `count` workers: an object with `start` and `stop`. Its workers
 * count themselves in the tally.
 */
export function drive(make) {
  return program(check, measure);

  async function check() {
    const tally = { started: 0, stopped: 0 };
    await run(tally, count, () => {});
    return tally;
  }

  /** The bytes of each worker; all code has run once before. */
  async function measure() {
    await run({ started: 0, stopped: 0 }, 10, () => {});
    const before = used();
    let after = before;
    await run({ started: 0, stopped: 0 }, count, () => (after = used()));
    return {
      heap: (after.heapUsed - before.heapUsed) / count,
      resident: (after.rss - before.rss) / count,
    };
  }

  async function run(tally, count, seen) {
    const application = await make(count, tally);
    await application.start();
    for (let turns = 0; turns < 1_000 && tally.started < count; turns++) {
      await turn();
    }
    expect("started workers", tally.started, count);
    seen();
    await application.stop();
    expect("stopped workers", tally.stopped, count);
  }

  function used() {
    collect();
    collect();
    return process.memoryUsage();
  }
}
