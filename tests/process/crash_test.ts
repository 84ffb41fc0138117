/** The short form of `npm run test:crash`, and whether its audit sees what it has to see. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit, type Evidence } from "../crash/_audit.ts";
import { crashRun } from "../crash/_crash_run.ts";
import type { AttemptRecord, JobRecord } from "../../src/jobs/mod.ts";

const test = suite("crash");

test("no job is lost, and none runs again that has ended, while processes of one SQLite file are killed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "runhost-crash-"));
  const victims = ["server", "client", "server"] as const;
  let kills = 0;
  const report = await crashRun({
    address: join(folder, "jobs.db"),
    folder,
    jobs: 200,
    rest: 50,
    holdTimeout: 1_000,
    async disturb(crew) {
      await sleep(20);
      const victim = victims[kills];
      if (!victim || crew.acknowledged.length < 40 * (kills + 1)) return;
      kills++;
      await crew.kill(victim);
    },
  });
  assert.equal(report.faults, [], folder);
  assert.is(report.acknowledged, 200);
  assert.equal(report.kills, { server: 2, client: 1 });
  assert.equal(report.exits, [0, 0, 0, 0, 0]);
  rmSync(folder, { recursive: true });
});

const attempt = (number: number, state: AttemptRecord["state"]): AttemptRecord => ({
  attempt: number,
  startedAt: 0,
  endedAt: 1,
  server: "id",
  state,
});

/** A run in which job `a` was done at once, and `b` in its second attempt, after its server was killed. */
function evidence({ log, job = {}, ...changes }: {
  readonly log?: readonly string[];
  readonly job?: Partial<JobRecord>;
} & Partial<Omit<Evidence, "log">> = {}): Evidence {
  const a = { id: "a", state: "succeeded", attempt: 1, attempts: [attempt(1, "succeeded")] };
  const b = {
    ...{ id: "b", state: "succeeded", attempt: 2 },
    ...{ attempts: [attempt(1, "scheduled"), attempt(2, "succeeded")] },
    ...job,
  };
  const none = { awaiting: 0, scheduled: 0, enqueued: 0, processing: 0, failed: 0, cancelled: 0 };
  return {
    acknowledged: ["a", "b"],
    log: log ??
      ["begin a 1 x", "end a 1 x", "begin b 1 x", "end b 1 x", "begin b 2 y", "end b 2 y"],
    jobs: [a, b] as unknown as JobRecord[],
    counts: { ...none, succeeded: 2 },
    killed: new Set(["x"]),
    ...changes,
  };
}

test("the audit takes what may be: what was done again had a killed server, or was lost or given back by a living one", () => {
  assert.equal(audit(evidence()), {
    ...{ faults: [], doneAgain: 1, inKilledHands: 1, lost: 0, unheard: 0 },
  });
  const log = ["begin a 1 x", "end a 1 x", "begin b 1 x", "lost b 1 x", "begin b 2 y", "end b 2 y"];
  assert.equal(audit(evidence({ log, killed: new Set(), acknowledged: ["a"] })), {
    ...{ faults: [], doneAgain: 0, inKilledHands: 0, lost: 1, unheard: 1 },
  });
  const attempts = [attempt(1, "enqueued"), attempt(1, "scheduled"), attempt(2, "succeeded")];
  assert.equal(
    audit(evidence({ log: ["begin b 1 z", "lost b 1 z", ...evidence().log], job: { attempts } }))
      .faults,
    [],
  );
});

const faults: Readonly<Record<string, readonly [Evidence, RegExp]>> = {
  "a job that is gone": [evidence({ acknowledged: ["a", "b", "c"] }), /c was acknowledged, and is/],
  "an id that was given twice": [evidence({ acknowledged: ["a", "a", "b"] }), /twice/],
  "a job that has not ended": [evidence({ job: { state: "enqueued" } }), /b is enqueued/],
  "a job that never ran": [evidence({ log: ["begin a 1 x", "end a 1 x"] }), /b has not run/],
  "a job that ran though it was done": [
    evidence({ killed: new Set() }),
    /b: attempt 1 was done by x, which lived/,
  ],
  "a job that ran after its end": [
    evidence({ log: [...evidence().log, "begin a 1 z"] }),
    /a has begun again after its end/,
  ],
  "an attempt of which the store knows nothing": [
    evidence({ log: [...evidence().log, "begin b 3 z"] }),
    /b has begun attempt 3 of 2/,
  ],
  "an attempt that two servers made": [
    evidence({ log: ["begin b 2 z", ...evidence().log] }),
    /b has begun attempt 2 2 times/,
  ],
  "counts that are not those of the list": [
    evidence({ jobs: evidence().jobs.slice(1), acknowledged: ["b"] }),
    /counts 2 succeeded, and lists 1/,
  ],
  "a record that does not end with the end": [
    evidence({ job: { attempts: [attempt(1, "scheduled")] } }),
    /its record ends with scheduled/,
  ],
};

for (const [what, [given, message]] of Object.entries(faults)) {
  test(`the audit sees ${what}`, () => {
    assert.match(audit(given).faults.join("\n"), message);
  });
}

test.run();
