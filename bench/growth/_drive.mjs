/** Stores, takes and settles jobs in a storage that has many; shared by the programs beside it, and by ../history. */
import { expect } from "../program.mjs";

const together = 16;
let last = 0;

/** A job that has not been stored. */
export const job = () => ({
  id: `job-${last++}`,
  name: "job",
  queue: "default",
  priority: 0,
  input: "1",
  headers: {},
  keyUntil: "started",
  parents: [],
  parentsOn: "succeeded",
});

/** Gives the microseconds of one job, when 16 are stored, or taken and settled, at a time. */
export async function measure(storage, rounds) {
  await enqueue(storage, 5);
  await takeAndSettle(storage, 5);
  const stored = await timed(() => enqueue(storage, rounds));
  const taken = await timed(() => takeAndSettle(storage, rounds));
  const each = 1_000 / rounds / together;
  return { enqueue: stored * each, "take and settle": taken * each };
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function enqueue(storage, rounds) {
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      Array.from({ length: together }, () => storage.add([job()])),
    );
  }
}

/** Gives how many were settled. */
export async function takeAndSettle(storage, rounds) {
  let count = 0;
  for (let round = 0; round < rounds; round++) {
    const { jobs } = await storage.take({
      queue: "default",
      names: ["job"],
      max: together,
      server: "bench",
      holdTimeout: 60_000,
    });
    expect("taken jobs", jobs.length, together);
    const states = await Promise.all(
      jobs.map((it) => storage.settle(it, { state: "succeeded", result: "1" })),
    );
    count += states.filter((state) => state === "succeeded").length;
  }
  return count;
}
