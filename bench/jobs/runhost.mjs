import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { library } from "../library.mjs";
import { drive, words } from "./_drive.mjs";

const { createHost } = await library("mod");
const { defineJob, jobClient, jobServer } = await library("src/jobs/mod");
const { sqlite } = await library("src/jobs/sqlite/mod");

await drive(async (handle) => {
  const folder = mkdtempSync(join(tmpdir(), "jobs-"));
  const synchronous = words.includes("normal") ? "normal" : "full";
  const storage = sqlite(join(folder, "jobs.db"), { synchronous });
  const job = defineJob("job", { execute: (number) => void handle(number) });
  const client = jobClient("client", { storage });
  const hosts = [createHost([client], { logger: false })];
  await hosts[0].start();
  return {
    add: (number) => client.enqueue(job, number),
    async work(concurrency) {
      const queues = { default: { concurrency } };
      hosts.push(
        createHost([jobServer("jobs", { storage, jobs: [job], queues })], {
          logger: false,
        }),
      );
      await hosts[1].start();
    },
    async close() {
      for (const host of hosts.reverse()) await host.stop();
      rmSync(folder, { recursive: true });
    },
  };
});
