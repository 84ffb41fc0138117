import { test } from "uvu";
import { equal } from "uvu/assert";
import * as assert from "uvu/assert";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { JobState, JobStorage, NewJob, Settlement } from "../src/jobs/mod.ts";
import { sqlite } from "../src/jobs/sqlite/mod.ts";
import { FakeClock, FakeJobStorage, testContext } from "../src/testing/mod.ts";
import { guard } from "./_guard.ts";

guard(test);

const folder = mkdtempSync(join(realpathSync(tmpdir()), "runhost-sqlite-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newFile = (): string => join(folder, `${++files}`, "jobs.db");

async function opened(storage: JobStorage): Promise<JobStorage> {
  await storage.start(new AbortController().signal, testContext("jobs"));
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
  const runs = Number(process.env["FUZZ_RUNS"] ?? 40);
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

void assert;
void writeFileSync;
test.run();
