import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HostStateError, ServiceContext, ServiceTimeoutError } from "../mod.ts";
import { aborted, hostedService } from "../mod.ts";
import { type ScheduledWork, timed, type TimedDefinition } from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { type Rig, rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";
import { warnings } from "./_warnings.ts";

guard(test);

const boom = new Error("boom");
const notRunning = 'Cannot trigger service "job": it is not running';

/** A host with one job, started, whose wall clock shows what its clock does. */
async function started(definition: Partial<TimedDefinition> & { work: ScheduledWork }): Promise<
  Rig & { readonly clock: FakeClock; readonly job: ReturnType<typeof timed> }
> {
  const clock = new FakeClock();
  const job = timed("job", { period: 100, now: () => clock.now(), ...definition });
  const it = rig([job], { clock });
  await it.host.start();
  await quiet();
  return { ...it, clock, job };
}

/** Work that takes a time of the clock, and notes when it begins and ends. */
function takes(ms: number, trace: Trace): ScheduledWork {
  return async (_, { clock }) => {
    trace.note(`begin ${clock.now()}`);
    await new Promise<void>((done) => clock.setTimeout(done, ms));
    trace.note(`end ${clock.now()}`);
  };
}

/** Notes what each run is for, and when it begins. */
function notes(trace: Trace): ScheduledWork {
  return (_, { clock }, { scheduledAt, triggered }) =>
    trace.note(`${triggered ? "triggered" : "due"} ${+scheduledAt}, at ${clock.now()}`);
}

// The rate.

test("timed() runs at a fixed rate, first after one period, and does not drift", async () => {
  const trace = new Trace();
  const { host, clock } = await started({ work: takes(30, trace) });
  await clock.advance(350);
  await host.stop();
  assert.equal(trace.take(), [
    "begin 100",
    "end 130",
    "begin 200",
    "end 230",
    "begin 300",
    "end 330",
  ]);
  assert.is(clock.pending, 0);
});

test("timed() with immediate runs at the start, then at the rate", async () => {
  const trace = new Trace();
  const { host, clock } = await started({ immediate: true, work: notes(trace) });
  await clock.advance(250);
  await host.stop();
  assert.equal(trace.take(), ["due 0, at 0", "due 100, at 100", "due 200, at 200"]);
});

test("timed() never overlaps: what a run misses becomes one, and the rate stays", async () => {
  const trace = new Trace();
  const note = notes(trace);
  const gate = new Gate();
  const { host, clock } = await started({
    work: async (signal, context, run) => {
      note(signal, context, run);
      if (+run.scheduledAt === 100) await gate.promise;
    },
  });
  await clock.advance(350);
  gate.open();
  await clock.advance(150);
  await host.stop();
  assert.equal(trace.take(), [
    "due 100, at 100",
    "due 200, at 350",
    "due 400, at 400",
    "due 500, at 500",
  ]);
});

test("timed() sleeps a minute at most, and so takes any period", async () => {
  const trace = new Trace();
  const period = 2 ** 31 + 5;
  const { host, clock } = await started({ period, work: notes(trace) });
  assert.is(clock.next, 60_000);
  await clock.advance(period - 1);
  assert.equal(trace.take(), []);
  await clock.advance(1);
  assert.equal(trace.take(), [`due ${period}, at ${period}`]);
  await host.stop();
  assert.is(clock.pending, 0);
});

test("timed() does not run early when a timer fires a little early, as real ones do", async () => {
  const clock = new FakeClock();
  const trace = new Trace();
  const hasty = {
    now: () => clock.now(),
    setTimeout: (call: () => void, ms: number) => clock.setTimeout(call, ms - 0.75),
    clearTimeout: (timer: unknown) => clock.clearTimeout(timer),
  };
  const job = timed("job", { period: 100, now: hasty.now, work: notes(trace) });
  const { host } = rig([job], { clock: hasty });
  await host.start();
  await clock.advance(250);
  await host.stop();
  const due = trace.take().map((it) => it.replace(/at (\d+)\.?\d*/, "at $1"));
  assert.equal(due, ["due 100, at 100", "due 200, at 200"]);
});

test("timed() leaves others a turn before each run, when its work is always too slow and never waits", async () => {
  let spent = 0;
  const busy = { now: () => spent, setTimeout: () => undefined, clearTimeout: () => {} };
  const job = timed("job", { period: 1, immediate: true, work: () => void (spent += 5) });
  const { host } = rig([job], { clock: busy });
  await host.start();
  for (let turn = 0; turn < 20; turn++) {
    const { runs } = job.details;
    await new Promise((resolve) => setImmediate(resolve)); // one turn, and no more
    assert.ok(job.details.runs - runs <= 1, `${job.details.runs - runs} runs in one turn`);
  }
  await host.stop();
  assert.ok(job.details.runs > 15, `${job.details.runs} runs`);
});

test("timed() leaves others a turn when two schedules go on triggering each other", async () => {
  const clock = new FakeClock();
  const jobs = [0, 1].map((index) =>
    timed(`job ${index}`, {
      period: 60_000,
      async work() {
        for (let step = 0; step < 20; step++) await undefined; // by then the other one sleeps
        if (runs() < 1_000) void jobs[1 - index]?.trigger();
      },
    })
  );
  const runs = (): number => jobs.reduce((sum, { details }) => sum + details.runs, 0);
  const { host } = rig(jobs, { clock });
  await host.start();
  await quiet();
  void jobs[0]?.trigger();
  for (let turn = 0; turn < 20; turn++) {
    const before = runs();
    await new Promise((resolve) => setImmediate(resolve)); // one turn, and no more
    assert.ok(runs() - before <= 2, `${runs() - before} runs in one turn`);
  }
  await host.stop();
  assert.ok(runs() > 5, `${runs()} runs`);
});

test("timed() 1 000 times adds no listener to its signal", async () => {
  let listeners: Listeners | undefined;
  const { host, clock, job } = await started({
    work: (signal) => {
      listeners ??= new Listeners(signal);
    },
  });
  await clock.advance(100_000);
  await host.stop();
  assert.is(job.details.runs, 1_000);
  assert.is(listeners?.added, 0);
});

// Jitter.

test("timed() with jitter begins late and does not move its schedule", async () => {
  const trace = new Trace();
  const work = notes(trace);
  const { host, clock, job } = await started({
    immediate: true,
    jitter: 40,
    random: () => 0.5,
    work,
  });
  assert.equal(job.details.nextRun, new Date(20));
  await clock.advance(230);
  assert.equal(job.details.nextRun, new Date(320));
  await host.stop();
  assert.equal(trace.take(), ["due 0, at 20", "due 100, at 120", "due 200, at 220"]);
});

test("timed() draws its jitter anew for each run", async () => {
  const trace = new Trace();
  const { host, clock } = await started({ jitter: 100, period: 1_000, work: takes(0, trace) });
  await clock.advance(20_000);
  await host.stop();
  const late = trace.take().filter((entry) => entry.startsWith("begin"))
    .map((entry) => Number(entry.slice("begin ".length)) % 1_000);
  assert.ok(late.length >= 19);
  assert.ok(late.every((ms) => ms <= 101), late.join());
  assert.ok(new Set(late).size > 1, late.join());
});

const chances: Record<string, () => number> = {
  "throws": () => {
    throw new Error("No chance");
  },
  "is NaN": () => NaN,
  "is negative": () => -1,
  "is 7": () => 7,
};

for (const [what, random] of Object.entries(chances)) {
  test(`timed() is on time if its random ${what}`, async () => {
    const trace = new Trace();
    let runs = 0;
    const note = notes(trace);
    const { host, clock } = await started({
      jitter: 50,
      random,
      work: (...args) => ++runs < 10 ? note(...args) : hang(),
    });
    await clock.advance(250);
    assert.equal(trace.take(), ["due 100, at 100", "due 200, at 200"]);
    await host.stop();
  });
}

test("timed() stops while it waits for its jitter", async () => {
  const { host, clock, job } = await started({ jitter: 80, random: () => 0.5, work: hang });
  await clock.advance(120);
  await host.stop();
  assert.is(job.details.runs, 0);
  assert.is(clock.pending, 0);
});

test("timed() with a jitter beyond its period loses no run", async () => {
  const trace = new Trace();
  const { host, clock } = await started({ jitter: 500, random: () => 0.5, work: notes(trace) });
  await clock.advance(750);
  await host.stop();
  assert.equal(trace.take(), [
    "due 100, at 350",
    "due 200, at 450",
    "due 300, at 550",
    "due 400, at 650",
    "due 500, at 750",
  ]);
});

test("timed() with any jitter runs once for each moment, in order, and begins none early", async () => {
  const trace = new Trace();
  const { host, clock, job } = await started({ jitter: 1_000, work: notes(trace) });
  for (let step = 0; step < 5_000; step++) await clock.advance(2); // each gives some turns
  await host.stop();
  const runs = trace.take().map((entry) => entry.match(/\d+/g)?.map(Number) as [number, number]);
  assert.equal(runs.map(([due]) => due), runs.map((_, index) => 100 * (index + 1)));
  assert.ok(runs.length >= 85, `${runs.length} runs`);
  for (const [due, at] of runs) assert.ok(at >= due, `${due} at ${at}`);
  assert.is(job.details.runs, runs.length);
});

test("timed() with jitter makes one run of what a long run misses by more than the jitter", async () => {
  const trace = new Trace();
  const note = notes(trace);
  const gate = new Gate();
  const { host, clock } = await started({
    jitter: 50,
    random: () => 0,
    work: async (signal, context, run) => {
      note(signal, context, run);
      if (+run.scheduledAt === 100) await gate.promise;
    },
  });
  await clock.advance(330);
  gate.open();
  for (let turn = 0; turn < 4; turn++) await quiet();
  await clock.advance(90);
  await host.stop();
  assert.equal(trace.take(), [
    "due 100, at 100",
    "due 200, at 330",
    "due 300, at 330",
    "due 400, at 400",
  ]);
});

// Failures.

for (
  const [how, work] of [
    ["rejects", () => Promise.reject(boom)],
    ["throws", () => {
      throw boom;
    }],
  ] as const
) {
  test(`timed() logs and counts a run that ${how}, and goes on`, async () => {
    const { host, clock, job, lines } = await started({ work });
    await clock.advance(200);
    assert.is(job.details.runs, 2);
    assert.is(job.details.failures, 2);
    await host.stop();
    const line = 'error: Service "job": a run failed after 0 ms: Error: boom';
    assert.equal(lines.heads, [line, line]);
    assert.match(lines.all[0] as string, "timed_test"); // the stack
    assert.equal(lines.misuse, []);
  });
}

test("timed() with failure fail is a worker that fails", async () => {
  const clock = new FakeClock();
  const job = timed("job", { period: 100, failure: "fail", work: () => Promise.reject(boom) });
  const { host, lines } = rig([job], { clock });
  const run = new Fate(host.run());
  await clock.advance(100);
  assert.is(run.state, "rejected");
  assert.is(run.reason, boom);
  assert.is(job.details.failures, 1);
  assert.is(job.details.nextRun, undefined);
  assert.equal(lines.heads, ['error: Service "job": execute failed after 100 ms: Error: boom']);
  assert.is(clock.pending, 0);
});

test("timed() that has failed leaves no listener behind", async () => {
  const { clock, host, lines } = rig([]);
  const job = timed("job", { period: 100, failure: "fail", work: () => Promise.reject(boom) });
  const { signal } = new AbortController();
  const forced = new AbortController().signal;
  const listeners = new Listeners(signal);
  const context = { name: "job", clock, logger: lines, forced, lifetime: host.lifetime };
  const failed = rejection(job.execute(signal, context as never) as Promise<unknown>);
  await clock.advance(100);
  assert.is(await failed, boom);
  assert.equal([listeners.added, listeners.now], [1, 0]);
});

test("timed() with failure fail may be ignored by the host, and has then ended", async () => {
  const { host, clock, job } = await started({
    failure: "fail",
    backgroundServiceExceptionBehavior: "ignore",
    work: () => Promise.reject(boom),
  });
  await clock.advance(300);
  assert.is(host.state, "started");
  assert.is(host.services[0]?.state, "failed");
  assert.is(job.details.runs, 1);
  await rejection<HostStateError>(job.trigger());
  await host.stop();
});

test("timed() goes on when the logger fails", async () => {
  const clock = new FakeClock();
  const job = timed("job", { period: 100, work: () => Promise.reject(boom) });
  const fail = (): never => {
    throw new Error("disk full");
  };
  const logger = { debug: fail, info: fail, warn: fail, error: fail };
  const { host } = rig([job], { clock, logger });
  await host.start();
  await clock.advance(200);
  assert.is(job.details.failures, 2);
  await host.stop();
});

// trigger().

test("trigger() runs now and does not move the schedule", async () => {
  const trace = new Trace();
  const { host, clock, job } = await started({ work: notes(trace) });
  await clock.advance(30);
  await job.trigger();
  assert.equal(job.details.nextRun, new Date(100));
  await clock.advance(100);
  await host.stop();
  assert.equal(trace.take(), ["triggered 30, at 30", "due 100, at 100"]);
});

test("trigger() during a run asks for one that follows, shared by all who ask", async () => {
  const trace = new Trace();
  const { host, clock, job } = await started({ work: takes(20, trace) });
  await clock.advance(110);
  const triggers = [job.trigger(), job.trigger()].map((it) => new Fate(it));
  await clock.advance(20);
  assert.equal(triggers.map(({ state }) => state), ["pending", "pending"]);
  await clock.advance(10);
  assert.equal(triggers.map(({ state }) => state), ["fulfilled", "fulfilled"]);
  await host.stop();
  assert.equal(trace.take(), ["begin 100", "end 120", "begin 120", "end 140"]);
});

test("trigger() during a run that passes over a tick is served by that tick's run", async () => {
  const trace = new Trace();
  const { host, clock, job } = await started({ work: takes(120, trace) });
  await clock.advance(110);
  const trigger = new Fate(job.trigger());
  await clock.advance(240);
  assert.is(trigger.state, "fulfilled");
  const stop = host.stop();
  await clock.advance(120);
  await stop;
  assert.equal(trace.take().slice(0, 4), ["begin 100", "end 220", "begin 220", "end 340"]);
});

test("trigger() of a run that is due as well is no triggered one", async () => {
  const trace = new Trace();
  const note = notes(trace);
  const gate = new Gate();
  const { host, clock, job } = await started({
    work: (...args) => {
      note(...args);
      return gate.promise;
    },
  });
  await clock.advance(100);
  void job.trigger();
  await clock.advance(100);
  gate.open();
  await clock.advance(0);
  await host.stop();
  assert.equal(trace.take(), ["due 100, at 100", "due 200, at 200"]);
});

test("trigger() while the jitter is waited for is a run of its own", async () => {
  const trace = new Trace();
  const work = notes(trace);
  const { host, clock, job } = await started({ jitter: 80, random: () => 0.5, work });
  await clock.advance(120);
  await job.trigger();
  await clock.advance(30);
  await host.stop();
  assert.equal(trace.take(), ["triggered 120, at 120", "due 100, at 140"]);
});

test("trigger() rejects with what its run failed with, which is logged and counted too", async () => {
  const { host, clock, job, lines } = await started({ work: () => Promise.reject(boom) });
  assert.is(await rejection(job.trigger()), boom);
  assert.is(job.details.failures, 1);
  assert.is(lines.heads.length, 1);
  void job.trigger(); // forgotten: the guard would see it
  await clock.advance(0);
  assert.is(job.details.failures, 2);
  await host.stop();
});

test("trigger() of a run that fails a service with failure fail rejects, and so does the host", async () => {
  const { host, job } = await started({ failure: "fail", work: () => Promise.reject(boom) });
  assert.is(await rejection(job.trigger()), boom);
  await quiet();
  assert.is(await rejection(host.stop()), boom);
});

test("trigger() during a run that ends the work is refused when the work has ended", async () => {
  const gate = new Gate();
  const { host, clock, job } = await started({
    failure: "fail",
    backgroundServiceExceptionBehavior: "ignore",
    work: () => gate.promise,
  });
  await clock.advance(100);
  const trigger = new Fate(job.trigger());
  gate.fail(boom);
  await quiet();
  assert.is(host.services[0]?.state, "failed");
  assert.is(trigger.state, "rejected");
  assert.is((trigger.reason as HostStateError).message, notRunning);
  assert.is(job.details.runs, 1);
  await host.stop();
});

test("trigger() is refused before the start and after the stop", async () => {
  const clock = new FakeClock();
  const job = timed("job", { period: 100, work: hang });
  const { host } = rig([job], { clock });
  const refusal = await rejection<HostStateError>(job.trigger());
  assert.is(refusal.code, "ERR_HOST_STATE");
  assert.is(refusal.message, notRunning);
  await host.start();
  await host.stop();
  void job.trigger(); // forgotten
  assert.is((await rejection<HostStateError>(job.trigger())).code, "ERR_HOST_STATE");
  assert.is(job.details.runs, 0);
});

test("trigger() during the stop is refused, also if it came before and has not begun", async () => {
  const gate = new Gate();
  const { host, clock, job } = await started({ work: () => gate.promise });
  await clock.advance(100);
  const before = new Fate(job.trigger());
  const stop = host.stop();
  await quiet();
  assert.is(before.state, "rejected");
  assert.is((before.reason as HostStateError).code, "ERR_HOST_STATE");
  assert.is((await rejection<HostStateError>(job.trigger())).code, "ERR_HOST_STATE");
  gate.open();
  await stop;
  assert.is(job.details.runs, 1);
  assert.is(clock.pending, 0);
});

test("trigger() in the tick of the stop is refused, and no run begins", async () => {
  const { host, job } = await started({ work: hang });
  const trigger = new Fate(job.trigger());
  await job.stop();
  await host.stop();
  assert.is(trigger.state, "rejected");
  assert.is(job.details.runs, 0);
});

// The stop.

test("timed() waits at the stop for the run that goes on, whose signal says why", async () => {
  const gate = new Gate();
  let seen: AbortSignal | undefined;
  const { host, clock, job } = await started({
    work: async (signal) => {
      seen = signal;
      await gate.promise;
    },
  });
  await clock.advance(100);
  const stop = new Fate(host.stop());
  await clock.advance(1_000);
  assert.is(stop.state, "pending");
  assert.is(seen?.reason, host.lifetime.stopping.reason);
  gate.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
  assert.equal([job.details.runs, job.details.running], [1, false]);
  assert.is(clock.pending, 0);
});

test("timed() takes a run that ends with the stop for no failure", async () => {
  const { host, clock, job, lines } = await started({
    failure: "fail",
    work: (signal) => new Promise((_, reject) => (signal.onabort = () => reject(signal.reason))),
  });
  await clock.advance(100);
  await host.stop();
  assert.is(job.details.failures, 0);
  assert.equal(lines.all, []);
});

test("timed() takes a run that ends with the lifetime for no failure, before its own stop", async () => {
  const job = timed("job", {
    period: 100,
    failure: "fail",
    work: async (_signal, { lifetime }) => {
      await aborted(lifetime.stopping);
      throw lifetime.stopping.reason;
    },
  });
  const gate = new Gate();
  const { host, clock, lines } = rig([job, hostedService("slow", { stop: () => gate.promise })]);
  await host.start();
  await clock.advance(100);
  const stopped = host.stop();
  await quiet();
  assert.equal([job.details.running, job.details.failures], [false, 0]);
  gate.open();
  await stopped;
  assert.equal(lines.all, []);
});

test("timed() tells of a run that fails during the stop", async () => {
  const gate = new Gate();
  const { host, clock, job, lines } = await started({ work: () => gate.promise });
  await clock.advance(100);
  const stop = host.stop();
  gate.fail(boom);
  await stop;
  assert.is(job.details.failures, 1);
  assert.equal(lines.heads, ['error: Service "job": a run failed after 0 ms: Error: boom']);
});

test("timed() whose run ignores its signal is abandoned by the host", async () => {
  let context: ServiceContext | undefined;
  const { host, clock, job } = await started({
    work: (_, it) => {
      context = it;
      return hang();
    },
  });
  await clock.advance(100);
  const stop = new Fate(host.stop());
  await clock.advance(25_000);
  assert.ok(context?.forced.aborted);
  await clock.advance(2_000);
  assert.is(stop.state, "rejected");
  assert.is((stop.reason as ServiceTimeoutError).service, "job");
  assert.is(host.services[0]?.state, "abandoned");
  assert.ok(job.details.running, "it does");
  assert.is(clock.pending, 0);
});

test("timed() stopped in the start's own tick never runs", async () => {
  const { host, clock } = rig([timed("job", { period: 1, immediate: true, work: hang })]);
  const start = host.start().catch(() => {});
  await host.stop();
  await start;
  assert.is(clock.pending, 0);
});

test("timed() may be started again, alone", async () => {
  const clock = new FakeClock();
  const context = { name: "job", clock } as unknown as ServiceContext;
  const trace = new Trace();
  const job = timed("job", { period: 100, now: () => clock.now(), work: notes(trace) });
  for (const _ of [1, 2]) {
    await job.start(undefined, context);
    await clock.advance(150);
    await job.trigger();
    await job.stop();
  }
  assert.equal(trace.take(), [
    "due 100, at 100",
    "triggered 150, at 150",
    "due 250, at 250",
    "triggered 300, at 300",
  ]);
  assert.is(clock.pending, 0);
});

// The status.

test("details says how the schedule stands, and so does the host", async () => {
  const gate = new Gate();
  const { host, clock, job } = await started({ work: () => gate.promise });
  const idle = { lastRun: undefined, runs: 0, failures: 0, running: false };
  assert.equal(job.details, { ...idle, nextRun: new Date(100) });
  await clock.advance(150);
  const running = {
    nextRun: new Date(200),
    lastRun: new Date(100),
    runs: 1,
    failures: 0,
    running: true,
  };
  assert.equal(job.details, running);
  assert.equal(host.services[0]?.details, running);
  gate.open();
  await quiet();
  assert.equal(job.details, { ...running, running: false });
  await host.stop();
  assert.equal(job.details, { ...running, running: false, nextRun: undefined });
});

test("details is a fresh object each time", async () => {
  const { host, clock, job } = await started({ work: () => {} });
  await clock.advance(100);
  const { details } = job;
  assert.is.not(details, job.details);
  details.lastRun?.setTime(0);
  assert.equal(job.details.lastRun, new Date(100));
  await host.stop();
});

test("details before the start has nothing to tell, and needs no clock", () => {
  assert.equal(timed("job", { period: 1, work: hang }).details, {
    nextRun: undefined,
    lastRun: undefined,
    runs: 0,
    failures: 0,
    running: false,
  });
});

test("details has dates of the wall clock", async () => {
  const before = Date.now();
  const { host, clock, job } = await started({ now: undefined, work: () => {} });
  await clock.advance(100);
  await host.stop();
  const lastRun = Number(job.details.lastRun);
  assert.ok(lastRun >= before && lastRun <= Date.now(), `${lastRun}`);
});

// The definition.

test("timed() takes the hooks and settings of any service; hooks and work keep their this", async () => {
  class Job implements TimedDefinition {
    readonly period = 100;
    readonly stopTimeout = 7;
    readonly #trace = trace;
    start(): void {
      this.#trace.note("start");
    }
    work(): void {
      this.#trace.note("work");
    }
    stopping(): void {
      this.#trace.note("stopping");
    }
    stop(): void {
      this.#trace.note("stop");
    }
  }
  const trace = new Trace();
  const job = timed("job", new Job());
  assert.is(job.name, "job");
  assert.is((job as { stopTimeout?: number }).stopTimeout, 7);
  const { host, clock } = rig([job]);
  await host.start();
  await clock.advance(100);
  await host.stop();
  assert.equal(trace.take(), ["start", "work", "stopping", "stop"]);
});

for (
  const [change, type, message] of [
    [{ period: 0 }, RangeError, 'Cannot use service "job".period: 0 is not 1 ms or more'],
    [{ period: -1 }, RangeError, 'Cannot use service "job".period: -1 is not 0 or more'],
    [{ period: NaN }, RangeError, 'Cannot use service "job".period: NaN is not 0 or more'],
    [{ period: Infinity }, RangeError, 'Cannot use service "job".period: Infinity is not finite'],
    [
      { period: undefined },
      TypeError,
      'Cannot use service "job".period: expected number, got undefined',
    ],
    [{ work: 5 }, TypeError, 'Cannot use service "job".work: expected function, got number 5'],
    [
      { immediate: 1 },
      TypeError,
      'Cannot use service "job".immediate: expected boolean, got number 1',
    ],
    [{ jitter: -1 }, RangeError, 'Cannot use service "job".jitter: -1 is not 0 or more'],
    [{ jitter: Infinity }, RangeError, 'Cannot use service "job".jitter: Infinity is not finite'],
    [
      { failure: "x" },
      TypeError,
      'Cannot use service "job".failure: expected log or fail, got string "x"',
    ],
    [{ now: 5 }, TypeError, 'Cannot use service "job".now: expected function, got number 5'],
    [{ stop: 5 }, TypeError, 'Cannot use service "job".stop: expected function, got number 5'],
  ] as const
) {
  test(`timed() refuses ${Object.keys(change)}: ${Object.values(change)}`, () => {
    const definition = { period: 1, work: hang, ...change } as never;
    const error = thrown(() => timed("job", definition));
    assert.instance(error, type);
    assert.is(error.message, message);
  });
}

for (
  const [name, definition, message] of [
    [
      5,
      { period: 1, work: hang },
      "Cannot use the name of a service: expected string, got number 5",
    ],
    ["job", undefined, 'Cannot use service "job": expected object, got undefined'],
    ["job", null, 'Cannot use service "job": expected object, got null'],
    ["job", "1s", 'Cannot use service "job": expected object, got string "1s"'],
    ["job", { period: 1 }, 'Cannot use service "job".work: expected function, got undefined'],
  ] as const
) {
  test(`timed() throws "${message}"`, () => {
    const error = thrown(() => timed(name as never, definition as never));
    assert.instance(error, TypeError);
    assert.is(error.message, message);
  });
}

test("timed() warns of a setting whose name is wrong in case only", async () => {
  const definition = { period: 1, Failure: "fail", work: hang };
  const lines = await warnings(() => timed("job", definition));
  assert.equal(lines, [
    'Cannot use service "job": there is no "Failure", did you mean "failure"',
  ]);
});

for (const period of [8.64e15 - 1, 8.64e15, Number.MAX_VALUE]) {
  test(`timed() every ${period} ms says the last moment there is, and may be triggered`, async () => {
    const { host, clock, job } = await started({ period, jitter: period, work: () => {} });
    assert.equal(job.details.nextRun, new Date(8.64e15));
    await clock.advance(60_000);
    await job.trigger();
    assert.is(job.details.runs, 1);
    assert.equal(job.details.nextRun, new Date(8.64e15));
    await host.stop();
  });
}

test.run();
