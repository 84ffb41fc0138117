/** A job server in a process of its own. Its arguments: the schema, how many jobs at a time, the milliseconds of a job. */
import process from "node:process";
import pg from "pg";
import { library } from "../library.mjs";

const { createHost, delay } = await library("mod");
const { defineJob, jobServer } = await library("src/jobs/mod");
const { postgres } = await library("src/jobs/postgres/mod");

const [schema, concurrency, ms] = process.argv.slice(2);
const connectionString = process.env.POSTGRES_URL;
const job = defineJob("job", {
  execute: () => Number(ms) > 0 ? delay(Number(ms)) : undefined,
});
const server = jobServer("jobs", {
  storage: postgres({
    query: new pg.Pool({ connectionString, max: 10 }),
    listen: () => new pg.Client({ connectionString }),
    schema,
  }),
  jobs: [job],
  queues: { default: { concurrency: Number(concurrency) } },
});
await createHost([server], { logger: false, hostLifetime: false }).start();
console.log("ready");
