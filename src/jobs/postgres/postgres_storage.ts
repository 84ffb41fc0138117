import { check, checkNames } from "../../_check.ts";
import { within } from "../../_time/within.ts";
import { type Queryable, queryOf } from "../../postgres/query.ts";
import { keptMinutes } from "../_conventions.ts";
import {
  clean,
  detailsOf,
  heldOf,
  minuteOf,
  parsed,
  queueOf,
  recurringOf,
  type Row,
  serverOf,
} from "../_rows.ts";
import type { JobState } from "../job_record.ts";
import type {
  AddedJob,
  HeldJob,
  Hold,
  HoldState,
  JobStorage,
  NewJob,
  Settlement,
} from "../job_storage.ts";
import { MissingParentError, notOpen } from "../errors.ts";
import { type Ask, callsOf, explain } from "./_calls.ts";
import { jobColumns } from "./_columns.ts";
import { Gathering } from "./_gathering.ts";
import { listJobs } from "./_job_list.ts";
import { checkVersion, migration, schemaName } from "./_schema.ts";
import { checkListen, type Listen, Wakes } from "./_wakes.ts";

/** Options of {@linkcode postgres}. */
export interface PostgresOptions {
  /** How to query the database, from a pool or not, through a pooler of any mode or not. It stays the caller's. */
  readonly query: Queryable;
  /**
   * How to hear at once of what other processes have enqueued, by LISTEN: a function that makes a `Client` of `pg`, which is
   * connected and ended here, or something with a `listen` of its own: a `PGlite`, the function of `postgres`. Not through a
   * pooler that shares connections. Without it, or while it fails, the database is asked each second.
   *
   * @default {none}
   */
  readonly listen?: Listen | undefined;
  /**
   * The schema in which the tables are: lower case letters, digits and `_`. Nothing else is to be in it.
   *
   * @default {"runhost"}
   */
  readonly schema?: string | undefined;
  /**
   * Whether a start makes the schema and brings its tables to the newest version. With `false` the user of `query` needs no
   * right to do so, and another version is refused.
   *
   * @default {true}
   */
  readonly migrate?: boolean | undefined;
}

/**
 * Jobs in PostgreSQL, from version 13 on, in tables and functions of a schema of their own. By the database's clock; each
 * call is one statement, so that it works behind a pooler of any mode.
 *
 * `enqueue(job, input, { transaction })` takes the program's own client, within its transaction, as a function or an object
 * that queries like `query`: the job is there if and when that commits.
 *
 * @returns What a `jobServer` and a `jobClient` take as their `storage`; of one object, any number of them.
 * @throws {TypeError} If an option is missing or has the wrong type, or `schema` is no name of one.
 *
 * @example With a pool of `pg`
 * ```ts ignore
 * import { runHost } from "@runhost/host/node";
 * import { jobServer } from "@runhost/host/jobs";
 * import { postgres } from "@runhost/host/jobs/postgres";
 * import pg from "pg";
 *
 * const connectionString = process.env.DATABASE_URL;
 * const storage = postgres({
 *   query: new pg.Pool({ connectionString }),
 *   listen: () => new pg.Client({ connectionString }),
 * });
 * await runHost([jobServer("jobs", { storage, jobs: [sendMail] })]);
 * ```
 */
export function postgres(options: PostgresOptions): JobStorage {
  const label = "postgres options";
  check(label, options, {});
  checkNames(label, options, ["query", "listen", "schema", "migrate"]);
  const { listen, schema = "runhost", migrate = true } = options;
  check(`${label}.schema`, schema, "");
  if (!schemaName.test(schema)) {
    throw new TypeError(
      `Cannot use ${label}.schema: ${
        JSON.stringify(schema)
      } is no name of lower case letters, digits and "_"`,
    );
  }
  check(`${label}.migrate`, migrate, true);
  if (listen !== undefined) checkListen(`${label}.listen`, listen);
  return storageOf(queryOf(`${label}.query`, options.query), { schema, migrate, listen });
}

