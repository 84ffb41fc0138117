import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  defineJob,
  type Hold,
  type JobClient,
  jobClient,
  type JobEvent,
  JobFailedError,
  type JobNote,
  type JobServer,
  jobServer,
  type JobServerOptions,
  type Taken,
  type TakeOptions,
} from "../src/jobs/mod.ts";
import { FakeClock, FakeJobStorage, quiet } from "../src/testing/mod.ts";
import type { HostedService } from "../src/types.ts";
import { createHost, type Host } from "../mod.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";

guard(test);

interface Bench {
  readonly clock: FakeClock;
  readonly storage: FakeJobStorage;
  readonly lines: Lines;
  readonly host: Host;
  readonly jobs: JobServer & HostedService;
  readonly events: JobEvent[];
}

/** A host with a job server that has started, on a clock that stands still. */
async function started(
  // deno-lint-ignore no-explicit-any -- of any recurring jobs
  options: Omit<JobServerOptions<any>, "storage">,
  given: { readonly storage?: FakeJobStorage; readonly clock?: FakeClock } = {},
): Promise<Bench> {
  const clock = given.clock ?? new FakeClock();
  const storage = given.storage ?? new FakeJobStorage({ clock });
  const lines = new Lines();
  const events: JobEvent[] = [];
  const jobs = jobServer("jobs", { random: () => 0, ...options, storage });
  jobs.subscribe((event) => events.push(event));
  const host = createHost([jobs], { clock, logger: lines, hostLifetime: false });
  await host.start();
  await quiet();
  return { clock, storage, lines, host, jobs, events };
}

/** Expects a call to reject with a message. */
async function rejects(call: () => Promise<unknown>, message: RegExp): Promise<void> {
  const error = await call().then(() => undefined, (error) => error as Error);
  assert.match(error?.message ?? "It has fulfilled", message);
}

/** Waits until a server has nothing to do, which it knows by a timer of its clock. */
async function idle(jobs: JobServer, clock: FakeClock): Promise<void> {
  let isIdle = false;
  const waited = jobs.onIdle({ quiet: 20 }).then(() => (isIdle = true));
  while (!isIdle) {
    await quiet();
    await clock.advance(1);
  }
  await waited;
}

const states = async (jobs: JobClient, ...ids: string[]): Promise<unknown[]> =>
  await Promise.all(ids.map(async (id) => (await jobs.get(id))?.state));

test("jobServer() runs what is enqueued, and keeps what it returns", async () => {
  const add = defineJob("add", { execute: ([a, b]: readonly [number, number]) => a + b });
  const { jobs, host, events } = await started({ jobs: [add] });
  const id = await jobs.enqueue(add, [1, 2]);
  assert.is(await jobs.result(id), 3);
  await quiet();
  assert.equal(events.map((it) => it.type), ["jobEnqueued", "jobStarted", "jobSucceeded"]);
  assert.is(jobs.details.succeeded, 1);
  await host.stop();
});

test("jobServer() tries a failed job again after its delay, and keeps each attempt", async () => {
  const clock = new FakeClock();
  const at: number[] = [];
  const flaky = defineJob("flaky", {
    retry: { attempts: 3, delay: 1_000, jitter: 0 },
    execute(_: null, _signal, { attempt }) {
      at.push(clock.now());
      if (attempt < 3) throw new Error(`no ${attempt}`);
      return "yes";
    },
  });
  const { jobs, host } = await started({ jobs: [flaky] }, { clock });
  const id = await jobs.enqueue(flaky, null);
  await clock.advance(10_000);
  assert.equal(at, [0, 1_000, 3_000]);
  assert.is(await jobs.result(id), "yes");
  const { attempts } = (await jobs.get(id))!;
  assert.equal(attempts.map((it) => [it.attempt, it.state]), [
    [1, "scheduled"],
    [2, "scheduled"],
    [3, "succeeded"],
  ]);
  assert.match(attempts[0]!.error!, "no 1");
  await host.stop();
});

test("jobServer() ends a job as failed where its last attempt ends, and requeue gives it all of them again", async () => {
  let runs = 0;
  const bad = defineJob("bad", {
    retry: { attempts: 2, delay: 10 },
    execute() {
      runs++;
      throw new Error("never");
    },
  });
  const { jobs, host, clock, events, lines } = await started({ jobs: [bad] });
  const id = await jobs.enqueue(bad, undefined);
  await clock.advance(100);
  assert.equal(await states(jobs, id), ["failed"]);
  assert.is(runs, 2);
  const error = await jobs.result(id).catch((error) => error);
  assert.instance(error, JobFailedError);
  assert.match((error as Error).message, "never");
  assert.ok(lines.all.some((it) => /error: .*"jobs" failed to handle job "bad"/.test(it)));
  assert.ok(events.some((it) => it.type === "jobFailed"));
  assert.is(await jobs.requeue(id), true);
  await clock.advance(100);
  assert.is(runs, 4);
  await host.stop();
});

test("jobServer() asks retryable, and takes false for the last attempt", async () => {
  const bad = defineJob("bad", {
    retry: { retryable: () => false },
    execute() {
      throw new Error("never");
    },
  });
  const { jobs, host } = await started({ jobs: [bad] });
  const id = await jobs.enqueue(bad, undefined);
  await quiet();
  assert.equal(await states(jobs, id), ["failed"]);
  await host.stop();
});

