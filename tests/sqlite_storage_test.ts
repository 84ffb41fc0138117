import { test } from "uvu";
import { equal, is, match, ok, throws } from "uvu/assert";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import type { JobState, JobStorage, NewJob, Settlement } from "../src/jobs/mod.ts";
import { delay } from "../mod.ts";
import { sqlite } from "../src/jobs/sqlite/mod.ts";
import { Database } from "../src/jobs/sqlite/_database.ts";
import { loadDriver } from "../src/jobs/sqlite/_driver.ts";
import { FakeClock, FakeJobStorage, jobStorageContract, testContext } from "../src/testing/mod.ts";
import { guard } from "./_guard.ts";

guard(test);

const folder = mkdtempSync(join(realpathSync(tmpdir()), "runhost-sqlite-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newFile = (): string => join(folder, `${++files}`, "jobs.db");

async function opened(storage: JobStorage): Promise<JobStorage> {
  await storage.start(new AbortController().signal, testContext({ name: "jobs" }));
  return storage;
}

function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return {
    id,
    name: "a",
    queue: "q",
    priority: 0,
    input: "1",
    headers: {},
    keyUntil: "started",
    parents: [],
    parentsOn: "succeeded",
    ...more,
  };
}

const take = { queue: "q", names: ["a", "b"], max: 10, server: "s", holdTimeout: 1_000 };

/** A source of chance that plays the same each time. */
function chance(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor(seed / 65_536) % below;
  };
}

/** As JSON has it: what is not set is left out. */
const plain = (value: unknown): unknown =>
  value === undefined ? null : JSON.parse(JSON.stringify(value));

