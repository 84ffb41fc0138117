import process from "node:process";
import pg from "pg";
import { library } from "../library.mjs";
import { job, measure, takeAndSettle } from "../growth/_drive.mjs";
import { program } from "../program.mjs";

const { postgres } = await library("src/jobs/postgres/mod");

const thousands = Number(process.argv.at(-1));
const waiting = 4_000;

await program(
  () => among(1, (storage) => takeAndSettle(storage, 1)),
  (full) =>
    among(
      full ? thousands : Math.min(thousands, 24),
      (storage) => measure(storage, full ? 150 : 20),
    ),
);

/** Does something with a store that has some jobs to do, and so many thousands that have ended, a sixth of them failed. */
async function among(count, use) {
  const connectionString = process.env.POSTGRES_URL;
  const pool = new pg.Pool({ connectionString, max: 16 });
  const schema = `runhost_${process.pid}_${Math.round(performance.now())}`;
  const storage = postgres({ query: pool, schema });
  const { signal } = new AbortController();
  try {
    await storage.start(signal);
    await pool.query(
      `insert into ${schema}.jobs (id, name, queue, priority, state, input, headers, created_at, due_at, started_at,
        ended_at, attempt, key_until, has_key, parents, parents_on, server, error)
      select 'old ' || it, 'job', 'default', 0, case when it % 6 = 0 then 'failed' else 'succeeded' end, '1', '{}',
        ${schema}.ms(), it, it, ${schema}.ms(), 1, 'started', false, '[]', 'succeeded', 'bench',
        case when it % 6 = 0 then 'Error: no' end
      from generate_series(1, $1) as it`,
      [count * 1_000],
    );
    for (let left = waiting; left > 0; left -= 1_000) {
      await storage.add(Array.from({ length: 1_000 }, job));
    }
    await pool.query(`vacuum analyze ${schema}.jobs`);
    return await use(storage);
  } finally {
    await storage.stop();
    await pool.query(`drop schema if exists ${schema} cascade`);
    await pool.end();
  }
}