test("jobServer() aborts the signal of an attempt at its timeout", async () => {
  const slow = defineJob("slow", {
    timeout: 1_000,
    retry: { attempts: 1 },
    execute: (_: null, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const { jobs, host, clock } = await started({ jobs: [slow] });
  const id = await jobs.enqueue(slow, null);
  await clock.advance(2_000);
  assert.match((await jobs.get(id))!.error!, "1000 ms");
  assert.equal(await states(jobs, id), ["failed"]);
  await host.stop();
});

test("jobServer() aborts a job that runs within a second of its cancel, and it ends as cancelled", async () => {
  const slow = defineJob("slow", {
    execute: (_: null, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const { jobs, host, clock, events, lines } = await started({ jobs: [slow] });
  const id = await jobs.enqueue(slow, null);
  const after = await jobs.enqueue(slow, null, { after: id });
  const anyway = await jobs.enqueue(slow, null, { after: id, on: "ended", delay: 60_000 });
  await quiet();
  assert.is(await jobs.cancel(id), true);
  assert.equal(await states(jobs, id), ["processing"]);
  await clock.advance(1_000);
  assert.equal(await states(jobs, id, after, anyway), ["cancelled", "cancelled", "scheduled"]);
  assert.is(await jobs.cancel(id), false);
  assert.is(await jobs.cancel("nobody"), false);
  assert.ok(events.some((it) => it.type === "jobCancelled"));
  assert.not(lines.all.some((it) => /failed/.test(it)));
  await rejects(() => jobs.result(id), /cancelled/);
  await host.stop();
});

test("jobServer() counts a job as cancelled that was done after its cancel", async () => {
  const gate = new Gate();
  const deaf = defineJob("deaf", { execute: () => gate.promise });
  const { jobs, host } = await started({ jobs: [deaf] });
  const id = await jobs.enqueue(deaf, undefined);
  await quiet();
  await jobs.cancel(id);
  gate.open();
  await quiet();
  assert.equal(await states(jobs, id), ["cancelled"]);
  await host.stop();
});

test("jobServer() finishes in a stop what it has begun, and takes no more", async () => {
  const gate = new Gate();
  const done: number[] = [];
  const work = defineJob("work", {
    async execute(n: number, signal) {
      await gate.promise;
      assert.is(signal.aborted, false);
      done.push(n);
    },
  });
  const { jobs, host, storage } = await started({
    jobs: [work],
    queues: { default: { concurrency: 2 } },
  });
  await jobs.enqueueAll(work, [1, 2, 3]);
  await quiet();
  const stopped = host.stop();
  await quiet();
  gate.open();
  await stopped;
  assert.equal(done, [1, 2]);
  assert.equal((await storage.queues())[0]!.counts.enqueued, 1);
  assert.equal(await storage.servers(), []);
  assert.is(storage.opened, 0);
});

test("jobServer() gives back what the grace cuts off, and that does not count as an attempt", async () => {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock });
  const attempts: number[] = [];
  const long = defineJob("long", {
    execute: (_: null, signal, { attempt }) => {
      attempts.push(attempt);
      return new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        if (attempts.length > 1) resolve();
      });
    },
  });
  const first = await started({ jobs: [long], stopTimeout: 1_000 }, { clock, storage });
  const id = await first.jobs.enqueue(long, null);
  await quiet();
  const stopped = first.host.stop();
  await clock.advance(2_000);
  await stopped;
  assert.is((await storage.get(id))!.state, "enqueued");
  assert.is(first.jobs.details.released, 1);
  const second = await started({ jobs: [long] }, { clock, storage });
  await quiet();
  assert.equal(attempts, [1, 1]);
  await second.host.stop();
});

test("jobServer() ends a job as failed whose last attempt failed at the end of the grace", async () => {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock });
  const last = defineJob("last", {
    retry: { attempts: 1 },
    execute: (_: null, signal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("It broke off")));
      }),
  });
  const { jobs, host } = await started({ jobs: [last], stopTimeout: 1_000 }, { clock, storage });
  const id = await jobs.enqueue(last, null);
  await quiet();
  const stopped = host.stop();
  await clock.advance(2_000);
  await stopped;
  const { state, error } = (await storage.get(id))!;
  assert.is(state, "failed");
  assert.match(error!, "It broke off");
  assert.is(jobs.details.failed, 1);
});

test("jobServer() finds the jobs of a server that is gone, and the attempt counts", async () => {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock });
  let runs = 0;
  const work = defineJob("work", { retry: { delay: 100 }, execute: () => void runs++ });
  const taker = { queue: "default", names: ["work"], max: 1, server: "gone", holdTimeout: 15_000 };
  const { jobs, host, lines, events } = await started({ jobs: [] }, { clock, storage });
  const id = await jobs.enqueue(work, undefined);
  await storage.take(taker);
  await host.stop();
  const next = await started({ jobs: [work] }, { clock, storage });
  await clock.advance(14_000);
  assert.is(runs, 0);
  await clock.advance(6_100);
  assert.is(runs, 1);
  assert.is((await storage.get(id))!.attempt, 2);
  assert.is(next.jobs.details.recovered, 1);
  assert.ok(next.lines.all.some((it) => /whose server is gone/.test(it)));
  assert.equal([...lines.heads, ...events.map((it) => it.type)], ["jobEnqueued"]);
  await next.host.stop();
});

test("jobServer() ends a job as failed that killed its server in its last attempt", async () => {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock });
  const killer = defineJob("killer", { retry: { attempts: 1 }, execute() {} });
  const { jobs, host } = await started({ jobs: [] }, { clock, storage });
  const id = await jobs.enqueue(killer, undefined);
  await storage.take({
    queue: "default",
    names: ["killer"],
    max: 1,
    server: "gone",
    holdTimeout: 15_000,
  });
  await host.stop();
  const next = await started({ jobs: [killer] }, { clock, storage });
  await clock.advance(20_000);
  assert.equal(await states(next.jobs, id), ["failed"]);
  await next.host.stop();
});

