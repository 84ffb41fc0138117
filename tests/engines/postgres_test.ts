/** The entry `@runhost/host/postgres` against a real PostgreSQL. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { postgresLease, type Queryable } from "../../src/postgres/mod.ts";
import { leaseContract, type LeaseFixture } from "../../src/testing/mod.ts";
import { rejection } from "../_fate.ts";
import { lanesOf, load, urlOf } from "./_client.ts";

const lane = lanesOf(test);

const url = urlOf("POSTGRES_URL");
let count = 0;
/** The runs on each runtime share the server. */
const run = crypto.randomUUID();

/** How to query, and to close what that takes. */
interface Opened {
  readonly query: Queryable;
  close(): Promise<unknown>;
}

const makers: Record<string, () => Promise<Opened>> = {
  async "a Pool of pg"() {
    const { default: pg } = await load("pg");
    const pool = new pg.Pool({ connectionString: url });
    return { query: pool, close: () => pool.end() };
  },
  async PGlite() {
    const { PGlite } = await load("@electric-sql/pglite");
    const database = await PGlite.create();
    return { query: database, close: () => database.close() };
  },
  async postgres() {
    const { default: postgres } = await load("postgres");
    const sql = postgres(url, { onnotice: () => {} });
    return { query: (text, values) => sql.unsafe(text, values), close: () => sql.end() };
  },
};

// All of them before any check runs: PGlite keeps the event loop to itself for seconds.
const opened: [name: string, Opened][] = [];
for (const [name, open] of url ? Object.entries(makers) : []) opened.push([name, await open()]);

for (const [name, { query, close }] of opened) {
  const make = (): LeaseFixture => {
    const lease = `contract-${run}-${++count}`;
    return { open: () => postgresLease({ query, name: lease }) };
  };
  const checks = leaseContract(make, { duration: 3_000 });
  lane([
    ...checks.map((it) => ({ ...it, name: `postgresLease() over ${name}: ${it.name}` })),
    {
      name: `postgresLease() over ${name} is closed`,
      run: async () => void await close(),
    },
  ]);
}

if (url) {
  const signal = new AbortController().signal;
  const options = { holder: "a", duration: 1_000 };

  test("postgresLease() says what to do when its table must not be made", async () => {
    const { default: pg } = await load("pg");
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    await admin.query("drop role if exists nobody_special");
    await admin.query("create role nobody_special login");
    await admin.query("revoke create on schema public from public");
    const other = new URL(url);
    other.username = "nobody_special";
    const pool = new pg.Pool({ connectionString: other.href });
    const lease = postgresLease({ query: pool, name: "x", table: "forbidden" });
    const error = await rejection(lease.acquire(signal, options));
    await pool.end();
    await admin.query("grant create on schema public to public");
    await admin.query("drop role nobody_special");
    await admin.end();
    assert.match(
      error.message,
      /^Cannot ask PostgreSQL for a lease: .*permission denied for schema public/,
    );
    assert.match(
      error.message,
      /: let its user use table forbidden, or make it as the documentation/,
    );
  });

  test("postgresLease() says so when nobody answers", async () => {
    const { default: pg } = await load("pg");
    const pool = new pg.Pool({
      connectionString: "postgres://postgres:secret@127.0.0.1:1/postgres",
    });
    const error = await rejection(
      postgresLease({ query: pool, name: "x" }).acquire(signal, options),
    );
    await pool.end();
    assert.match(error.message, /ECONNREFUSED.*: is it running, and is the address right\?$/);
    assert.not.match(error.message, "secret");
  });

  test("postgresLease() of several processes makes its table once", async () => {
    const { default: pg } = await load("pg");
    const pool = new pg.Pool({ connectionString: url });
    const table = `once_${Date.now()}`;
    const terms = await Promise.all(
      ["a", "b", "c", "d"].map((holder) =>
        postgresLease({ query: pool, name: "x", table }).acquire(signal, {
          holder,
          duration: 10_000,
        })
      ),
    );
    assert.is(terms.filter((it) => it).length, 1);
    await pool.query(`drop table ${table}`);
    await pool.end();
  });
}

test.run();
