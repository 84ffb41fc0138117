import { check, checkNames } from "../_check.ts";
import { textOf } from "../_log.ts";
import { within } from "../_time/within.ts";
import { codeOf, type Queryable, queryOf } from "./query.ts";
import type { Lease, Term } from "../supervision/lease.ts";

/** Options of {@linkcode postgresLease}. */
export interface PostgresLeaseOptions {
  /** How to query the database, from a pool or not, through a pooler or not. */
  readonly query: Queryable;
  /** What the lease is for: the same in all processes of which one leads. */
  readonly name: string;
  /**
   * The table that has a row for each lease, with its schema if need be. It is made when it is not there.
   *
   * @default {"runhost_leases"}
   */
  readonly table?: string | undefined;
}

/** The name of a table, quoted where it has to be by the caller. */
const tableName = /^("[^"]+"|[A-Za-z_]\w*)(\.("[^"]+"|[A-Za-z_]\w*))?$/;

/** What the database says when there is no such table. */
const undefinedTable = "42P01";

/** What it says when another session makes the same table, its type or their rows in the same moment. */
const madeMeanwhile = ["42P07", "42710", "23505"];

/**
 * A lease in PostgreSQL, for `leader`: a row with a holder, the time until which it is held, and an epoch that
 * grows with each term, which is its token. By the database's clock; each call is one statement, so that it
 * works behind a pooler of any mode, and nothing is left on a connection.
 *
 * The table, for who lets nobody make one:
 *
 *     create table runhost_leases (
 *       name text primary key,
 *       holder text not null,
 *       epoch bigint not null,
 *       held_until timestamptz not null
 *     )
 *
 * Its rows are never deleted, since the epoch must grow: one for each name.
 *
 * @throws {TypeError} If an option is missing or has the wrong type, or `table` is no name of one.
 *
 * @example One process of several
 * ```ts ignore
 * import { backgroundService, runHost } from "@runhost/host/node";
 * import { postgresLease } from "@runhost/host/postgres";
 * import { leader } from "@runhost/host/supervision";
 * import { Pool } from "pg";
 *
 * const lease = postgresLease({ query: new Pool(), name: "nightly" });
 * await runHost([leader("nightly", { lease, make: () => backgroundService("nightly", report) })]);
 * ```
 */
export function postgresLease(options: PostgresLeaseOptions): Lease {
  const label = "postgresLease options";
  check(label, options, { name: "" });
  checkNames(label, options, ["query", "name", "table"]);
  const { name, table = "runhost_leases" } = options;
  const query = queryOf(`${label}.query`, options.query);
  check(`${label}.table`, table, "");
  if (!tableName.test(table)) {
    throw new TypeError(
      `Cannot use ${label}.table: ${JSON.stringify(table)} is no name of a table`,
    );
  }

  const create = `create table if not exists ${table} (name text primary key, holder text not null,
    epoch bigint not null, held_until timestamptz not null)`;
  // The row is the lease, its epoch the token; nobody gets a row that somebody else holds.
  const acquire = `insert into ${table} as lease (name, holder, epoch, held_until)
    values ($1, $2, 1, now() + $3 * interval '1 ms')
    on conflict (name) do update
      set holder = excluded.holder, epoch = lease.epoch + 1, held_until = excluded.held_until
      where lease.held_until < now() or lease.holder = excluded.holder
    returning epoch`;
  const renew = `update ${table} set held_until = now() + $4 * interval '1 ms'
    where name = $1 and holder = $2 and epoch = $3 and held_until > now() returning epoch`;
  const release = `update ${table} set held_until = '-infinity'
    where name = $1 and holder = $2 and epoch = $3`;

  async function ask(signal: AbortSignal, text: string, values: unknown[]): Promise<unknown[]> {
    try {
      return await within(query(text, values), { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw explain(error, table);
    }
  }

  async function acquireRow(signal: AbortSignal, values: unknown[]): Promise<unknown[]> {
    try {
      return await within(query(acquire, values), { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (codeOf(error) !== undefinedTable) throw explain(error, table);
    }
    try {
      await within(query(create), { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!madeMeanwhile.includes(codeOf(error))) throw explain(error, table);
    }
    return await ask(signal, acquire, values);
  }

  return {
    async acquire(signal, { holder, duration }) {
      signal.throwIfAborted();
      const [row] = await acquireRow(signal, [name, holder, duration]);
      if (!row) return undefined;
      const token = Number((row as { readonly epoch: unknown }).epoch); // a bigint comes as text
      const held = [name, holder, token];
      const term: Term = {
        token,
        async renew(signal, { duration }) {
          signal.throwIfAborted();
          return (await ask(signal, renew, [...held, duration])).length > 0;
        },
        release: (signal) => ask(signal, release, held),
      };
      return term;
    },
  };
}

/** The same error for an operator: what to do. */
function explain(cause: unknown, table: string): Error {
  const code = codeOf(cause);
  const advice = /^(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|57P0|08)/.test(code)
    ? ": is it running, and is the address right?"
    : /^28/.test(code)
    ? ": give the pool a user and a password that it takes"
    : code === "42501" || code === undefinedTable
    ? `: let its user use table ${table}, or make it as the documentation of postgresLease has it`
    : code === "42703"
    ? `: table ${table} is another one; name one of its own`
    : "";
  return new Error(`Cannot ask PostgreSQL for a lease: ${textOf(cause)}${advice}`, { cause });
}
