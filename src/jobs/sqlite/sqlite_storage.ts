import { check, checkNames, checkWord, refuse } from "../../_check.ts";
import { loadBuiltin } from "../../_builtin.ts";
import { HostStateError } from "../../errors.ts";
import { Turns } from "../../_time/turns.ts";
import { within } from "../../_time/within.ts";
import { notOpen } from "../errors.ts";
import { Database } from "./_database.ts";
import { loadDriver } from "./_driver.ts";
import { explain } from "./_explain.ts";
import { listJobs } from "./_job_list.ts";
import { JobTable } from "./_job_table.ts";
import { whileLocked } from "./_lock_retries.ts";
import { RecurringTable } from "./_recurring_table.ts";
import { migrate } from "./_schema.ts";
import { ServerTable } from "./_server_table.ts";
import { type NodeTimers, Wakes } from "./_wakes.ts";
import { Writer } from "./_writer.ts";
import type { OwnConnection, SqliteConnection } from "./connection.ts";
import type { JobFilter } from "../job_record.ts";
import type { JobStorage, NewJob, Retention } from "../job_storage.ts";

/** Options of {@linkcode sqlite}. */
export interface SqliteOptions {
  /**
   * What is stored when a call fulfils: with `full` it outlives a power cut, since each transaction waits for the disk;
   * with `normal` it outlives the end of the process, however that comes, and a power cut may take the last moments.
   *
   * @default {"full"}
   */
  readonly synchronous?: "full" | "normal" | undefined;
  /**
   * The time, in milliseconds since 1970; for tests. The same in all processes that share the file.
   *
   * @default {Date.now}
   */
  readonly now?: (() => number) | undefined;
}

/** Milliseconds for which SQLite may wait in the thread, where nothing else runs. */
const busyTimeout = 15;
/** How many kibibytes of the file each connection keeps in memory. */
const cacheSize = 16_384;
/** How many jobs are deleted in one transaction. */
const mostPurged = 500;

/** A file that is open. */
interface Opened {
  readonly connection: OwnConnection;
  readonly db: Database;
  /** What SQLite calls the file; empty if it is in memory. */
  readonly file: string;
  readonly jobs: JobTable;
  readonly recurring: RecurringTable;
  readonly servers: ServerTable;
  readonly writer: Writer;
}

/**
 * Jobs in a SQLite file, by what the runtime has: `node:sqlite` (Node 22.13, Deno 2.2 and newer), `bun:sqlite`, or else the
 * package `libsql`. The file is made with its folder if there is none. It opens a connection of its own with the first
 * `start`, and closes it with the last `stop`.
 *
 * Several processes of one machine may share a file on a local disk; each sees the jobs of the others within 250 ms. The
 * program's own tables may be in it, too: those of the storage begin with `runhost_`. A call waits for up to 30 s for
 * others to end their transactions.
 *
 * `enqueue(job, input, { transaction })` takes the program's own connection to the same file, in a transaction: a
 * `DatabaseSync` of `node:sqlite`, a `Database` of `bun:sqlite`, `libsql` or `better-sqlite3`. The job is there if and when
 * that commits.
 *
 * @param path Of the file, or `":memory:"` for tests: then it is empty with each first `start`.
 * @returns What a `jobServer` and a `jobClient` take as their `storage`; of one object, any number of them.
 * @throws {TypeError} If the path or an option has the wrong type.
 *
 * @example A job that outlives the process
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { defineJob, jobServer } from "@runhost/host/jobs";
 * import { sqlite } from "@runhost/host/jobs/sqlite";
 * import { equal } from "node:assert/strict";
 *
 * const add = defineJob("add", { execute: ([a, b]: [number, number]) => a + b });
 * const jobs = jobServer("jobs", { storage: sqlite(":memory:"), jobs: [add] }); // or sqlite("data/jobs.db")
 * const host = createHost([jobs], { logger: false });
 * await host.start();
 * equal(await jobs.result(await jobs.enqueue(add, [1, 2])), 3);
 * await host.stop();
 * ```
 */