test("jobServer() extends its holds, and aborts an attempt whose hold is lost", async () => {
  let reason: unknown;
  const gate = new Gate();
  const work = defineJob("work", {
    execute: async (_: null, signal) => {
      signal.addEventListener("abort", () => (reason = signal.reason));
      await gate.promise;
    },
  });
  const { jobs, host, clock, storage, events } = await started({ jobs: [work] });
  const id = await jobs.enqueue(work, null);
  await clock.advance(60_000);
  assert.equal(await states(jobs, id), ["processing"]);
  assert.is(reason, undefined);
  storage.fail("extend", new Error("away"), 1_000);
  storage.fail("expired", new Error("away"), 1_000);
  await clock.advance(20_000);
  assert.match((reason as Error).message, "15000 ms");
  storage.fail("expired", undefined, 0);
  await clock.advance(5_000); // it finds the hold that has run out, as any server would
  gate.open();
  await quiet();
  assert.ok(events.some((it) => it.type === "jobLost"));
  await host.stop();
});

test("jobServer() runs no job whose hold has run out before it was told of it", async () => {
  const clock = new FakeClock();
  let late = 0;
  class Slow extends FakeJobStorage {
    override async take(options: TakeOptions): Promise<Taken> {
      const taken = await super.take(options);
      if (taken.jobs.length > 0) {
        await new Promise<void>((resolve) => clock.setTimeout(resolve, late));
      }
      return taken;
    }
  }
  const storage = new Slow({ clock });
  const at: number[] = [];
  const work = defineJob("work", { retry: { delay: 0 }, execute: () => void at.push(clock.now()) });
  const { jobs, host, lines } = await started({ jobs: [work] }, { clock, storage });
  late = 15_000;
  const id = await jobs.enqueue(work, undefined);
  await clock.advance(14_999);
  late = 0;
  await clock.advance(10_000);
  assert.ok((at[0] as number) >= 15_000);
  assert.is(at.length, 1);
  const { attempts } = (await jobs.get(id))!;
  assert.is.not(attempts[0]!.state, "succeeded"); // by the hold that had run out
  assert.ok(
    lines.all.some((it) =>
      /has taken 15000 ms after it had asked for jobs of queue "default".*: 1$/.test(it)
    ),
  );
  await host.stop();
});

test("jobServer() takes only jobs whose names it knows", async () => {
  const known = defineJob("known", { execute() {} });
  const unknown = defineJob("unknown", { execute() {} });
  const { jobs, host } = await started({ jobs: [known] });
  const [a, b] = [await jobs.enqueue(unknown, undefined), await jobs.enqueue(known, undefined)];
  await quiet();
  assert.equal(await states(jobs, a, b), ["enqueued", "succeeded"]);
  await host.stop();
});

test("jobServer() runs no more jobs of a queue at the same time than it was told", async () => {
  let [running, most] = [0, 0];
  const gates: Gate[] = [];
  const work = defineJob("work", {
    queue: "narrow",
    async execute() {
      most = Math.max(most, ++running);
      const gate = new Gate();
      gates.push(gate);
      await gate.promise;
      running--;
    },
  });
  const { jobs, host, clock } = await started({
    jobs: [work],
    queues: { narrow: { concurrency: 3 } },
  });
  await jobs.enqueueAll(work, Array.from({ length: 10 }, () => undefined));
  for (let opened = 0; opened < 10;) {
    await quiet();
    while (opened < gates.length) gates[opened++]!.open();
  }
  await idle(jobs, clock);
  assert.is(most, 3);
  await host.stop();
});

test("jobServer() runs a job of a higher priority first", async () => {
  const order: number[] = [];
  const work = defineJob("work", { execute: (n: number) => void order.push(n) });
  const { jobs, host } = await started({
    jobs: [work],
    queues: { default: { concurrency: 1 } },
  });
  await jobs.pause("default");
  await jobs.enqueue(work, 1);
  await jobs.enqueue(work, 2, { priority: 5 });
  await jobs.enqueue(work, 3, { priority: -5 });
  await quiet();
  assert.equal(order, []);
  await jobs.resume("default");
  await quiet();
  assert.equal(order, [2, 1, 3]);
  await host.stop();
});

test("jobServer() meets the time of a delayed job", async () => {
  const clock = new FakeClock();
  const at: number[] = [];
  const work = defineJob("work", { execute: () => void at.push(clock.now()) });
  const { jobs, host } = await started({ jobs: [work] }, { clock });
  await jobs.enqueue(work, undefined, { delay: 12_345 });
  await clock.advance(20_000);
  assert.equal(at, [12_345]);
  await host.stop();
});

test("jobServer() keeps one waiting job for each key, and makes the next while it runs", async () => {
  const gates = [new Gate(), new Gate()];
  let runs = 0;
  const sync = defineJob("sync", {
    unique: { key: ({ id }: { id: number }) => `${id}` },
    execute: () => gates[runs++]!.promise,
  });
  const { jobs, host } = await started({ jobs: [sync] });
  const first = await jobs.enqueue(sync, { id: 1 });
  await quiet();
  const second = await jobs.enqueue(sync, { id: 1 }, { delay: 1_000 });
  const third = await jobs.enqueue(sync, { id: 1 });
  assert.is.not(second, first);
  assert.is(third, second);
  for (const gate of gates) gate.open();
  await host.stop();
});