/** What a call comes to. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return plain(await call);
  } catch (error) {
    return `${error}`;
  }
}

test("sqlite() answers what the storage in memory answers, whatever is asked", async () => {
  const runs = Number(process.env["FUZZ_RUNS"] ?? 12);
  for (let run = 0; run < runs; run++) {
    const seed = Number(process.env["FUZZ_SEED"] ?? run + 1);
    const pick = chance(seed);
    const clock = new FakeClock();
    const epoch = Date.UTC(2026, 0, 1);
    const fake = await opened(new FakeJobStorage({ clock, epoch }));
    const ours = await opened(sqlite(":memory:", { now: () => epoch + clock.now() }));
    const both = async (
      what: string,
      ask: (it: JobStorage) => Promise<unknown>,
    ): Promise<unknown> => {
      const expected = await outcome(ask(fake));
      equal(await outcome(ask(ours)), expected, `seed ${seed}: ${what}`);
      return expected;
    };
    const ids = Array.from({ length: 12 }, (_, index) => `j${index}`);
    const some = (): string => ids[pick(ids.length)] as string;
    let held: { id: string; token: number }[] = [];
    for (let step = 0; step < 120; step++) {
      const random = (): NewJob =>
        job(some(), {
          name: pick(2) ? "a" : "b",
          queue: pick(5) ? "q" : "r",
          priority: pick(3),
          input: `"text ${pick(3)}"`,
          headers: pick(3) ? {} : { trace: "1" },
          delay: pick(3) ? undefined : pick(300),
          key: pick(3) ? undefined : `k${pick(2)}`,
          keyUntil: pick(2) ? "started" : "ended",
          parents: pick(3) ? [] : [...new Set([some(), some()])],
          parentsOn: pick(2) ? "succeeded" : "ended",
          recurring: pick(4) ? undefined : "r",
        });
      const hold = held[pick(Math.max(1, held.length))] ?? { id: some(), token: 1 };
      switch (pick(17)) {
        case 0:
        case 1:
        case 2: {
          const made = random();
          const whole = made.parents.includes(made.id) ? { ...made, parents: [] } : made;
          await both(`add ${JSON.stringify(whole)}`, (it) => it.add([whole]));
          break;
        }
        case 3:
        case 4: {
          const max = 1 + pick(4);
          const taken = await both(`take ${max}`, (it) => it.take({ ...take, max }));
          held.push(...(taken as { jobs: typeof held }).jobs);
          break;
        }
        case 5:
        case 6:
        case 7: {
          const settlement = ([
            { state: "succeeded", result: "2", error: pick(2) ? "odd" : undefined },
            { state: "failed", error: "no" },
            { state: "scheduled", delay: pick(200), error: "again" },
            { state: "enqueued" },
          ] as Settlement[])[pick(4)] as Settlement;
          await both(
            `settle ${JSON.stringify([hold, settlement])}`,
            (it) => it.settle(hold, settlement),
          );
          if (pick(3)) held = held.filter((it) => it !== hold);
          break;
        }
        case 8:
          await both("extend", (it) => it.extend([hold], 500));
          break;
        case 9: {
          const note = {
            progress: pick(2) ? `${pick(9)}` : undefined,
            log: [{ at: 1, text: "x" }],
          };
          await both("note", (it) => it.note(hold, note));
          break;
        }
        case 10: {
          const id = some();
          await both(`cancel ${id}`, (it) => it.cancel([id, "nobody"]));
          break;
        }
        case 11: {
          const id = some();
          await both(`requeue ${id}`, (it) => it.requeue([id]));
          break;
        }
        case 12: {
          const paused = pick(3) === 0;
          await both("pause", (it) => it.pause("q", paused));
          break;
        }
        case 13:
          await clock.advance(pick(400));
          break;
        case 14:
          await both(
            "purge",
            (it) => it.purge({ succeeded: 300, failed: 500, cancelled: 300 }, 100),
          );
          break;
        case 15: {
          const overlap = pick(2) === 0;
          const it = { ...recurringJob, overlap, nextAt: epoch + pick(3) };
          await both("putRecurring", (storage) => storage.putRecurring(it));
          break;
        }
        default: {
          const made = { ...random(), parents: [] };
          const seenAt = epoch + pick(3);
          const nextAt = pick(4) ? epoch + pick(3) : undefined;
          const firing = { id: "r", seenAt, nextAt, job: pick(4) ? made : undefined };
          if (pick(2)) await both("fire", (it) => it.fireRecurring(firing));
          else await both("trigger", (it) => it.triggerRecurring("r", made));
        }
      }
      // What is due counts as enqueued with the next take at the latest: the one in memory lets it go on when it is read.
      for (const id of ids) await both(`get ${id}`, (it) => it.get(id));
      await both("queues", (it) => it.queues());
      await both("recurring", (it) => it.recurring());
      await both("requests", (it) => it.cancelRequests("s"));
      const state =
        (["enqueued", "scheduled", "failed", "cancelled"] as JobState[])[pick(4)] as JobState;
      const filter = [
        {},
        { state },
        { state: [state, "succeeded" as const], queue: "q" },
        { search: "TEXT 1" },
        { recurring: "r", job: "a" },
        { from: epoch + 200, to: epoch + 2_000 },
      ][pick(6)] as object;
      await both(`list ${JSON.stringify(filter)}`, async (it) => {
        const ids = [];
        let after: string | undefined;
        do {
          const page = await it.list(filter, 2, after);
          ids.push(...page.jobs);
          after = page.next;
        } while (after !== undefined);
        return ids;
      });
      const lost = (await Promise.all([fake, ours].map((it) => it.expired(["a", "b"], 100))))
        .map((them) => them.map((it) => `${it.id} ${it.token}`).sort());
      equal(lost[1], lost[0]);
    }
    await ours.stop();
  }
});

const recurringJob = {
  id: "r",
  job: "a",
  queue: "q",
  priority: 0,
  input: "1",
  keyUntil: "ended" as const,
  overlap: false,
  pattern: "* * * * *",
  missed: "skip" as const,
};

test("sqlite() keeps jobs in a file, whose folder it makes", async () => {
  const path = newFile();
  const first = await opened(sqlite(path));
  equal(await first.add([job("1")]), [{ id: "1", added: true }]);
  await first.stop();
  const second = await opened(sqlite(path));
  equal((await second.get("1"))?.state, "enqueued");
  await second.stop();
});

test("sqlite() takes the turn's calls together, and one that fails fails alone", async () => {
  const storage = await opened(sqlite(newFile()));
  const ends = await Promise.allSettled([
    storage.add([job("1")]),
    storage.add([job("2"), job("3", { parents: ["nobody"] })]),
    storage.add([job("4")]),
  ]);
  equal(ends.map((it) => it.status), ["fulfilled", "rejected", "fulfilled"]);
  equal((await storage.list({}, 9)).jobs.map((it) => it.id), ["4", "1"]);
  await storage.stop();
});

/** Opens a file as a program does, to have tables of its own in it. */
interface Own {
  exec(sql: string): unknown;
  prepare(sql: string): { run(): unknown; get(...values: unknown[]): unknown };
  close(): void;
}

