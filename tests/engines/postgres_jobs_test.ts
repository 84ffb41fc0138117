/** The entry `@runhost/host/jobs/postgres` against a real PostgreSQL, behind PgBouncer, and in PGlite. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost } from "../../mod.ts";
import { deferred } from "../../src/_deferred.ts";
import { defineJob, type JobClient, jobClient, jobServer } from "../../src/jobs/mod.ts";
import { postgres, type PostgresOptions, type Queryable } from "../../src/jobs/postgres/mod.ts";
import { sqlite } from "../../src/jobs/sqlite/mod.ts";
import { migrations } from "../../src/jobs/postgres/_schema.ts";
import { jobStorageContract, type JobStorageFixture, testContext } from "../../src/testing/mod.ts";
import { rejection } from "../_fate.ts";
import { lanesOf, load, urlOf } from "./_client.ts";

const lane = lanesOf(test);

const url = urlOf("POSTGRES_URL");
const bouncer = urlOf("PGBOUNCER_URL");
/** The runs on each runtime share the server. */
const run = crypto.randomUUID().slice(0, 8);
let count = 0;
const newSchema = (): string => `jobs_${run}_${++count}`;

/** How to reach a database, and how to leave it. */
interface Reached extends Pick<PostgresOptions, "query" | "listen"> {
  close(): Promise<unknown>;
  /** Runs something in a transaction. */
  transaction(work: (query: Queryable) => Promise<void>): Promise<void>;
}

async function poolOf(connectionString: string, max = 10): Promise<Reached> {
  const { default: pg } = await load("pg");
  const pool = new pg.Pool({ connectionString, max });
  pool.on("error", () => {}); // that a connection has ended, the next call tells
  return {
    query: pool,
    close: () => pool.end(),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query("begin");
        await work(client);
        await client.query("commit");
      } catch (error) {
        await client.query("rollback");
        throw error;
      } finally {
        client.release();
      }
    },
  };
}

const makers: Record<string, () => Promise<Reached>> = {
  async PGlite() {
    const { PGlite } = await load("@electric-sql/pglite");
    const database = await PGlite.create();
    return {
      query: database,
      listen: database,
      close: () => database.close(),
      transaction: (work) => database.transaction((it: Queryable) => work(it)),
    };
  },
};
if (url) {
  makers["a Pool of pg"] = async () => {
    const { default: pg } = await load("pg");
    return { ...await poolOf(url), listen: () => new pg.Client({ connectionString: url }) };
  };
  makers["postgres"] = async () => {
    const { default: connect } = await load("postgres");
    const sql = connect(url, { onnotice: () => {} });
    // deno-lint-ignore no-explicit-any -- its own types are not known here
    const queryBy = (it: any): Queryable => (text, values) => it.unsafe(text, values);
    return {
      query: queryBy(sql),
      listen: sql,
      close: () => sql.end(),
      transaction: (work) => sql.begin((it: unknown) => work(queryBy(it))),
    };
  };
}
if (bouncer) makers["a Pool of pg behind PgBouncer"] = () => poolOf(bouncer);

// All of them before any check runs: PGlite keeps the event loop to itself for seconds.
const reached: [name: string, Reached][] = [];
for (const [name, reach] of Object.entries(makers)) reached.push([name, await reach()]);

for (const [name, { query, listen, transaction, close }] of reached) {
  const make = (): JobStorageFixture => {
    const schema = newSchema();
    return {
      open: () => postgres({ query, listen, schema }),
      transaction: (work) => transaction(work),
      renew: async () =>
        void await ask(query, `update ${schema}.version set version = version + 1`),
    };
  };
  lane([
    ...jobStorageContract(make, { can: ["transactions", "versions"] }).map((it) => ({
      ...it,
      name: `postgres() over ${name}: ${it.name}`,
    })),
    { name: `postgres() over ${name} is closed`, run: async () => void await close() },
  ]);
}

async function ask(query: Queryable, text: string): Promise<unknown> {
  return await (typeof query === "function" ? query(text, []) : query.query(text, []));
}

/** A client that has started, and what ends it. */
async function started(options: PostgresOptions): Promise<[JobClient, () => Promise<void>]> {
  const client = jobClient("client", { storage: postgres(options) });
  const host = createHost([client], { logger: false });
  await host.start();
  return [client, () => host.stop()];
}

