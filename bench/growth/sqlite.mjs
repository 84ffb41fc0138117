import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { library } from "../library.mjs";
import { program } from "../program.mjs";
import { job, measure, takeAndSettle } from "./_drive.mjs";

const { sqlite } = await library("src/jobs/sqlite/mod");

const waiting = Number(process.argv.at(-1));

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