async function own(path: string): Promise<Own> {
  return (await loadDriver())(path) as Own;
}

for (
  const { name, run } of jobStorageContract(async () => {
    const path = newFile();
    return {
      open: () => sqlite(path, { synchronous: "normal" }),
      async transaction(work: (transaction: unknown) => Promise<void>) {
        const db = await own(path);
        try {
          db.exec("pragma busy_timeout = 1000");
          db.exec("begin immediate");
          await work(db);
          db.exec("commit");
        } catch (error) {
          db.exec("rollback");
          throw error;
        } finally {
          db.close();
        }
      },
      async renew() {
        const db = await own(path);
        db.exec("update runhost_version set version = 99");
        db.close();
      },
    };
  }, { can: ["transactions", "versions"], holdTimeout: 100 })
) {
  test(`sqlite() as a storage: ${name}`, run);
}

test("sqlite() takes a transaction on its own file alone", async () => {
  const path = newFile();
  const storage = await opened(sqlite(path));
  const other = await own(":memory:");
  await rejects(
    storage.add([job("1")], other),
    /Cannot enqueue in a transaction: its connection is to memory/,
  );
  await rejects(storage.add([job("1")], {}), /Cannot use transaction: expected a connection/);
  other.close();
  await storage.stop();
});

test("sqlite() wakes those who wait for a transaction of the program's own", async () => {
  const path = newFile();
  const storage = await opened(sqlite(path));
  const db = await own(path);
  const woken = new Promise<void>((resolve) => storage.onWake(() => resolve()));
  db.exec("begin");
  await storage.add([job("1")], db);
  equal(await storage.get("1"), undefined);
  db.exec("commit");
  await woken;
  equal((await storage.get("1"))?.state, "enqueued");
  db.close();
  await storage.stop();
});

test("sqlite() waits for another's transaction while all else goes on", async () => {
  const path = newFile();
  const storage = await opened(sqlite(path));
  const db = await own(path);
  db.exec("begin immediate");
  let added = false;
  const adding = storage.add([job("1")]).then(() => added = true);
  for (let turn = 0; turn < 5; turn++) await delay(5);
  is(added, false);
  db.exec("commit");
  await adding;
  db.close();
  await storage.stop();
});

test("sqlite() says which file was locked for 30 s, and takes up after that", async () => {
  const path = newFile();
  const storage = await opened(sqlite(path));
  const db = await own(path);
  db.exec("begin immediate");
  const { now } = performance;
  const began = now.call(performance);
  // Only what time it is for who waits; the rest of the world goes on.
  performance.now = () => began + 200 * (now.call(performance) - began);
  try {
    await rejects(
      storage.add([job("1")]),
      /Cannot use SQLite file ".*jobs.db": it is locked by another process .* for \d+ s/,
    );
  } finally {
    performance.now = now;
  }
  db.exec("commit");
  await storage.add([job("2")]);
  equal((await storage.list({}, 9)).jobs.map((it) => it.id), ["2"]);
  db.close();
  await storage.stop();
});

test("sqlite() ends the wait of a start that is cancelled", async () => {
  const path = newFile();
  await (await opened(sqlite(path))).stop();
  const db = await own(path);
  db.exec("begin exclusive");
  const controller = new AbortController();
  const storage = sqlite(path);
  const starting = storage.start(controller.signal, testContext({ name: "jobs" }));
  await delay(30);
  controller.abort(new Error("Enough"));
  await rejects(starting, /Enough/);
  db.exec("commit");
  db.close();
  await opened(storage);
  await storage.stop();
});

test("sqlite() is opened by the first who starts it, and closed by the last who stops it", async () => {
  const storage = sqlite(newFile());
  await rejects(storage.get("1"), /is not open/);
  await Promise.all([opened(storage), opened(storage)]);
  await storage.stop();
  await storage.add([job("1")]);
  const late = storage.add([job("2")]);
  await storage.stop();
  await late; // what was asked for before the stop is stored
  await rejects(storage.add([job("3")]), /Cannot use SQLite file ".*": it is not open/);
  await opened(storage);
  equal((await storage.list({}, 9)).jobs.length, 2);
  await storage.stop();
});

