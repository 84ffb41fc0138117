/**
 * Hands numbers to a store of jobs and has them worked off; shared by the programs beside it. The last argument may
 * be `pickup`: then it is timed how long a job waits for a server that has nothing to do; or `idle`: then it is looked
 * at what such a server costs.
 */
import process from "node:process";
import { expect, idleProcess, program } from "../program.mjs";

const together = 16;

/** What the program was told last. */
export const words = process.argv.at(-1).split(" ");

/**
 * @param make Opens an empty store, given the handler of its jobs: an object with `add(number)`, which
 * resolves when the job is stored; `work(concurrency)`, which begins to work, once; and `close()`.
 */
export function drive(make) {
  if (words.includes("pickup")) return program(check, measurePickup);
  return program(check, words.includes("idle") ? measureIdle : measure);

  /** Each job is worked off once. */
  async function check() {
    const { seen } = await once(200);
    return {
      jobs: seen.length,
      sum: seen.reduce((sum, number) => sum + number, 0),
    };
  }

  async function measure(full) {
    const count = full ? 5_000 : 500;
    await once(100);
    const { seen, stored, worked } = await once(count);
    expect("jobs", seen.length, count);
    return {
      [`enqueue, ${together} at a time`]: count / stored,
      [`work, ${together} at a time`]: count / worked,
    };
  }

  /** Stores jobs, then works them off. */
  async function once(count) {
    const seen = [];
    const all = deferred();
    const store = await make((number) => {
      if (seen.push(number) === count) all.resolve();
    });
    const began = performance.now();
    let next = 0;
    await Promise.all(Array.from({ length: together }, async () => {
      while (next < count) await store.add(next++);
    }));
    const stored = performance.now() - began;
    await store.work(together);
    await all.promise;
    const worked = performance.now() - began - stored;
    await store.close();
    return { seen, stored, worked };
  }

  async function measurePickup(full) {
    let arrived;
    const store = await make(() => arrived(performance.now()));
    await store.work(together);
    const waits = [];
    for (let job = 0; job < (full ? 200 : 30); job++) {
      await new Promise((resolve) => setTimeout(resolve, 20 + job % 7)); // until it rests, and in no step with it
      const arrival = new Promise((resolve) => arrived = resolve);
      const began = performance.now();
      await store.add(job);
      waits.push(await arrival - began);
    }
    await store.close();
    waits.sort((a, b) => a - b);
    return {
      median: waits[waits.length >> 1],
      "95 %": waits[Math.floor(waits.length * 0.95)],
    };
  }

  /** What the process takes a second after its server has worked off some jobs, and has nothing to do. */
  async function measureIdle() {
    let left = 200;
    const all = deferred();
    const store = await make(() => --left || all.resolve());
    await store.work(together);
    for (let job = left; job > 0; job--) await store.add(job);
    await all.promise;
    const idle = await idleProcess();
    await store.close();
    return idle;
  }
}

function deferred() {
  let resolve;
  const promise = new Promise((it) => resolve = it);
  return { promise, resolve };
}
