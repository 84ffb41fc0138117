import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { library } from "../library.mjs";
import { expect, program } from "../program.mjs";

const { sqlite } = await library("src/jobs/sqlite/mod");

const waiting = Number(process.argv.at(-1));
const together = 16;
let last = 0;

const job = () => ({
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

await program(
  () => filled(100, async (storage) => await takeAndSettle(storage, 1)),
  (full) =>
    filled(
      full ? waiting : Math.min(waiting, 20_000),
      (storage) => measure(storage, full ? 150 : 20),
    ),
);

/** Does something with a store in which so many jobs wait. */
async function filled(count, use) {
  const folder = mkdtempSync(join(tmpdir(), "jobs-"));
  const storage = sqlite(join(folder, "jobs.db"));
  const { signal } = new AbortController();
  try {
    await storage.start(signal);
    for (let left = count; left > 0; left -= 1_000) {
      await storage.add(Array.from({ length: Math.min(left, 1_000) }, job));
    }
    return await use(storage);
  } finally {
    await storage.stop();
    rmSync(folder, { recursive: true });
  }
}

async function measure(storage, rounds) {
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
async function takeAndSettle(storage, rounds) {
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