test("sqlite() refuses the tables of a newer version, and leaves them", async () => {
  const path = newFile();
  await (await opened(sqlite(path))).stop();
  const db = await own(path);
  db.exec("update runhost_version set version = 99");
  db.close();
  const error = await rejects(opened(sqlite(path)), /its tables are of version 99/);
  is((error as { code?: string }).code, "ERR_STORAGE_VERSION");
});

test("sqlite() makes the tables of a program's file, whose version stays its own", async () => {
  const path = newFile();
  mkdirSync(dirname(path), { recursive: true });
  const db = await own(path);
  db.exec("create table orders (id text); pragma user_version = 7");
  const storage = await opened(sqlite(path));
  await storage.add([job("1")]);
  await storage.stop();
  equal({ ...db.prepare("pragma user_version").get() as { user_version: number } }.user_version, 7);
  db.close();
});

test("sqlite() says what is no database", async () => {
  const path = newFile();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "Not a database at all, but long enough to be looked at.".repeat(100));
  await rejects(
    opened(sqlite(path)),
    /Cannot use SQLite file ".*jobs.db": .*not a database: this is another file/,
  );
});

test("sqlite() says what cannot be opened, or made", async () => {
  const path = newFile();
  mkdirSync(path, { recursive: true }); // a folder, which root cannot open as a file either
  const advice = /Cannot use SQLite file ".*": .*: let this process read and write/;
  await rejects(opened(sqlite(path)), advice);
  writeFileSync(join(path, "file"), "");
  await rejects(opened(sqlite(join(path, "file", "jobs.db"))), advice);
});

test("sqlite() says that a folder cannot be written", async () => {
  const path = newFile();
  mkdirSync(dirname(path), { recursive: true });
  if (!mounted("a folder that cannot be written", dirname(path), "ro")) return;
  try {
    await rejects(opened(sqlite(path)), /Cannot use SQLite file ".*": .*: let this process/);
  } finally {
    execFileSync("umount", ["-l", dirname(path)]);
  }
});

test("sqlite() says that the disk is full; what was confirmed is there, what rejected is not", async () => {
  const path = newFile();
  mkdirSync(dirname(path), { recursive: true });
  if (!mounted("a full disk", dirname(path), "size=1m")) return;
  try {
    const storage = await opened(sqlite(path));
    const input = JSON.stringify("x".repeat(50_000));
    const stored: string[] = [];
    let failure: unknown;
    for (let round = 0; round < 100 && !failure; round++) {
      const ids = [0, 1, 2].map((it) => `${round}-${it}`);
      const ends = await Promise.allSettled(ids.map((id) => storage.add([job(id, { input })])));
      for (const [index, end] of ends.entries()) {
        if (end.status === "fulfilled") stored.push(ids[index] as string);
        else failure ??= end.reason;
      }
    }
    match(`${failure}`, /Cannot use SQLite file ".*": .*disk is full: make room/);
    const left = (await storage.list({}, 1_000)).jobs.map((it) => it.id);
    equal(left.sort(), stored.sort());
    await storage.stop();
  } finally {
    execFileSync("umount", ["-l", dirname(path)]);
  }
});

/** Mounts a disk of its own, where that is possible. */
function mounted(what: string, folder: string, options: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "pipe" });
    return true;
  } catch (error) {
    console.log(`\nNOT TESTED: ${what}; nothing can be mounted here: ${error}`);
    return false;
  }
}