test("jobServer() refuses an input twice: at the enqueue, and before it runs, where it fails without another attempt", async () => {
  let strict = false;
  const schema = {
    "~standard": {
      validate: (value: unknown) =>
        typeof value === "string" && !strict
          ? { value: value.length }
          : { issues: [{ message: "no text", path: ["to"] }] },
      types: undefined as { input: string; output: number } | undefined,
    },
  };
  const seen: number[] = [];
  const mail = defineJob("mail", { input: schema, execute: (length) => void seen.push(length) });
  const { jobs, host, clock } = await started({ jobs: [mail] });
  await rejects(() => jobs.enqueue(mail, 5 as never), /to: no text/);
  await jobs.enqueue(mail, "abc");
  await quiet();
  assert.equal(seen, [3]);
  const late = await jobs.enqueue(mail, "abcd", { delay: 10 });
  strict = true;
  await clock.advance(100);
  assert.equal(await states(jobs, late), ["failed"]);
  assert.is((await jobs.get(late))!.attempt, 1);
  await host.stop();
});

/** A job that is due every ten minutes, the minutes in which it ran, and servers one after the other. */
function everyTenMinutes(missed?: "skip"): {
  readonly clock: FakeClock;
  readonly at: number[];
  readonly start: () => Promise<Bench>;
} {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock });
  const at: number[] = [];
  const job = defineJob("report", { execute: () => void at.push(clock.now() / 60_000) });
  const recurring = { it: { job, input: undefined, pattern: "*/10 * * * *", missed } };
  return { clock, at, start: () => started({ jobs: [job], recurring }, { clock, storage }) };
}

test("jobServer() makes the jobs of a recurring one at its times, and one for all that were missed", async () => {
  const { clock, at, start } = everyTenMinutes();
  const first = await start();
  await clock.advance(25 * 60_000);
  assert.equal(at, [10, 20]);
  const [row] = await first.jobs.recurring();
  assert.is(row!.lastState, "succeeded");
  await first.host.stop();
  await clock.advance(60 * 60_000);
  const second = await start();
  await clock.advance(1_000);
  assert.is(at.length, 3); // 30, 40, 50, 60, 70 and 80 are one
  await clock.advance(5 * 60_000);
  assert.is(at.length, 4);
  await second.host.stop();
});

test("jobServer() skips what was missed, where that is asked for", async () => {
  const { clock, at, start } = everyTenMinutes("skip");
  const first = await start();
  await first.host.stop();
  await clock.advance(65 * 60_000);
  const second = await start();
  await clock.advance(1_000);
  assert.equal(at, []);
  await clock.advance(5 * 60_000);
  assert.equal(at, [70]);
  await second.host.stop();
});

test("jobServer() makes no occurrence while the last job has not ended, unless it may overlap", async () => {
  for (const overlap of [false, true]) {
    const clock = new FakeClock();
    const gate = new Gate();
    let runs = 0;
    const long = defineJob("long", { overlap, execute: () => (runs++, gate.promise) });
    const { jobs, host } = await started({
      jobs: [long],
      recurring: { it: { job: long, input: undefined, pattern: "* * * * *" } },
    }, { clock });
    await clock.advance(3 * 60_000 + 5_000);
    assert.is(runs, overlap ? 3 : 1);
    gate.open();
    await clock.advance(2_000);
    if (!overlap) assert.is(runs, 2); // what was missed, at once
    await idle(jobs, clock);
    await host.stop();
  }
});

test("jobServer() tells of no job where an occurrence leaves its work to one that waits with its key", async () => {
  const report = defineJob("report", { unique: { key: () => "one" }, execute() {} });
  const recurring = { minutely: { job: report, input: undefined, pattern: "* * * * *" } };
  const { jobs, host, clock, events } = await started({ jobs: [report], recurring });
  await jobs.pause("default");
  const waiting = await jobs.enqueue(report, undefined);
  await clock.advance(60_000);
  await quiet();
  const [{ lastJob } = {}] = await jobs.recurring();
  assert.is(lastJob, waiting);
  assert.equal(events.map((it) => it.type), ["jobEnqueued"]);
  await jobs.cancel(waiting);
  await clock.advance(60_000);
  await quiet();
  assert.equal(events.map((it) => it.type), ["jobEnqueued", "recurringFired"]);
  await host.stop();
});

test("two servers make one job of each occurrence", async () => {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock });
  let runs = 0;
  const report = defineJob("report", { execute: () => void runs++ });
  const options = {
    jobs: [report],
    recurring: { it: { job: report, input: undefined, pattern: "* * * * *" } },
  };
  const [a, b] = [
    await started(options, { clock, storage }),
    await started(options, { clock, storage }),
  ];
  await clock.advance(5 * 60_000 + 1_000);
  assert.is(runs, 5);
  await Promise.all([a.host.stop(), b.host.stop()]);
});

test("jobServer() stores progress and log, the newest of a quarter of a second, and the last before the end", async () => {
  const gate = new Gate();
  const work = defineJob("work", {
    async execute(_: null, _signal, { progress, log }) {
      progress(0.1);
      progress(0.2);
      log("one");
      await gate.promise;
      progress(1);
      log("two");
    },
  });
  const { jobs, host, clock } = await started({ jobs: [work] });
  const id = await jobs.enqueue(work, null);
  await clock.advance(250);
  let job = await jobs.get(id);
  assert.equal([job!.progress, job!.log.map((it) => it.text)], ["0.2", ["one"]]);
  gate.open();
  await quiet();
  job = await jobs.get(id);
  assert.equal([job!.progress, job!.log.map((it) => it.text)], ["1", ["one", "two"]]);
  await host.stop();
});