/** Milliseconds that it may take to bring tables with millions of jobs to another version. */
const longestMigration = 600_000;

function storageOf(
  query: Ask,
  { schema, migrate, listen }: {
    readonly schema: string;
    readonly migrate: boolean;
    readonly listen: Listen | undefined;
  },
): JobStorage {
  const ask = callsOf(query, schema);
  const wakes = new Wakes(listen, `${schema}_wake`);
  /** How many servers and clients have started and not stopped it. */
  let users = 0;
  let opening: Promise<void> | undefined;

  async function open(): Promise<void> {
    if (migrate) await callsOf(query, schema, longestMigration)(migration(schema));
    const [row] = await ask(`select version from ${schema}.version`);
    checkVersion(schema, Number(row?.["version"] ?? 0));
  }

  async function leave(): Promise<void> {
    if (--users > 0) return;
    opening = undefined;
    await wakes.end();
  }

  /** One call of a function, which needs an open storage. */
  async function call(text: string, ...values: unknown[]): Promise<readonly Row[]> {
    if (users === 0) throw notOpen(`PostgreSQL schema "${schema}"`);
    return await ask(text, values);
  }

  async function scalar<T>(text: string, ...values: unknown[]): Promise<T> {
    return (await call(`select ${text} as it`, ...values))[0]?.["it"] as T;
  }

  const settlements = new Gathering<Hold & Settlement, JobState | false>(async (all) => {
    const list = all.map((
      it,
    ) => ("error" in it && it.error ? { ...it, error: clean(it.error) } : it));
    const text = `select outcome, queues from ${schema}.settle_each($1::text::json)`;
    const rows = await call(text, JSON.stringify(list));
    const queues = rows.flatMap((row) => parsed<string[]>(row["queues"] ?? "[]", []));
    for (const queue of new Set(queues)) wakes.tell(queue);
    return rows.map((row) => row["outcome"] as JobState ?? false);
  });

  return {
    async start(signal) {
      signal.throwIfAborted();
      users++;
      try {
        if (!opening) {
          const attempt = opening = open();
          attempt.then(() => opening === attempt && wakes.begin(), () => {
            if (opening === attempt) opening = undefined;
          });
        }
        await within(opening, { signal });
      } catch (error) {
        await leave();
        throw error;
      }
    },
    stop: leave,
    now: () => scalar(`${schema}.ms()`),
    onWake: (listener) => wakes.add(listener),

    async add(jobs, transaction) {
      const text = `select * from ${schema}.add_jobs($1::text::json)`;
      const values = [JSON.stringify(jobs.map(rowOf))];
      if (transaction !== undefined) {
        const inside = queryOf("transaction", transaction as Queryable);
        const rows = await inside(text, values).catch((error) => {
          throw explain(error, schema); // which is the end of the caller's transaction
        });
        return addedOf(rows);
      }
      const added = addedOf(await call(text, ...values));
      for (const queue of new Set(jobs.map((it) => it.queue))) wakes.tell(queue);
      return added;
    },

    async take({ queue, names, max, server, holdTimeout }) {
      const known = JSON.stringify(names);
      const rows = await call(
        `select ${jobColumns} from ${schema}.take($1::text, $2::text::json, $3::integer, $4::text,
          $5::double precision)`,
        ...[queue, known, max, server, holdTimeout],
      );
      const jobs = rows.map(heldRow);
      if (jobs.length === max) return { jobs };
      const dueIn = await scalar<number | null>(
        `${schema}.due_in($1::text, $2::text::json)`,
        ...[queue, known],
      ).catch((error) => {
        // Whoever does not hear of what was taken would leave it until its hold is over.
        if (jobs.length === 0) throw error;
        return null;
      });
      return dueIn === null ? { jobs } : { jobs, dueIn };
    },

    async extend(holds, holdTimeout) {
      const text = `select state from ${schema}.extend($1::text::json, $2::double precision)`;
      const list = JSON.stringify(holds.map(({ id, token }) => ({ id, token })));
      return (await call(text, list, holdTimeout)).map((row) => row["state"] as HoldState);
    },

    settle: ({ id, token }, settlement) => settlements.ask({ id, token, ...settlement }),

    async note({ id, token }, { progress, log = [] }) {
      const lines = JSON.stringify(log.map(({ at, text }) => ({ at, text: clean(text) })));
      await scalar(
        `${schema}.note($1::text, $2::integer, $3::text, $4::text::json)`,
        ...[id, token, progress, lines],
      );
    },

    async expired(names, max) {
      const rows = await call(
        `select ${jobColumns} from ${schema}.jobs where state = 'processing' and hold_until <= (select ${schema}.ms())
          and name in (select json_array_elements_text($1::text::json)) order by hold_until limit $2::integer`,
        ...[JSON.stringify(names), max],
      );
      return rows.map(heldRow);
    },

    async cancel(ids) {
      const rows = await call(
        `select id from ${schema}.cancel($1::text::json)`,
        JSON.stringify(ids),
      );
      if (rows.length > 0) wakes.tell();
      return rows.map(idOf);
    },

    async cancelRequests(server) {
      const rows = await call(
        `select id from ${schema}.jobs where state = 'processing' and cancel_requested and server = $1::text
          order by seq`,
        server,
      );
      return rows.map(idOf);
    },

    async requeue(ids) {
      const rows = await call(
        `select id from ${schema}.requeue($1::text::json)`,
        JSON.stringify(ids),
      );
      if (rows.length > 0) wakes.tell();
      return rows.map(idOf);
    },

    async get(id) {
      const [row] = await call(
        `select ${jobColumns}, ${schema}.ms() as now,
            (select json_agg(other.id order by other.seq) from ${schema}.children
              join ${schema}.jobs as other on other.id = child where parent = job.id)::text as children,
            (select json_agg(json_build_object('at', at, 'text', text) order by line) from ${schema}.log
              where log.job = job.seq)::text as log
          from ${schema}.jobs as job where id = $1::text`,
        id,
      );
      if (!row) return undefined;
      return detailsOf(row, {
        children: parsed(row["children"] ?? "[]", []),
        log: parsed(row["log"] ?? "[]", []),
        now: row["now"] as number,
      });
    },

    async list(filter, limit, after) {
      const now = await scalar<number>(`${schema}.ms()`);
      return await listJobs((text, values = []) => call(text, ...values), {
        ...{ schema, filter, limit, after, now },
      });
    },

    async queues() {
      const rows = await call(
        `with sums as (
            select queue, state, sum(jobs)::double precision as jobs from ${schema}.counts
              group by queue, state having sum(jobs) > 0
          )
          select queue, exists (select 1 from ${schema}.paused where queue = it.queue) as paused,
            (select json_object_agg(state, jobs) from sums where queue = it.queue)::text as counts,
            (select min(due_at) from ${schema}.jobs where state = 'enqueued' and queue = it.queue) as oldest,
            (select min(due_at) from ${schema}.jobs where state = 'scheduled' and queue = it.queue) as next,
            (select count(*)::double precision from ${schema}.jobs
              where state = 'scheduled' and queue = it.queue and due_at <= (select ${schema}.ms())) as due
          from (select queue from sums union select queue from ${schema}.paused) as it order by queue collate "C"`,
      );
      return rows.map(queueOf);
    },

    async pause(queue, paused) {
      await scalar(`${schema}.pause($1::text, $2::boolean)`, queue, paused);
      wakes.tell(queue);
    },

    async recurring() {
      const rows = await call(
        `select it.*, job.state, job.due_at, ${schema}.ms() as now from ${schema}.recurring as it
          left join ${schema}.jobs as job on job.id = it.last_job order by it.id collate "C"`,
      );
      return rows.map((row) => recurringOf(row, row["now"] as number));
    },

    async putRecurring(it) {
      const columns =
        "job, queue, priority, input, key, key_until, overlap, pattern, time_zone, missed";
      const excluded = columns.replaceAll(/\w+/g, "excluded.$&");
      const own = columns.replaceAll(/\w+/g, "stored.$&");
      const rows = await call(
        `insert into ${schema}.recurring as stored (id, ${columns}, next_at)
          values ($1::text, $2::text, $3::text, $4::integer, $5::text, $6::text, $7::text, $8::boolean, $9::text,
            $10::text, $11::text, $12::double precision)
          on conflict (id) do update set (${columns}, next_at) = (${excluded}, excluded.next_at)
            where (${own}) is distinct from (${excluded})
          returning id`,
        ...[it.id, it.job, it.queue, it.priority, it.input, it.key, it.keyUntil, it.overlap],
        ...[it.pattern, it.timeZone, it.missed, it.nextAt],
      );
      if (rows.length > 0) wakes.tell();
      return rows.length > 0;
    },

    async removeRecurring(id) {
      const text = `delete from ${schema}.recurring where id = $1::text returning id`;
      return (await call(text, id)).length > 0;
    },

    async fireRecurring({ id, seenAt, nextAt, job }) {
      const outcome = await scalar<"fired" | "busy" | "passed">(
        `${schema}.fire($1::text, $2::double precision, $3::double precision, $4::text::json)`,
        ...[id, seenAt, nextAt, job && JSON.stringify(rowOf(job))],
      );
      if (job) wakes.tell(job.queue);
      return outcome;
    },

    async triggerRecurring(id, job) {
      const rows = await call(
        `select * from ${schema}.trigger_recurring($1::text, $2::text::json)`,
        ...[id, JSON.stringify(rowOf(job))],
      );
      wakes.tell(job.queue);
      return addedOf(rows)[0];
    },

    async beat({ queues, ...server }, minutes) {
      await scalar(
        `${schema}.beat($1::text::json, $2::text::json)`,
        ...[JSON.stringify({ ...server, queues: JSON.stringify(queues) }), JSON.stringify(minutes)],
      );
    },

    async removeServer(id) {
      await call(`delete from ${schema}.servers where id = $1::text`, id);
    },

    async servers() {
      const rows = await call(
        `select * from ${schema}.servers order by started_at, id collate "C"`,
      );
      return rows.map(serverOf);
    },

    async minutes(from) {
      const rows = await call(
        `select * from ${schema}.minutes where minute >= greatest($1::double precision, (select ${schema}.ms()) - ${keptMinutes})
          order by minute, queue collate "C"`,
        from,
      );
      return rows.map(minuteOf);
    },

    purge: ({ succeeded, failed, cancelled }, max) =>
      scalar(
        `${schema}.purge($1::double precision, $2::double precision, $3::double precision, $4::integer)`,
        ...[succeeded, failed, cancelled, max],
      ),
  };
}

/** A new job as the functions take it: what is text in a table is text here. */
function rowOf(job: NewJob): Readonly<Record<string, unknown>> {
  const key = job.key === undefined ? undefined : clean(job.key);
  return {
    ...job,
    key,
    headers: JSON.stringify(job.headers),
    parents: JSON.stringify(job.parents),
  };
}

/** A job in hands, whose state no clock decides. */
function heldRow(row: Row): HeldJob {
  return heldOf(row, 0);
}

function idOf(row: Row): string {
  return row["id"] as string;
}

function addedOf(rows: readonly Row[]): AddedJob[] {
  const missing = rows[0]?.["missing"] ?? undefined;
  if (missing !== undefined) throw new MissingParentError(missing as string);
  return rows.map((row) => ({ id: idOf(row), added: Boolean(row["added"]) }));
}
