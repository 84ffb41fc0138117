/** The entry `@runhost/host/jobs/postgres` against a real PostgreSQL, behind PgBouncer, and in PGlite. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import process from "node:process";
import { createHost } from "../../mod.ts";
import { deferred } from "../../src/_deferred.ts";
import { defineJob, type JobClient, jobClient, jobServer } from "../../src/jobs/mod.ts";
import { postgres, type PostgresOptions, type Queryable } from "../../src/jobs/postgres/mod.ts";
import { sqlite } from "../../src/jobs/sqlite/mod.ts";
import { migrations } from "../../src/jobs/postgres/_schema.ts";
import { jobStorageContract, type JobStorageFixture, testContext } from "../../src/testing/mod.ts";
import { runtimes } from "../crash/_crash_run.ts";
import { everySecond, long, tick } from "../process/fixtures/_slow_and_tick.ts";
import { Program } from "../process/_program.ts";
import { fixture } from "../process/_runtimes.ts";
import { rejection } from "../_fate.ts";
import { lanesOf, load, urlOf } from "./_client.ts";

const lane = lanesOf(test);
const hour = 3_600_000;

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

  test("a server and a client at work read few of many jobs", async () => {
    const schema = newSchema();
    const connectionString = `${url}?application_name=${schema}`;
    const { query, close } = await poolOf(connectionString);
    const pool = query as { query(text: string): Promise<{ rows: Record<string, unknown>[] }> };
    const [client, stop] = await started({ query, schema });
    const many = 40_000;
    await pool.query(
      `insert into ${schema}.jobs (id, name, queue, priority, state, input, headers, created_at, due_at,
        ended_at, key_until, has_key, parents, parents_on)
      select 'old ' || it, 'noop', 'default', 0, case when it % 5 = 0 then 'failed' else 'succeeded' end, '1', '{}',
        ${schema}.ms(), it, ${schema}.ms(), 'started', false, '[]', 'succeeded'
      from generate_series(1, ${many}) as it`,
    );
    await pool.query(`analyze ${schema}.jobs`);
    const storage = postgres({ query, schema });
    const recurring = { often: { job: noop, input: null, pattern: "* * * * * *" } };
    const server = createHost([jobServer("jobs", { storage, jobs: [noop], recurring })], {
      logger: false,
    });
    await server.start();
    const ids = await client.enqueueAll(noop, Array.from({ length: 200 }, () => null));
    const child = await client.enqueue(noop, null, { after: ids.at(-1)! });
    const later = await client.enqueue(noop, null, { delay: 3_600_000 });
    await client.result(child);
    await client.cancel(later);
    await client.requeue("old 5");
    await client.result("old 5" as typeof child);
    await client.list({ state: "failed", limit: 50 });
    await client.list({ state: ["enqueued", "processing"], limit: 50 });
    await client.list({ recurring: "often", limit: 50 });
    await client.queues();
    await storage.purge({ succeeded: 60_000, failed: 60_000, cancelled: 60_000 }, 1_000);
    await storage.expired(["noop"], 100);
    await server.stop();
    await stop();
    await close();

    const other = new pg.Client({ connectionString: url });
    await other.connect();
    const rowOf = async (sql: string): Promise<Record<string, unknown>> =>
      (await other.query(sql)).rows[0];
    const alive = `select count(*) from pg_stat_activity where application_name = '${schema}'`;
    while ((await rowOf(alive))["count"] !== "0"); // a connection says at its end what it has read
    const read = await rowOf(
      `select seq_tup_read, idx_tup_fetch from pg_stat_user_tables where schemaname = '${schema}' and relname = 'jobs'`,
    );
    await other.end();
    assert.is(read["seq_tup_read"], "0");
    assert.ok(Number(read["idx_tup_fetch"]) < many / 4, `${read["idx_tup_fetch"]} rows`);
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

  // Programs are started by Node alone.
  const starters = "Deno" in globalThis || "Bun" in globalThis ? {} : runtimes;
  for (const [runtime, command] of Object.entries(starters)) {
    test(`servers on ${runtime} whose clocks are wrong by an hour do each thing once, and at its time`, async () => {
      const database = `clocks_${runtime}_${process.pid}`;
      const admin = new pg.Client({ connectionString: url });
      await admin.connect();
      await admin.query(`create database ${database}`);
      const address = `${new URL(`/${database}`, url)}`;
      const pool = new pg.Pool({ connectionString: address });
      const client = jobClient("client", { storage: postgres({ query: pool }) });
      const host = createHost([client], { logger: false });
      await host.start();
      await client.addOrUpdate("everySecond", everySecond);
      const first = (await client.recurring())[0]!.nextAt!;

      const servers = [hour, -hour].map((wrong) =>
        new Program([...command, fixture("job_schedule.ts"), address, `${wrong}`, "15000"])
      );
      for (const server of servers) await server.prints("ready");
      const ids = [
        ...await client.enqueueAll(long, [null, null, null, null]),
        await client.enqueue(tick, null, { delay: 1_500 }),
      ];
      const never = await client.enqueue(tick, null, { delay: hour / 2 });
      for (const id of ids) await client.result(id);
      assert.is((await client.get(never))?.state, "scheduled");
      for (const server of servers) {
        server.send("SIGTERM");
        const { exit, stderr } = await server.ending;
        assert.is(exit, 0, stderr.join("\n"));
      }

      const now = await client.now();
      const { jobs } = await client.list({ limit: 1_000 });
      const done = jobs.filter((it) => it.state === "succeeded");
      assert.ok(ids.every((id) => done.some((it) => it.id === id)));
      for (const { id, name, dueAt, startedAt, attempts } of done) {
        assert.is(attempts.length, 1, `${name} ${id}`); // no hold was lost, or taken over
        assert.ok(startedAt! >= dueAt && startedAt! <= now, `${name} ${id}`);
      }
      const { nextAt } = (await client.recurring())[0]!;
      const made = jobs.filter((it) => it.recurring === "everySecond");
      assert.ok(made.length > 0);
      assert.ok(made.length <= (nextAt! - first) / 1_000, `${made.length} jobs`);
      const minutes = await client.minutes(first - 60_000);
      assert.is(minutes.reduce((sum, it) => sum + it.succeeded, 0), done.length);
      assert.ok(minutes.every(({ minute }) => minute <= now), "no minute is yet to come");

      await host.stop();
      await pool.end();
      await admin.query(`drop database ${database}`);
      await admin.end();
    });
  }
}

test.run();