test("an attempt knows what the one before it said last, a job that was queued again does not", async () => {
  const found: unknown[] = [];
  const count = defineJob("count", {
    retry: { attempts: 2, delay: 10, jitter: 0 },
    execute(_: null, _signal, { attempt, lastProgress, progress }) {
      found.push(lastProgress);
      progress({ row: attempt * 100 });
      throw new Error("no");
    },
  });
  const { jobs, clock, host } = await started({ jobs: [count] });
  const id = await jobs.enqueue(count, null);
  await clock.advance(100);
  assert.is((await jobs.get(id))?.state, "failed");
  await jobs.requeue(id);
  await clock.advance(100);
  assert.equal(found, [undefined, { row: 100 }, undefined, { row: 100 }]);
  await host.stop();
});

test("jobServer() keeps a note in place of a result that cannot be stored: the job is done all the same", async () => {
  const work = defineJob("work", { execute: () => 10n });
  const { jobs, host } = await started({ jobs: [work] });
  const id = await jobs.enqueue(work, undefined);
  await quiet();
  assert.equal(await states(jobs, id), ["succeeded"]);
  await rejects(() => jobs.result(id), /result was not stored/);
  await host.stop();
});

test("jobServer() runs around each attempt what it is told to", async () => {
  const log: string[] = [];
  const work = defineJob("work", { execute: (n: number) => void log.push(`work ${n}`) });
  const { jobs, host } = await started({
    jobs: [work],
    async around(next, { name, attempt }) {
      log.push(`begin ${name} ${attempt}`);
      await next();
      log.push("end");
    },
  });
  await jobs.enqueue(work, 1);
  await quiet();
  assert.equal(log, ["begin work 1", "work 1", "end"]);
  await host.stop();
});

test("jobServer() goes on when its storage is away, and its health says so", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host, clock, storage } = await started({ jobs: [work] });
  const signal = new AbortController().signal;
  assert.is(await jobs.health(signal), undefined);
  storage.fail("take", new Error("away"), 4);
  storage.fail("now", new Error("away"), 1);
  assert.equal(
    ((await jobs.health(signal)) as { status: string }).status,
    "degraded",
  );
  const id = await jobs.enqueue(work, undefined);
  await clock.advance(30_000);
  assert.equal(await states(jobs, id), ["succeeded"]);
  await host.stop();
});

test("jobServer() tells a settle again that failed, and the job is not run again", async () => {
  let runs = 0;
  const work = defineJob("work", { execute: () => void runs++ });
  const { jobs, host, clock, storage } = await started({ jobs: [work] });
  storage.fail("settle", new Error("away"), 3);
  const id = await jobs.enqueue(work, undefined);
  await clock.advance(10_000);
  assert.equal(await states(jobs, id), ["succeeded"]);
  assert.is(runs, 1);
  await host.stop();
});

test("jobServer() deletes what was kept long enough", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host, clock } = await started({ jobs: [work], retention: { succeeded: 60_000 } });
  const id = await jobs.enqueue(work, undefined);
  await clock.advance(200_000);
  assert.is(await jobs.get(id), undefined);
  await rejects(() => jobs.result(id), /not stored/);
  await host.stop();
});

test("jobServer() says that it lives, and what has happened in each minute", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host, clock } = await started({ jobs: [work] });
  await jobs.enqueueAll(work, [undefined, undefined]);
  await clock.advance(6_000);
  const [server] = await jobs.servers();
  assert.equal([server!.name, server!.queues], ["jobs", { default: 10 }]);
  const [minute] = await jobs.minutes(0);
  assert.equal([minute!.queue, minute!.succeeded, minute!.started], ["default", 2, 2]);
  await host.stop();
});

test("jobServer() refuses calls before its start and after its stop", async () => {
  const work = defineJob("work", { execute() {} });
  const jobs = jobServer("jobs", { storage: new FakeJobStorage(), jobs: [work] });
  await rejects(
    () => jobs.enqueue(work, undefined),
    /Cannot use service "jobs": it works from its start/,
  );
});

test("jobServer() fails its start with what its storage fails with, and leaves nothing open", async () => {
  const storage = new FakeJobStorage();
  storage.fail("putRecurring", new Error("full"));
  const work = defineJob("work", { execute() {} });
  const jobs = jobServer("jobs", {
    storage,
    jobs: [work],
    recurring: { it: { job: work, input: undefined, pattern: "* * * * *" } },
  });
  const host = createHost([jobs], { logger: false, hostLifetime: false });
  await rejects(() => host.start(), /full/);
  assert.is(storage.opened, 0);
});

test("jobServer() refuses bad options by name", () => {
  const storage = new FakeJobStorage();
  const job = defineJob("a", { execute() {} });
  const bad = (options: object): () => unknown => () =>
    jobServer("jobs", { storage, jobs: [job], ...options });
  assert.throws(bad({ jobs: [job, job] }), /two jobs have the name "a"/);
  assert.throws(bad({ queues: { mials: {} } }), /service "jobs".queues.mials: none of its jobs/);
  assert.throws(bad({ queues: { default: { concurrency: 0 } } }), /concurrency/);
  assert.throws(bad({ holdTimeout: 10 }), /holdTimeout/);
  assert.throws(bad({ storage: {} }), /storage/);
  assert.throws(
    bad({
      recurring: { r: { job: defineJob("b", { execute() {} }), input: 1, pattern: "* * * * *" } },
    }),
    /recurring job "r": job "b" is none of the jobs/,
  );
});

