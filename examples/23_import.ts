/** Shows a long job: it says how far it is, ends when it is cancelled, and goes on from there when it fails. */
import { backgroundService, delay, runHost } from "@runhost/host/node";
import { defineJob, jobServer } from "@runhost/host/jobs";
import { sqlite } from "@runhost/host/jobs/sqlite";

const rows = Array.from({ length: 1_000 }, (_, row) => `row ${row}`);
const table: string[] = [];

const importRows = defineJob("import", {
  retry: { attempts: 3, delay: 10 },
  execute: async ({ to }: { readonly to: number }, signal, { lastProgress, progress, attempt }) => {
    const begin = typeof lastProgress === "number" ? lastProgress : 0;
    console.log(`attempt ${attempt} begins at row ${begin}`);
    for (let row = begin; row < to; row++) {
      signal.throwIfAborted(); // cancelled, or the grace of a stop is over
      table[row] = rows[row]!;
      progress(row + 1);
      if (row === 499 && attempt === 1) throw new Error("The disk is full");
      if (row % 100 === 0) await delay(1, { signal });
    }
    return table.length;
  },
});

const endless = defineJob("endless", {
  execute: async (_: null, signal, { progress }) => {
    for (let row = 1;; row++) {
      progress(row);
      await delay(5, { signal });
    }
  },
});

const jobs = jobServer("jobs", { storage: sqlite(":memory:"), jobs: [importRows, endless] });

const operator = backgroundService("operator", async (signal, { lifetime }) => {
  const imported = await jobs.enqueue(importRows, { to: rows.length });
  console.log(`${await jobs.result(imported, { signal })} rows`);

  const id = await jobs.enqueue(endless, null);
  while (!(await jobs.get(id))?.progress) await delay(20, { signal });
  await jobs.cancel(id);
  await jobs.result(id, { signal }).catch((error) => console.log(error.name));
  console.log(`it is ${(await jobs.get(id))?.state}`);
  lifetime.stopApplication();
});

await runHost([jobs, operator], { logger: false });
