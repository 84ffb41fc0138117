/** Job servers and their clients, in processes that share a SQLite file, when the file or one of them fails. */
import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../crash/_audit.ts";
import { allJobs, isDone, runtimes } from "../crash/_crash_run.ts";
import { readLines } from "../crash/_lines.ts";
import { createHost } from "../../mod.ts";
import { type JobClient, jobClient } from "../../src/jobs/mod.ts";
import { loadDriver } from "../../src/jobs/sqlite/_driver.ts";
import { sqlite } from "../../src/jobs/sqlite/mod.ts";
import { everySecond, slow } from "./fixtures/_slow_and_tick.ts";
import { beside } from "./_lanes.ts";
import { pass, Program } from "./_program.ts";
import { fixture, newestNode, node, node22, root, tsx } from "./_runtimes.ts";

const test = suite("job faults");
const temporary = mkdtempSync(join(tmpdir(), "runhost-job-faults-"));
test.after(() => rmSync(temporary, { recursive: true }));

let folders = 0;
function newFolder(): string {
  const folder = join(temporary, `${++folders}`);
  mkdirSync(folder);
  return folder;
}

const crash = (name: string): string => fileURLToPath(new URL(`../crash/${name}`, import.meta.url));

/** Lets a client of this process work on a file. */
async function asClient<T>(path: string, work: (client: JobClient) => Promise<T>): Promise<T> {
  const client = jobClient("client", { storage: sqlite(path) });
  const host = createHost([client], { logger: false });
  await host.start();
  try {
    return await work(client);
  } finally {
    await host.stop();
  }
}

/** Takes what is left of a disk, in small pieces: others may take some of it at the same time. */
function fill(disk: string): void {
  const file = openSync(join(disk, "filler"), "a");
  try {
    for (;;) writeSync(file, new Uint8Array(4_096));
  } catch { // it is full
  } finally {
    closeSync(file);
  }
}

/** A server and a client of the crash runs, whose file is in one folder and whose notes are in another. */
class Pair {
  readonly path: string;
  readonly server: Program;
  readonly client: Program;
  readonly #notes: string = newFolder();

