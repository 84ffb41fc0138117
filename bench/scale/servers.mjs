/** Has jobs worked off by as many servers as the last argument says, each in a process of its own. */
import process from "node:process";
import pg from "pg";
import { start } from "../_child.mjs";
import { library } from "../library.mjs";
import { program } from "../program.mjs";

const { createHost, delay } = await library("mod");
const { defineJob, jobClient } = await library("src/jobs/mod");
const { postgres } = await library("src/jobs/postgres/mod");

const servers = Number(process.argv.at(-1));
const job = defineJob("job", { execute: () => {} });

await program(
  async () => {
    await worked(100, { concurrency: 4, ms: 0 });
    return { jobs: 100 };
  },
  async (full) => {
    const count = full ? 4_000 : 400;
    return {
      "jobs of 10 ms, 4 at a time": count / await worked(count, { concurrency: 4, ms: 10 }),
      "empty jobs, 16 at a time": count / await worked(count, { concurrency: 16, ms: 0 }),
    };
  },
);

/** Gives the milliseconds from the moment when all servers may begin to the end of the last job. */
async function worked(count, { concurrency, ms }) {
  const pool = new pg.Pool({ connectionString: process.env.POSTGRES_URL });
  const schema = `runhost_${process.pid}_${Math.round(performance.now())}`;
  const client = jobClient("client", { storage: postgres({ query: pool, schema }) });
  const host = createHost([client], { logger: false, hostLifetime: false });
  await host.start();
  await client.pause("default");
  await client.enqueueAll(job, Array.from({ length: count }, () => null));
  const children = Array.from(
    { length: servers },
    () => start(new URL("_server.mjs", import.meta.url), schema, concurrency, ms),
  );
  await Promise.all(
    children.map(({ stdout }) => new Promise((ready) => stdout.once("data", ready))),
  );
  const began = performance.now();
  await client.resume("default");
  while ((await client.counts()).succeeded < count) await delay(20);
  const took = performance.now() - began;
  for (const child of children) child.kill("SIGKILL");
  await host.stop();
  await pool.query(`drop schema ${schema} cascade`);
  await pool.end();
  return took;
}