test("sqlite() finds jobs by its indexes, whatever it does", async () => {
  const statements = new Set<string>();
  const { get, all, run } = Database.prototype;
  const noted = <T extends (sql: string, ...values: never[]) => unknown>(method: T): T =>
    function (this: Database, sql: string, ...values: never[]) {
      statements.add(sql);
      return method.call(this, sql, ...values);
    } as T;
  Object.assign(Database.prototype, { get: noted(get), all: noted(all), run: noted(run) });
  const path = newFile();
  const storage = await opened(sqlite(path));
  try {
    await storage.add([
      job("1"),
      job("2", { key: "k" }),
      job("3", { parents: ["1"] }),
      job("4", { delay: 60_000 }),
    ]);
    const { jobs: [first] } = await storage.take({ ...take, max: 1 });
    await storage.extend([first!], 10);
    await storage.note(first!, { progress: "1", log: [{ at: 1, text: "x" }] });
    await storage.expired(["a"], 5);
    await storage.cancelRequests("s");
    await storage.cancel(["2"]);
    await storage.settle(first!, { state: "failed", error: "No" });
    await storage.requeue(["1", "2", "4"]);
    await storage.cancel(["1"]);
    await storage.get("1");
    await storage.queues();
    for (const state of ["failed", "enqueued", undefined] as const) {
      await storage.list({ state }, 5);
    }
    await storage.list({ recurring: "r" }, 5);
    await storage.putRecurring(recurringJob);
    await storage.triggerRecurring("r", job("5"));
    await storage.recurring();
    await storage.purge({ succeeded: 0, failed: 0, cancelled: 0 }, 10);
  } finally {
    Object.assign(Database.prototype, { get, all, run });
  }
  const db = (await loadDriver())(path);
  let plans = 0;
  for (const sql of statements) {
    if (!/runhost_jobs/.test(sql) || !/^(select|update|delete)/.test(sql)) continue;
    const rows = db.prepare(`explain query plan ${sql}`).all(
      ...sql.match(/\?/g)?.map(() => 0) ?? [],
    );
    const plan = rows.map((it) => (it as { detail: string }).detail).join("; ");
    plans++;
    is(/SCAN (runhost_jobs|job|child)\b/.test(plan), false, `${sql}\n${plan}`);
    // All that are in a state may be a million: only a list, which takes some at a time, goes along them.
    is(/runhost_jobs_state/.test(plan) && !/ as hit/.test(sql), false, `${sql}\n${plan}`);
    if (/order by priority/.test(sql)) {
      match(plan, /^SEARCH \w+ USING COVERING INDEX \w+_next [^;]*$/);
    }
  }
  ok(plans >= 20, `${plans} plans`);
  db.close();
  await storage.stop();
});

test("sqlite() does as much at the end of a job, however many others the one after it awaits", async () => {
  const storage = await opened(sqlite(":memory:"));
  const { get, all, run } = Database.prototype;
  let count = 0;
  const counted = <T extends (sql: string, ...values: never[]) => unknown>(method: T): T =>
    function (this: Database, sql: string, ...values: never[]) {
      count++;
      return method.call(this, sql, ...values);
    } as T;
  const counts: number[] = [];
  try {
    for (const queue of ["10", "500"]) {
      const parents = Array.from({ length: Number(queue) }, (_, i) => `${queue} ${i}`);
      await storage.add(parents.map((id) => job(id, { queue })));
      await storage.add([job(`after ${queue}`, { queue, parents })]);
      const { jobs } = await storage.take({ ...take, queue, max: 1_000, holdTimeout: 60_000 });
      const [first, ...others] = jobs;
      Object.assign(Database.prototype, {
        get: counted(get),
        all: counted(all),
        run: counted(run),
      });
      count = 0;
      await storage.settle(first!, { state: "succeeded" });
      counts.push(count);
      Object.assign(Database.prototype, { get, all, run });
      for (const it of others) {
        is((await storage.get(`after ${queue}`))?.state, "awaiting");
        await storage.settle(it, { state: "succeeded" });
      }
      is((await storage.get(`after ${queue}`))?.state, "enqueued");
    }
    is(counts[0], counts[1]);
  } finally {
    Object.assign(Database.prototype, { get, all, run });
    await storage.stop();
  }
});

test("sqlite() refuses options that it cannot use", () => {
  for (const path of ["", "a\0b.db"]) {
    throws(() => sqlite(path), /Cannot use the path of sqlite\(\): expected a path/);
  }
  throws(
    () => sqlite("x", { synchronous: "off" as never }),
    /synchronous: expected full or normal/,
  );
  throws(() => sqlite("x", { now: 5 as never }), /now: expected function, got number 5/);
});

/** Waits for a rejection, and gives what it is. */
async function rejects(call: Promise<unknown>, pattern: RegExp): Promise<unknown> {
  const [end] = await Promise.allSettled([call]);
  if (end.status === "fulfilled") throw new Error(`Did not reject, as ${pattern}`);
  match(`${end.reason}`, pattern);
  return end.reason;
}

test.run();