test("defineJob() refuses bad settings by name", () => {
  assert.throws(() => defineJob("a\0b", { execute() {} }), /the name of a job: .* has a NUL/);
  const bad = (name: string, definition: object): () => unknown => () =>
    defineJob(name, { execute() {}, ...definition } as never);
  assert.throws(bad("", {}), /the name of a job: expected 1 to 100 characters/);
  assert.throws(bad("a", { queue: "" }), /job "a".queue/);
  assert.throws(bad("a", { execute: 1 }), /job "a".execute/);
  assert.throws(bad("a", { priority: 1.5 }), /job "a".priority/);
  assert.throws(bad("a", { retry: { attempts: 0 } }), /job "a".retry.attempts/);
  assert.throws(bad("a", { input: {} }), /job "a".input: expected a Standard Schema/);
  assert.throws(bad("a", { unique: { key: 1 } }), /job "a".unique.key/);
});

test("enqueue() refuses what cannot be stored, and says what", async () => {
  const work = defineJob("work", { execute: (_: unknown) => {} });
  const { jobs, host } = await started({ jobs: [work] });
  await rejects(() => jobs.enqueue(work, 10n), /the input of job "work" as JSON/);
  await rejects(() => jobs.enqueue(work, "x".repeat(300_000)), /262144/);
  await rejects(() => jobs.enqueue(work, 1, { after: "nobody" }), /job "nobody"/);
  await rejects(() => jobs.enqueue(work, 1, { delay: -1 }), /delay/);
  await rejects(() => jobs.enqueue(work, 1, { delay: 1, at: new Date() }), /not both/);
  await rejects(() => jobs.enqueue(work, 1, { at: new Date(NaN) }), /at/);
  await rejects(() => jobs.enqueue(work, 1, { id: "a\0b" }), /id: "a\\u0000b" has a NUL/);
  await rejects(() => jobs.enqueue(work, 1, { id: "\ud800" }), /half a pair of surrogates/);
  await rejects(() => jobs.enqueue(work, 1, { headers: "x" as never }), /headers: expected object/);
  await rejects(
    () => jobs.addOrUpdate("r", { job: work, input: 1, pattern: "rubbish" }),
    /recurring job "r".pattern/,
  );
  await host.stop();
});

test("cancelAll() and requeueAll() change all that a filter meets", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host, clock } = await started({ jobs: [work] });
  await jobs.enqueueAll(work, Array.from({ length: 1_200 }, () => undefined), { delay: 60_000 });
  assert.is(await jobs.cancelAll({ state: "scheduled" }), 1_200);
  assert.is((await jobs.counts()).cancelled, 1_200);
  assert.is(await jobs.requeueAll({ state: "cancelled", job: "work" }), 1_200);
  await idle(jobs, clock);
  assert.is((await jobs.counts()).succeeded, 1_200);
  await host.stop();
});

test("cancelAll(), requeueAll() and list() refuse a filter with a condition that nobody knows, and change nothing", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host } = await started({ jobs: [work] });
  await jobs.enqueue(work, undefined, { delay: 60_000 });
  const calls: ((filter: object) => Promise<unknown>)[] = [
    (filter) => jobs.cancelAll(filter),
    (filter) => jobs.requeueAll(filter),
    (filter) => jobs.list(filter),
  ];
  for (const call of calls) {
    const unknown = /there is no "states"; it may have state, queue/;
    await rejects(() => call({ states: "failed" }), unknown);
    await rejects(() => call({ to: NaN }), /to: /);
    await rejects(() => call({ to: "2020-01-01" }), /to: /);
  }
  await rejects(() => jobs.cancelAll({ from: new Date() } as object), /filter.from: .*object Date/);
  assert.is((await jobs.counts()).scheduled, 1);
  await host.stop();
});

test("a listener of jobs that rejects is logged, as one that throws", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host, lines } = await started({ jobs: [work] });
  jobs.subscribe(() => Promise.reject(new Error("later")));
  jobs.subscribe(() => {
    throw new Error("at once");
  });
  await jobs.enqueue(work, undefined, { delay: 60_000 });
  await quiet();
  for (const text of ["later", "at once"]) {
    const line = new RegExp(`error: Service "jobs" has a listener that failed: Error: ${text}`);
    assert.is(lines.all.filter((it) => line.test(it)).length, 1, text);
  }
  await host.stop();
});

test("a listener of jobs may add another, which hears of the next event", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host } = await started({ jobs: [work] });
  let heard = 0;
  const listen = (): void => {
    if (++heard < 100) jobs.subscribe(listen);
  };
  jobs.subscribe(listen);
  await jobs.enqueue(work, undefined, { delay: 60_000 });
  assert.is(heard, 1);
  await host.stop();
});

test("a trigger makes a job of a recurring one at once, and leaves its times alone", async () => {
  let runs = 0;
  const report = defineJob("report", { execute: () => void runs++ });
  const { jobs, host } = await started({
    jobs: [report],
    recurring: { it: { job: report, input: undefined, pattern: "0 0 1 1 *" } },
  });
  const [before] = await jobs.recurring();
  const id = await jobs.trigger("it");
  await quiet();
  assert.is(runs, 1);
  const [after] = await jobs.recurring();
  assert.equal([after!.nextAt, after!.lastJob], [before!.nextAt, id]);
  assert.is(await jobs.trigger("nobody"), undefined);
  assert.is(await jobs.removeIfExists("it"), true);
  assert.is(await jobs.removeIfExists("it"), false);
  await host.stop();
});