  constructor(runtime: string, folder: string, jobs: number, holdTimeout: number) {
    this.path = join(folder, "jobs.db");
    const command = runtimes[runtime]!;
    const [log, acknowledged] = [join(this.#notes, "log"), join(this.#notes, "acknowledged")];
    this.server = new Program([
      ...command,
      crash("server.ts"),
      this.path,
      log,
      "server",
      `${holdTimeout}`,
    ]);
    this.client = new Program(
      [...command, crash("client.ts"), this.path, acknowledged, `${jobs}`, "20", "stored"],
    );
  }

  get acknowledged(): string[] {
    return readLines(join(this.#notes, "acknowledged"));
  }

  /** Waits until the client was told of so many jobs that they are stored. */
  async stored(count: number): Promise<void> {
    while (this.acknowledged.length < count) await sleep(20);
  }

  /** Waits until all is done, stops the server, and looks for what was lost. */
  async end(): Promise<void> {
    const { exit, stderr } = await this.client.ending;
    assert.is(exit, 0, stderr.join("\n"));
    const faults = await asClient(this.path, async (client) => {
      while (!await isDone(client)) await sleep(50);
      this.server.send("SIGTERM");
      assert.is((await this.server.ending).exit, 0);
      return audit({
        acknowledged: this.acknowledged,
        log: readLines(join(this.#notes, "log")),
        jobs: await allJobs(client),
        counts: await client.counts(),
        killed: new Set(),
      }).faults;
    });
    assert.equal(faults, []);
  }
}

for (const [runtime, command] of Object.entries(runtimes)) {
  beside(
    test,
    `${runtime}: a server that slept over a schedule makes no job of it twice`,
    async () => {
      const path = join(newFolder(), "jobs.db");
      const first = await asClient(path, async (client) => {
        await client.addOrUpdate("everySecond", everySecond);
        await client.enqueue(slow, null, { id: "slow" });
        return (await client.recurring())[0]!.nextAt!;
      });
      const start = (): Program =>
        new Program([...command, fixture("job_schedule.ts"), path, "0", "1000"]);
      const sleeper = start();
      await sleeper.prints("slow: attempt 1");
      const other = start();
      await other.prints("ready");
      sleeper.send("SIGSTOP");
      const before = other.stdout.filter((it) => it === "tick").length;
      await other.prints("slow: attempt 2");
      await other.prints("tick", before + 3);
      sleeper.send("SIGCONT");
      await sleeper.prints("lost");
      await sleeper.prints("slow: aborted");
      await other.prints("tick", before + 5);
      for (const server of [sleeper, other]) {
        server.send("SIGTERM");
        const { exit, stderr } = await server.ending;
        assert.is(exit, 0, stderr.join("\n"));
      }
      await asClient(path, async (client) => {
        const { attempts, result } = (await client.get("slow"))!;
        assert.is(result, '"second"');
        assert.equal(attempts.map(({ attempt, state }) => [attempt, state]), [
          [1, "scheduled"],
          [2, "succeeded"],
        ]);
        const { jobs } = await client.list({ recurring: "everySecond", limit: 1_000 });
        const { nextAt } = (await client.recurring())[0]!;
        // At most one for each second that has passed: of those that nobody was there for, one counts.
        assert.ok(jobs.length <= (nextAt! - first) / 1_000, `${jobs.length} jobs`);
        assert.ok(jobs.length >= before + 5);
        assert.equal(jobs.filter(({ attempts }) => attempts.length > 1), []);
      });
    },
  );

  beside(
    test,
    `${runtime}: a file that another process holds for 2 s keeps all waiting`,
    async () => {
      const folder = newFolder();
      const connection = (await loadDriver())(join(folder, "jobs.db"));
      connection.exec("pragma busy_timeout = 5000");
      const pair = new Pair(runtime, folder, 200, 15_000);
      await pair.stored(20);
      connection.exec("begin exclusive");
      await pass(2_000);
      const count = "select count(*) as count from runhost_jobs";
      const { count: then } = connection.prepare(count).get() as { count: number };
      assert.ok(then < 200, `${then} jobs`);
      connection.exec("commit");
      connection.close();
      await pair.end();
      assert.equal((await pair.client.ending).stderr, []);
      assert.equal((await pair.server.ending).stderr, []);
    },
  );

  beside(
    test,
    `${runtime}: a full disk is told, and nothing is lost when there is room again`,
    async () => {
      const folder = newFolder();
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], {
          stdio: "pipe",
        });
      } catch (error) {
        console.log(`\nNOT TESTED: a full disk; nothing can be mounted here: ${error}`);
        return;
      }
      try {
        const pair = new Pair(runtime, folder, 100, 1_000);
        await pair.stored(20);
        fill(folder);
        const advice = `Cannot use SQLite file "${pair.path}"`;
        await pair.client.warns(advice);
        await pair.server.warns(advice);
        rmSync(join(folder, "filler"));
        await pair.end();
        const told = [...pair.client.stderr, ...pair.server.stderr];
        assert.equal(
          told.filter((it) => it.includes(advice) && !it.includes(": make room on")),
          [],
        );
      } finally {
        execFileSync("umount", ["-l", folder]);
      }
    },
  );
}

test("a folder that this user cannot write ends a server and a client with what to do", async () => {
  const folder = newFolder();
  chmodSync(temporary, 0o755);
  chmodSync(folder, 0o555);
  // Root may write anywhere.
  const nobody = process.getuid?.() === 0
    ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    : [];
  for (const program of ["server.ts", "client.ts"]) {
    const path = join(folder, "jobs.db");
    const { exit, stderr } = await new Program(
      [...nobody, ...node.command, crash(program), path, "/dev/null", "1", "1000"],
    ).ending;
    assert.is(exit, 1, stderr.join("\n"));
    assert.match(
      stderr.join("\n"),
      new RegExp(`Cannot use SQLite file "${path}": .*: let this process`),
    );
  }
});

// On Node 20 the tests run on libsql; these have `node:sqlite`.
for (const [name, binary] of Object.entries({ "Node 22": node22, "the newest Node": newestNode })) {
  if (!binary) continue;
  beside(test, `${name} passes the tests of the SQLite storage`, async () => {
    const { exit, stdout, stderr } = await new Program(
      [binary, tsx, "tests/run.ts", "sqlite_storage"],
      { cwd: root, limit: 240_000 },
    ).ending;
    assert.is(exit, 0, [...stdout, ...stderr].join("\n"));
    assert.match(stdout.at(-1)!, /^\d{3} passed, 0 failed$/);
  });
}

test.run();