if (url) {
  const { default: pg } = await load("pg");
  const noop = defineJob("noop", { execute: () => {} });

  test("many processes that start at once make the tables once", async () => {
    const { query, close } = await poolOf(url, 20);
    const schema = newSchema();
    const clients = await Promise.all(Array.from({ length: 12 }, () => started({ query, schema })));
    assert.is((await clients[0]![0].counts()).enqueued, 0);
    for (const [, stop] of clients) await stop();
    await close();
  });

  test("tables of a newer version are refused, and older ones where they must not be changed", async () => {
    const { query, close } = await poolOf(url);
    const pool = query as { query(text: string): Promise<unknown> };
    const schema = newSchema();
    const storage = postgres({ query, schema });
    const { signal } = new AbortController();
    const context = testContext({ name: "jobs" });
    const unmade = postgres({ query, schema, migrate: false });
    assert.match(
      (await rejection(unmade.start(signal, context))).message,
      /leave `migrate` at true/,
    );
    await storage.start(signal, context);
    await storage.stop();
    await pool.query(`update ${schema}.version set version = 0`);
    assert.match(
      (await rejection(unmade.start(signal, context))).message,
      `its tables are of version 0, and this version of @runhost/host needs ${
        migrations("x").length
      }`,
    );
    await pool.query(`update ${schema}.version set version = 99`);
    const error = await rejection(storage.start(signal, context));
    assert.is((error as { readonly code?: unknown }).code, "ERR_STORAGE_VERSION");
    assert.match(error.message, `PostgreSQL schema "${schema}": its tables are of version 99`);
    await close();
  });

  test("others are heard by LISTEN, which tells the queue, and without it the database is looked at", async () => {
    const noticed = defineJob("noticed", { queue: "letters", execute: () => {} });
    for (const listens of [true, false]) {
      const { query, close } = await poolOf(url);
      const schema = newSchema();
      const listen = () => new pg.Client({ connectionString: url });
      const storage = postgres(listens ? { query, schema, listen } : { query, schema });
      await storage.start(new AbortController().signal, testContext({ name: "jobs" }));
      const told = deferred();
      // A look tells of no queue, as it does not know which.
      const forget = storage.onWake((queue) => {
        if (queue === (listens ? "letters" : undefined)) told.resolve();
      });
      const [client, stop] = await started({ query, schema });
      const enqueue = setInterval(() => client.enqueue(noticed, undefined), 50); // it may not listen yet
      await told.promise;
      clearInterval(enqueue);
      forget();
      await stop();
      await storage.stop();
      await close();
    }
  });

  test("the connection that listens is made anew when it has ended", async () => {
    const { query, close } = await poolOf(url);
    const pool = query as { query(text: string): Promise<{ rows: { pid: number }[] }> };
    const schema = newSchema();
    const listen = () => new pg.Client({ connectionString: url, application_name: schema });
    const pids = async (): Promise<number[]> =>
      (await pool.query(`select pid from pg_stat_activity where application_name = '${schema}'`))
        .rows
        .map(({ pid }) => pid);
    const until = async (wanted: (found: number[]) => boolean): Promise<number[]> => {
      for (;;) {
        const found = await pids();
        if (wanted(found)) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const [, stop] = await started({ query, listen, schema });
    const [first] = await until(({ length }) => length === 1);
    await pool.query(`select pg_terminate_backend(${first})`);
    await until(([pid]) => pid !== undefined && pid !== first);
    await stop();
    await until(({ length }) => length === 0);
    await close();
  });

  test("what is enqueued in a transaction is there when that commits, under load", async () => {
    const { query, transaction, close } = await poolOf(url, 20);
    const schema = newSchema();
    const [client, stop] = await started({ query, schema });
    const kept: string[] = [];
    await Promise.all(Array.from({ length: 200 }, async (_, index) => {
      const id = `job ${index}`;
      const commits = index % 3 !== 0;
      await transaction(async (inside) => {
        await client.enqueue(noop, undefined, { id, transaction: inside });
        if (!commits) throw new Error("rolled back");
      }).then(() => kept.push(id), () => {});
    }));
    const { enqueued } = await client.counts();
    assert.is(enqueued, kept.length);
    for (const id of kept) assert.ok(await client.get(id), id);
    await stop();
    await close();
  });

  test("its queries go by its indexes, among many jobs", async () => {
    const { query, close } = await poolOf(url);
    const pool = query as { query(text: string): Promise<{ rows: Record<string, string>[] }> };
    const schema = newSchema();
    const [, stop] = await started({ query, schema });
    await pool.query(
      `insert into ${schema}.jobs (id, name, queue, priority, state, input, headers, created_at, due_at,
        ended_at, key_until, has_key, parents, parents_on)
      select 'job ' || it, 'job', 'default', 0, case when it % 5 = 0 then 'failed' when it % 100 = 1 then 'enqueued'
          when it % 100 = 2 then 'scheduled' when it % 100 = 3 then 'processing' else 'succeeded' end, '1', '{}', it, it,
        case when it % 100 in (1, 2, 3) then null else it end, 'started', false, '[]', 'succeeded'
      from generate_series(1, 40000) as it`,
    );
    await pool.query(`analyze ${schema}.jobs`);
    const plans: Record<string, RegExp> = {
      [
        `select seq from ${schema}.jobs where state = 'enqueued' and queue = 'default' and name = 'job'
        order by priority desc, due_at, seq limit 16`
      ]: /Index.* using jobs_next/,
      [`select min(due_at) from ${schema}.jobs where state = 'scheduled' and queue = 'default'`]:
        /Index.* using jobs_due/,
      [`select min(due_at) from ${schema}.jobs where state = 'enqueued' and queue = 'default'`]:
        /Index.* using jobs_oldest/,
      [`select id from ${schema}.jobs where state = 'processing' and cancel_requested and server = 'x'`]:
        /Index.* jobs_asked/,
      [`select id from ${schema}.jobs where state = 'processing' and hold_until <= 5 order by hold_until limit 100`]:
        /Index.* using jobs_held/,
      [`select * from ${schema}.jobs where state = 'failed' order by seq desc limit 101`]:
        /Index.* using jobs_(state|pkey)/,
      [
        `select seq from ${schema}.jobs where state = 'failed' and ended_at is not null and ended_at <= 100
        order by ended_at limit 500`
      ]: /Index.* using jobs_ended/,
      [`select id from ${schema}.jobs where has_key and name = 'job' and key = 'k'`]:
        /Index.* using jobs_key/,
    };
    for (const [sql, wanted] of Object.entries(plans)) {
      const { rows } = await pool.query(`explain ${sql}`);
      assert.match(rows.map((row) => row["QUERY PLAN"]).join("\n"), wanted);
    }
    await stop();
    await close();
  });

  test("the guide from SQLite to PostgreSQL loses no job, and runs none twice", async () => {
    const { query, close } = await poolOf(url);
    const ran: string[] = [];
    const work = defineJob("work", {
      retry: { attempts: 2, delay: 100 },
      execute(what: string, _signal, { attempt }) {
        if (what.startsWith("flaky") && attempt === 1) throw new Error("Not yet");
        ran.push(what);
      },
    });
    const tick = defineJob("tick", { execute: (where: string) => void ran.push(where) });
    const jobs = [work, tick];
    const recurringIn = (where: string) => ({
      it: { job: tick, input: where, pattern: "* * * * * *" },
    });
    const file = sqlite(":memory:");

    // Before.
    const before = jobServer("jobs", { storage: file, jobs, recurring: recurringIn("old tick") });
    const keeper = jobClient("keeper", { storage: file }); // keeps what is in memory
    const keeping = createHost([keeper], { logger: false });
    await keeping.start();
    const only = createHost([before], { logger: false });
    await only.start();
    await before.pause("default");
    const first = await before.enqueue(work, "first");
    await before.enqueueAll(work, ["flaky", "second"]);
    await before.enqueue(work, "child", { after: first });
    await before.enqueue(work, "delayed", { delay: 700 });
    await only.stop();

    // Both.
    ran.length = 0;
    const old = jobServer("old jobs", { storage: file, jobs });
    const storage = postgres({ query, schema: newSchema() });
    const now = jobServer("jobs", { storage, jobs, recurring: recurringIn("new tick") });
    const both = createHost([old, now], { logger: false });
    await both.start();
    for (const { id } of await old.recurring()) await old.removeIfExists(id);
    await old.cancelAll({ job: "tick" });
    await old.resume("default");
    await now.result(await now.enqueue(work, "new"));
    for (;;) {
      const { awaiting, scheduled, enqueued, processing } = await old.counts();
      if (awaiting + scheduled + enqueued + processing === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    while (!ran.includes("new tick")) await new Promise((resolve) => setTimeout(resolve, 20));
    await both.stop();
    await keeping.stop();

    const wanted = ["child", "delayed", "first", "flaky", "new", "second"];
    assert.equal(ran.filter((it) => !it.endsWith("tick")).sort(), wanted);
    assert.not(ran.includes("old tick"));
    await close();
  });

  test("a database that is not there fails the start, with what to do", async () => {
    const { query, close } = await poolOf("postgres://postgres@127.0.0.1:1/postgres");
    const error = await rejection(started({ query }));
    assert.match(
      error.message,
      /Cannot use PostgreSQL schema "runhost": .*: is it running, and is the address right\?/,
    );
    await close();
  });
}

test.run();