export function sqlite(path: string, options: SqliteOptions = {}): JobStorage {
  const label = `sqlite(${JSON.stringify(path)}) options`;
  // With a NUL, a driver may end the process.
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    refuse("the path of sqlite()", "a path", path);
  }
  check(label, options, {});
  checkNames(label, options, ["synchronous", "now"]);
  const { synchronous = "full", now = Date.now } = options;
  checkWord(`${label}.synchronous`, synchronous, ["full", "normal"]);
  check(`${label}.now`, now, Date.now);
  return storageOf(path, synchronous, now);
}

function storageOf(path: string, synchronous: string, now: () => number): JobStorage {
  const wakes = new Wakes();
  const turns = new Turns();
  /** How many servers and clients have started and not stopped it. */
  let users = 0;
  let opening: Promise<Opened> | undefined;
  let opened: Opened | undefined;
  /** The end of the connection before. */
  let closed: Promise<void> = Promise.resolve();
  let giveUp = new AbortController();

  async function open(signal: AbortSignal): Promise<Opened> {
    await closed;
    const inMemory = path === ":memory:";
    try {
      const driver = await loadDriver();
      if (!inMemory) await makeFolder(path);
      const timers = await loadBuiltin("node:timers") as NodeTimers;
      signal.throwIfAborted();
      const connection = await whileLocked(path, () => connect(() => driver(path)), signal);
      return opened = openedOf(connection, timers);
    } catch (error) {
      throw explain(error, path);
    }
  }

  /** Sets up a connection, or leaves none. */
  function connect(make: () => OwnConnection): OwnConnection {
    const connection = make();
    try {
      connection.exec(`pragma busy_timeout = ${busyTimeout}`);
      connection.exec("pragma journal_mode = wal");
      connection.exec(`pragma synchronous = ${synchronous}`);
      connection.exec(`pragma cache_size = -${cacheSize}`);
      connection.exec("begin immediate");
      migrate(new Database(connection), path);
      connection.exec("commit");
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  function openedOf(connection: OwnConnection, timers: NodeTimers): Opened {
    const db = new Database(connection);
    const jobs = new JobTable(db, now, (queue) => wakes.note(queue));
    const file = fileOf(db);
    if (file !== "") wakes.watch(() => db.get("pragma data_version")?.["data_version"], timers);
    return {
      connection,
      db,
      file,
      jobs,
      recurring: new RecurringTable(db, jobs, now),
      servers: new ServerTable(db, now),
      writer: new Writer(db, path, () => wakes.tell()),
    };
  }

  async function leave(): Promise<void> {
    if (--users > 0) return;
    const last = opening;
    opening = opened = undefined;
    giveUp.abort(new HostStateError(`SQLite file "${path}" is not needed any more`));
    giveUp = new AbortController();
    await (closed = close(last));
  }

  async function close(last: Promise<Opened> | undefined): Promise<void> {
    const it = await last?.catch(() => undefined);
    if (!it) return;
    await it.writer.idle();
    wakes.watch();
    it.connection.close();
  }

  function current(): Opened {
    if (opened) return opened;
    throw notOpen(`SQLite file "${path}"`);
  }

  /** Does something within a transaction. */
  async function write<T>(work: (at: Opened) => T): Promise<T> {
    const it = current();
    try {
      return await it.writer.write(() => work(it));
    } catch (error) {
      throw explain(error, path);
    }
  }

  /** Reads, between two transactions. */
  async function read<T>(work: (at: Opened) => T): Promise<T> {
    while (turns.due()) await turns.give();
    try {
      return await whileLocked(path, () => work(current()));
    } catch (error) {
      throw explain(error, path);
    }
  }

  /** Stores jobs in the caller's transaction, which is on another connection to the same file. */
  function addTo(
    connection: SqliteConnection,
    jobs: readonly NewJob[],
  ): ReturnType<JobTable["add"]> {
    const it = current();
    const db = databaseOf(connection);
    const file = fileOf(db);
    if (it.file === "" || file !== it.file) {
      throw new TypeError(
        `Cannot enqueue in a transaction: its connection is to ${
          file === "" ? "memory" : `file "${file}"`
        }, the jobs are in ${
          it.file === "" ? "memory" : `"${it.file}"`
        }; both must be the same file`,
      );
    }
    // The watch on the file tells of them when they are committed.
    const table = new JobTable(db, now, () => {});
    db.run("savepoint runhost");
    try {
      const added = table.add(jobs);
      db.run("release runhost");
      return added;
    } catch (error) {
      db.run("rollback to runhost");
      db.run("release runhost");
      throw explain(error, path);
    }
  }

  return {
    async start(signal) {
      signal.throwIfAborted();
      users++;
      try {
        if (!opening) {
          const attempt = opening = open(giveUp.signal);
          attempt.catch(() => opening === attempt && (opening = undefined));
        }
        await within(opening, { signal });
      } catch (error) {
        await leave();
        throw error;
      }
    },
    stop: leave,
    now: async () => now(),
    onWake: (listener) => wakes.add(listener),

    async add(jobs, transaction) {
      if (transaction === undefined) return await write((it) => it.jobs.add(jobs));
      if (typeof (Object(transaction) as Partial<SqliteConnection>).prepare !== "function") {
        refuse("transaction", "a connection to the SQLite file of the jobs", transaction);
      }
      return addTo(transaction as SqliteConnection, jobs);
    },
    take: (options) => write(({ jobs }) => jobs.take(options)),
    extend: (holds, holdTimeout) => write(({ jobs }) => jobs.extend(holds, holdTimeout)),
    settle: (hold, settlement) => write(({ jobs }) => jobs.settle(hold, settlement)),
    note: (hold, note) => write(({ jobs }) => jobs.note(hold, note)),
    expired: (names, max) => read(({ jobs }) => jobs.expired(names, max)),
    cancel: (ids) => write(({ jobs }) => jobs.cancel(ids)),
    cancelRequests: (server) => read(({ jobs }) => jobs.cancelRequests(server)),
    requeue: (ids) => write(({ jobs }) => jobs.requeue(ids)),
    get: (id) => read(({ jobs }) => jobs.details(id)),
    list: (filter: JobFilter, limit, after) =>
      listJobs({ filter, limit, after, now: now() }, (look) => read(({ db }) => look(db))),
    queues: () => read(({ jobs }) => jobs.queues()),
    pause: (queue, paused) => write(({ jobs }) => jobs.pause(queue, paused)),
    recurring: () => read(({ recurring }) => recurring.all()),
    putRecurring: (it) =>
      write(({ recurring }) => {
        const changed = recurring.put(it);
        if (changed) wakes.note();
        return changed;
      }),
    removeRecurring: (id) => write(({ recurring }) => recurring.remove(id)),
    fireRecurring: (firing) => write(({ recurring }) => recurring.fire(firing)),
    triggerRecurring: (id, job) => write(({ recurring }) => recurring.trigger(id, job)),
    beat: (server, minutes) => write(({ servers }) => servers.beat(server, minutes)),
    removeServer: (id) => write(({ servers }) => servers.remove(id)),
    servers: () => read(({ servers }) => servers.all()),
    minutes: (from) => read(({ servers }) => servers.minutes(from)),
    async purge(retention: Retention, max) {
      await write(({ servers }) => servers.purge());
      let count = 0;
      while (count < max) { // others have their turn in between
        const most = Math.min(mostPurged, max - count);
        const deleted = await write(({ jobs }) => jobs.purge(retention, most));
        count += deleted;
        if (deleted < most) break;
      }
      return count;
    },
  };
}

/** The connections of callers, with the statements that were prepared on them. */
const databases: WeakMap<SqliteConnection, Database> = new WeakMap();

function databaseOf(connection: SqliteConnection): Database {
  let db = databases.get(connection);
  if (!db) databases.set(connection, db = new Database(connection));
  return db;
}

/** The file of a connection, as SQLite tells it; empty if it is in memory. */
function fileOf(db: Database): string {
  return `${db.all("pragma database_list").find((it) => it["name"] === "main")?.["file"] ?? ""}`;
}

/** What is used of `node:fs` and `node:path`. */
interface Files {
  mkdirSync(path: string, options: { readonly recursive: true }): unknown;
}
interface Paths {
  dirname(path: string): string;
}

async function makeFolder(path: string): Promise<void> {
  const { mkdirSync } = await loadBuiltin("node:fs") as Files;
  const { dirname } = await loadBuiltin("node:path") as Paths;
  mkdirSync(dirname(path), { recursive: true });
}