test("jobServer() has nothing in its hands when its storage took no note of a failure", async () => {
  const work = defineJob("work", {
    execute() {
      throw new Error("no");
    },
  });
  const { jobs, host, storage, clock } = await started({ jobs: [work] });
  storage.fail("settle", new Error("away"));
  const id = await jobs.enqueue(work, undefined);
  await quiet();
  assert.is(jobs.details.active, 0);
  assert.equal(await states(jobs, id), ["processing"]);
  await clock.advance(5_000);
  assert.is((await jobs.servers())[0]!.active, 0);
  await host.stop();
});

test("result() leaves neither timer nor listener behind when its signal aborts, or its client stops", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host, storage, clock } = await started({ jobs: [work] });
  const listening = storage.listening;
  const id = await jobs.enqueue(work, undefined, { delay: 60_000 });
  const controller = new AbortController();
  const aborted = rejects(() => jobs.result(id, controller), /over/);
  controller.abort(new Error("over")); // while the storage is asked
  await aborted;
  assert.is(storage.listening, listening);
  const waiting = rejects(() => jobs.result(id), /Cannot use service "jobs"/);
  await quiet();
  await host.stop();
  await waiting;
  assert.equal([clock.pending, storage.listening], [0, 0]);
});

test("jobServer() says once that a recurring job cannot be read, and makes the others", async () => {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock });
  let runs = 0;
  const work = defineJob("work", { execute: () => void runs++ });
  const { jobs, host, lines } = await started({
    jobs: [work],
    recurring: { good: { job: work, input: undefined, pattern: "* * * * *" } },
  }, { clock, storage });
  const [good] = await jobs.recurring();
  await storage.putRecurring({ ...good!, id: "bad", pattern: "rubbish", nextAt: 0 });
  await clock.advance(3 * 60_000 + 1_000);
  assert.is(runs, 3);
  assert.is(lines.heads.filter((it) => /recurring job "bad"/.test(it)).length, 1);
  await host.stop();
});

