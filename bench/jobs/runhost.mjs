import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import pg from "pg";
import { library } from "../library.mjs";
import { drive, words } from "./_drive.mjs";

const { createHost } = await library("mod");
const { defineJob, jobClient, jobServer } = await library("src/jobs/mod");
const { sqlite } = await library("src/jobs/sqlite/mod");
const { postgres } = await library("src/jobs/postgres/mod");

await drive(async (handle) => {
  const { storage, remove } = words.includes("postgres") ? inPostgres() : inFile();
  const job = defineJob("job", { execute: (number) => void handle(number) });
  const client = jobClient("client", { storage });
  const hosts = [createHost([client], { logger: false })];
  await hosts[0].start();
  return {
    add: (number) => client.enqueue(job, number),
    async work(concurrency) {
      const queues = { default: { concurrency } };
      const server = jobServer("jobs", { storage, jobs: [job], queues });
      hosts.push(createHost([server], { logger: false }));
      await hosts[1].start();
    },
    async close() {
      for (const host of hosts.reverse()) await host.stop();
      await remove();
    },
  };
});

function inFile() {
  const folder = mkdtempSync(join(tmpdir(), "jobs-"));
  const synchronous = words.includes("normal") ? "normal" : "full";
  const storage = sqlite(join(folder, "jobs.db"), { synchronous });
  return { storage, remove: async () => rmSync(folder, { recursive: true }) };
}

function inPostgres() {
  const connectionString = process.env.POSTGRES_URL;
  const pool = new pg.Pool({ connectionString, max: 20 });
  const schema = `runhost_${process.pid}_${Math.round(performance.now())}`;
  const storage = postgres({
    query: pool,
    listen: () => new pg.Client({ connectionString }),
    schema,
  });
  const remove = async () => {
    await pool.query(`drop schema ${schema} cascade`);
    await pool.end();
  };
  return { storage, remove };
}