test("jobServer() hears of a cancel by the answer to its extension, where nothing else tells", async () => {
  const slow = defineJob("slow", {
    execute: (_: null, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const { jobs, host, clock, storage } = await started({ jobs: [slow] });
  storage.fail("cancelRequests", new Error("away"), 1_000);
  const id = await jobs.enqueue(slow, null);
  await quiet();
  await jobs.cancel(id);
  await clock.advance(4_999);
  assert.equal(await states(jobs, id), ["processing"]);
  await clock.advance(1);
  assert.equal(await states(jobs, id), ["cancelled"]);
  await host.stop();
});

test("jobServer() aborts an attempt whose hold somebody else has ended, with its next extension", async () => {
  let reason: unknown;
  const clock = new FakeClock();
  const taken: Hold[] = [];
  class Watched extends FakeJobStorage {
    override async take(options: TakeOptions): Promise<Taken> {
      const answer = await super.take(options);
      taken.push(...answer.jobs);
      return answer;
    }
  }
  const storage = new Watched({ clock });
  const work = defineJob("work", {
    execute: (_: null, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(reason = signal.reason));
      }),
  });
  const { jobs, host } = await started({ jobs: [work] }, { clock, storage });
  await jobs.enqueue(work, null);
  await quiet();
  await storage.settle(taken[0]!, { state: "failed", error: "Its server was taken for dead" });
  await clock.advance(5_000);
  assert.match((reason as Error | undefined)?.message ?? "", "has lost its hold");
  await host.stop();
});

test("jobServer() asks for what is to end only while it has something in its hands", async () => {
  const clock = new FakeClock();
  let asked = 0;
  class Counted extends FakeJobStorage {
    override cancelRequests(server: string): Promise<readonly string[]> {
      asked++;
      return super.cancelRequests(server);
    }
  }
  const gate = new Gate();
  const work = defineJob("work", { execute: () => gate.promise });
  const storage = new Counted({ clock });
  const { jobs, host } = await started({ jobs: [work] }, { clock, storage });
  await jobs.enqueue(work, undefined);
  await clock.advance(2_000);
  assert.is(asked, 4);
  gate.open();
  await clock.advance(2_000);
  assert.is(asked, 4);
  await host.stop();
});

test("jobServer() spreads the jobs of a dead server over half of their delay at least", async () => {
  const delays: number[] = [];
  for (const chance of [0, 0.999]) {
    const clock = new FakeClock();
    const storage = new FakeJobStorage({ clock });
    const work = defineJob("work", { retry: { delay: 100_000, jitter: 0 }, execute() {} });
    const writer = await started({ jobs: [] }, { clock, storage });
    const id = await writer.jobs.enqueue(work, undefined);
    const taker = { queue: "default", names: ["work"], max: 1, server: "gone" };
    await storage.take({ ...taker, holdTimeout: 1_000 });
    await writer.host.stop();
    const { host } = await started({ jobs: [work], random: () => chance }, { clock, storage });
    await clock.advance(6_000);
    const { dueAt, attempts } = (await storage.get(id))!;
    delays.push(dueAt - attempts[0]!.endedAt);
    await host.stop();
  }
  assert.ok(Math.abs(delays[0]! - delays[1]!) > 49_000, `${delays}`);
  assert.ok(Math.max(...delays) <= 100_000);
});

test("jobServer() finds what is new within 5 s, where its storage tells of nothing", async () => {
  const clock = new FakeClock();
  class Mute extends FakeJobStorage {
    override onWake(): () => void {
      return () => {};
    }
  }
  const work = defineJob("work", { execute() {} });
  const storage = new Mute({ clock });
  const { jobs, host } = await started({ jobs: [work] }, { clock, storage });
  const id = await jobs.enqueue(work, undefined);
  await clock.advance(5_000);
  assert.equal(await states(jobs, id), ["succeeded"]);
  await host.stop();
});

test("jobServer() deletes all that is old at once, however much that is", async () => {
  const work = defineJob("work", { execute() {} });
  const { jobs, host, clock } = await started({ jobs: [work], retention: { cancelled: 0 } });
  await jobs.enqueueAll(work, Array.from({ length: 2_100 }, () => undefined), { delay: 600_000 });
  await jobs.cancelAll({});
  await clock.advance(60_000);
  assert.is((await jobs.counts()).cancelled, 0);
  await host.stop();
});

test("jobServer() keeps what happened in a minute when its storage did not take it, and what happens meanwhile", async () => {
  const clock = new FakeClock();
  const gate = new Gate();
  let beats = 0;
  class Slow extends FakeJobStorage {
    override async beat(...values: Parameters<FakeJobStorage["beat"]>): Promise<void> {
      if (++beats === 2) await gate.promise;
      await super.beat(...values);
    }
  }
  const work = defineJob("work", { execute() {} });
  const storage = new Slow({ clock });
  const { jobs, host } = await started({ jobs: [work] }, { clock, storage });
  await jobs.enqueue(work, undefined);
  await clock.advance(5_000);
  await jobs.enqueue(work, undefined);
  await quiet();
  gate.fail(new Error("away"));
  await clock.advance(5_000);
  const counted = await storage.minutes(0);
  assert.equal(counted.map((it) => [it.started, it.succeeded]), [[2, 2]]);
  await host.stop();
});

test("jobServer() stores what a handler says together, and nothing of what it says after its end", async () => {
  const clock = new FakeClock();
  const notes: JobNote[] = [];
  class Watched extends FakeJobStorage {
    override note(hold: Hold, note: JobNote): Promise<void> {
      notes.push(note);
      return super.note(hold, note);
    }
  }
  const gate = new Gate();
  let say = (_: string): void => {};
  const work = defineJob("work", {
    async execute(_: null, _signal, { log, progress }) {
      say = log;
      progress(0.5);
      log("one");
      log("two");
      await gate.promise;
    },
  });
  const { jobs, host } = await started({ jobs: [work] }, {
    clock,
    storage: new Watched({ clock }),
  });
  await jobs.enqueue(work, null);
  await clock.advance(249);
  assert.is(notes.length, 0);
  await clock.advance(1);
  assert.equal(notes.map((it) => [it.progress, it.log?.length]), [["0.5", 2]]);
  gate.open();
  await quiet();
  const { pending } = clock;
  say("late");
  assert.is(clock.pending, pending);
  await clock.advance(1_000);
  assert.is(notes.length, 1);
  await host.stop();
});

test("a line of any kind makes no attempt fail", async () => {
  const work = defineJob("work", {
    execute(_: null, _signal, { log }) {
      const say = log as (line: unknown) => void;
      for (const it of [Object.create(null), Symbol("s"), undefined, 1]) say(it);
      say({
        toString() {
          throw new Error("no text");
        },
      });
    },
  });
  const { jobs, host, clock } = await started({ jobs: [work] });
  const id = await jobs.enqueue(work, null);
  await idle(jobs, clock);
  const job = await jobs.get(id);
  assert.is(job?.state, "succeeded");
  assert.equal(job?.log.map((it) => it.text).slice(1, 4), ["Symbol(s)", "undefined", "1"]);
  assert.is(job?.log.length, 5);
  await host.stop();
});

test("what a handler says while its storage takes long waits together, the newest 1000 lines of it", async () => {
  const clock = new FakeClock();
  const notes: JobNote[] = [];
  const slow = new Gate();
  class Slow extends FakeJobStorage {
    override async note(hold: Hold, note: JobNote): Promise<void> {
      notes.push(note);
      await slow.promise;
      return super.note(hold, note);
    }
  }
  const gate = new Gate();
  let say = (_: string): void => {};
  const work = defineJob("work", {
    async execute(_: null, _signal, { log }) {
      say = log;
      await gate.promise;
    },
  });
  const { jobs, host } = await started({ jobs: [work] }, { clock, storage: new Slow({ clock }) });
  const id = await jobs.enqueue(work, null);
  await quiet();
  for (let i = 0; i < 40; i++) { // of 100 lines each
    for (let line = 0; line < 100; line++) say(`${i * 100 + line}`);
    await clock.advance(250);
  }
  assert.is(notes.length, 1);
  slow.open();
  gate.open();
  await idle(jobs, clock);
  assert.equal(notes.map((it) => it.log?.length), [100, 1_000]);
  const job = await jobs.get(id);
  assert.equal([job?.state, job?.log.at(-1)?.text], ["succeeded", "3999"]);
  await host.stop();
});

test("a client whose start has failed cannot be used", async () => {
  const storage = new FakeJobStorage();
  storage.fail("start", new Error("The disk is gone"));
  const jobs = jobClient("jobs", { storage });
  const host = createHost([jobs], { logger: false, hostLifetime: false });
  await rejects(() => host.start(), /The disk is gone/);
  await rejects(() => jobs.counts(), /Cannot use service "jobs": it works from its start/);
  assert.is(storage.opened, 0);
});

test.run();
