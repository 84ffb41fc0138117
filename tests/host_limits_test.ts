import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  type ForcedStopError,
  type ServiceContext,
  type ServiceTimeoutError,
} from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { type Rig, rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

const takes = (clock: () => FakeClock, ms: number) => (): Promise<void> =>
  new Promise((resolve) => clock().setTimeout(resolve, ms));

/** Starts a host and begins its stop, at the time 0. */
async function stopping(made: Rig, signal?: AbortSignal): Promise<Fate> {
  await made.host.start();
  const stop = new Fate(made.host.stop(signal));
  await quiet();
  return stop;
}

/** The messages of an error, or of those it holds. */
function messages(error: unknown): string[] {
  const errors = error instanceof AggregateError ? error.errors : [error];
  return errors.map((it: Error) => it.message);
}

// The grace.

test("shutdownTimeout is the grace: the stop signal aborts when it is over", async () => {
  const trace = new Trace();
  const made: Rig = rig([
    trace.service("a", {
      stop: async (signal, { forced }) => {
        await aborted(signal);
        trace.note(`${made.clock.now()} ${signal === forced} ${signal.reason.name}`);
      },
    }),
  ], { shutdownTimeout: 400 });
  const stop = await stopping(made);
  trace.take();
  await made.clock.advance(399);
  assert.equal(trace.take(), []);
  await made.clock.advance(1);
  assert.equal(trace.take(), ["400 true AbortError"]);
  assert.is(stop.state, "fulfilled");
});

test("shutdownTimeout is 25 s by default", async () => {
  const made = rig([{ start() {}, stop: aborted }]);
  const stop = await stopping(made);
  await made.clock.advance(24_999);
  assert.is(stop.state, "pending");
  await made.clock.advance(1);
  assert.is(stop.state, "fulfilled");
});

test("shutdownTimeout is one grace for all phases", async () => {
  const trace = new Trace();
  const made: Rig = rig([
    trace.lifecycle("a", {
      stopping: takes(() => made.clock, 40),
      stop: takes(() => made.clock, 40),
      stopped: async (signal) => {
        await aborted(signal);
        trace.note(`${made.clock.now()}`);
      },
    }),
  ], { shutdownTimeout: 100 });
  await stopping(made);
  trace.take();
  await made.clock.advance(100);
  assert.equal(trace.take(), ["a.stop", "a.stopped", "100"]);
});

test("shutdownTimeout 0 leaves a stop one macrotask of grace, as .NET's timer does", async () => {
  const seen: string[] = [];
  const note = (phase: string) => (signal: AbortSignal): unknown => {
    seen.push(`${phase} ${signal.aborted}`);
    return aborted(signal);
  };
  const service = { start() {}, stopping: note("stopping"), stop: note("stop") };
  const made = rig([{ ...service, stopped: note("stopped") }], { shutdownTimeout: 0 });
  const stop = await stopping(made);
  assert.equal(seen, ["stopping false"]);
  await made.clock.advance(0);
  assert.is(stop.state, "fulfilled");
  assert.equal(seen, ["stopping false", "stop true", "stopped true"]);
});

test("shutdownTimeout Infinity: the grace never ends", async () => {
  const gate = new Gate();
  const made = rig([{ start() {}, stop: () => gate.promise }], { shutdownTimeout: Infinity });
  const stop = await stopping(made);
  await made.clock.advance(10 ** 12);
  assert.is(stop.state, "pending");
  gate.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
});

for (const option of ["shutdownTimeout", "stopTimeout"] as const) {
  test(`${option} longer than 2^31-1 ms is split`, async () => {
    const ms = 5 * 2 ** 31;
    const service = { start() {}, stop: (signal: AbortSignal) => aborted(signal) };
    const made = option === "stopTimeout"
      ? rig([{ ...service, stopTimeout: ms }], { shutdownTimeout: Infinity })
      : rig([service], { shutdownTimeout: ms });
    const stop = await stopping(made);
    await made.clock.advance(ms - 1);
    assert.is(stop.state, "pending");
    await made.clock.advance(1);
    assert.is(stop.state, "fulfilled");
    assert.is(made.clock.pending, 0);
  });
}

test("startupTimeout longer than 2^31-1 ms is split", async () => {
  const { host, clock } = rig([{ start: aborted, stop() {} }], { startupTimeout: 2 ** 33 });
  const start = new Fate(host.start());
  await clock.advance(2 ** 33 - 1);
  assert.is(start.state, "pending");
  await clock.advance(1);
  assert.is(start.state, "rejected");
  assert.is(clock.pending, 0);
});

test("abandonTimeout longer than 2^31-1 ms is split", async () => {
  const made = rig([{ start() {}, stop: hang }], { shutdownTimeout: 0, abandonTimeout: 2 ** 33 });
  const stop = await stopping(made);
  await made.clock.advance(2 ** 33 - 1);
  assert.is(stop.state, "pending");
  await made.clock.advance(1);
  assert.is(stop.state, "rejected");
  assert.is(made.clock.pending, 0);
});

// The hurry.

test("after the grace each hook is waited for in line at most abandonTimeout / 2", async () => {
  const trace = new Trace();
  const at = (name: string, clock: () => FakeClock, hook: () => unknown) =>
    trace.service(name, {
      stop: (signal) => {
        trace.note(`${clock().now()} aborted: ${signal.aborted}`);
        return hook();
      },
    });
  const made: Rig = rig([
    at("a", () => made.clock, () => {}),
    at("b", () => made.clock, hang),
    at("c", () => made.clock, hang),
  ], { shutdownTimeout: 10_000, abandonTimeout: 2_000 });
  const stop = await stopping(made);
  trace.take();
  await made.clock.advance(11_999);
  assert.equal(trace.take(), ["b.stop", "11000 aborted: true"]);
  await made.clock.advance(1);
  assert.equal(trace.take(), ["a.stop", "12000 aborted: true"], "the healthy one gets its turn");
  await made.clock.advance(1);
  assert.equal(messages(stop.reason), [
    'Cannot stop service "c": still running after 12000 ms',
    'Cannot stop service "b": still running after 1000 ms',
  ]);
});

test("a hook pending at the end of the grace is abandoned abandonTimeout later, named", async () => {
  const made = rig([{ name: "hung", start() {}, stop: hang }], {
    shutdownTimeout: 500,
    abandonTimeout: 100,
  });
  const stop = await stopping(made);
  await made.clock.advance(599);
  assert.is(stop.state, "pending");
  await made.clock.advance(1);
  const error = stop.reason as ServiceTimeoutError;
  assert.is(error.name, "ServiceTimeoutError");
  assert.is(error.code, "ERR_SERVICE_TIMEOUT");
  assert.is(error.message, 'Cannot stop service "hung": still running after 600 ms');
  assert.is(error.service, "hung");
  assert.is(error.phase, "stop");
  assert.is(error.elapsed, 600);
  assert.is(made.host.services[0]?.state, "abandoned");
  assert.is(made.host.services[0]?.error, error);
});

test("a hook called after the grace is abandoned abandonTimeout after its call", async () => {
  const controller = new AbortController();
  const made = rig([
    { name: "a", start() {}, stop: hang },
    { name: "b", start() {}, stop: hang },
    { name: "c", start() {}, stop: hang },
  ], { abandonTimeout: 1_000 });
  const stop = await stopping(made, controller.signal);
  controller.abort();
  await made.clock.advance(1_999);
  assert.is(stop.state, "pending");
  await made.clock.advance(1);
  assert.equal(messages(stop.reason), [
    'Cannot stop service "c": still running after 1000 ms',
    'Cannot stop service "b": still running after 1000 ms',
    'Cannot stop service "a": still running after 1000 ms',
  ]);
});

test("fulfilling late but within the limits is a warning, no error", async () => {
  const made: Rig = rig([{ name: "slow", start() {}, stop: takes(() => made.clock, 1_100) }], {
    shutdownTimeout: 1_000,
    abandonTimeout: 200,
  });
  const stop = await stopping(made);
  await made.clock.advance(1_100);
  assert.is(stop.state, "fulfilled");
  assert.equal(made.lines.all, ['warn: Service "slow": stop done late after 1100 ms']);
  assert.is(made.host.services[0]?.state, "stopped");
});

test("abandonTimeout 0: what is pending when the grace ends is abandoned then", async () => {
  const trace = new Trace();
  const made = rig([trace.service("a"), trace.service("hung", { stop: hang })], {
    shutdownTimeout: 100,
    abandonTimeout: 0,
  });
  const stop = await stopping(made);
  trace.take();
  await made.clock.advance(100);
  assert.equal(messages(stop.reason), ['Cannot stop service "hung": still running after 100 ms']);
  assert.equal(trace.take(), ["a.stop"]);
});

test("abandonTimeout Infinity: nothing is ever abandoned", async () => {
  const gate = new Gate();
  const made = rig([{ start() {}, stop: () => gate.promise }], { abandonTimeout: Infinity });
  const stop = await stopping(made);
  await made.clock.advance(10 ** 12);
  assert.is(stop.state, "pending");
  gate.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
  assert.is(made.clock.pending, 0);
});

// The cut.

test("a stop never takes longer than shutdownTimeout + abandonTimeout", async () => {
  const trace = new Trace();
  const hung = (name: string) =>
    trace.lifecycle(name, { stopping: hang, stop: hang, stopped: hang });
  const made = rig([hung("a"), hung("b"), trace.lifecycle("ok"), hung("c"), hung("d")], {
    shutdownTimeout: 1_000,
    abandonTimeout: 200,
    hostLifetime: trace.hostLifetime({ stop: hang }),
  });
  trace.watch(made.host.lifetime);
  const stop = await stopping(made);
  trace.take();
  await made.clock.advance(1_199);
  assert.is(stop.state, "pending");
  await made.clock.advance(1);
  assert.is(stop.state, "rejected");
  assert.equal(trace.take(), [
    "c.stopping",
    "ok.stopping",
    "b.stopping",
    "a.stopping",
    "lifetime.stopping",
    "d.stop",
    "c.stop",
    "ok.stop",
    "b.stop",
    "a.stop",
    "d.stopped",
    "c.stopped",
    "ok.stopped",
    "b.stopped",
    "a.stopped",
    "lifetime.stopped",
    "hostLifetime.stop",
  ], "every hook was called, in order");
  assert.is(made.clock.pending, 0);
});

test("what settles within one macrotask of the cut is not abandoned", async () => {
  const made = rig([
    { name: "quick", start() {}, stop: async () => void await Promise.resolve() },
    { name: "hung", start() {}, stop: hang },
  ], { shutdownTimeout: 1_000, abandonTimeout: 0 });
  const stop = await stopping(made);
  await made.clock.advance(1_000);
  assert.is((stop.reason as ServiceTimeoutError).service, "hung");
  assert.is(made.host.services[0]?.state, "stopped");
});

test("disposal is within the limits of the stop", async () => {
  const made = rig([
    () => ({ name: "hung", start() {}, stop() {}, [Symbol.asyncDispose]: hang }),
  ], { shutdownTimeout: 1_000, abandonTimeout: 200 });
  const stop = await stopping(made);
  await made.clock.advance(1_200);
  const error = stop.reason as ServiceTimeoutError;
  assert.is(error.message, 'Cannot dispose service "hung": still running after 1200 ms');
  assert.is(error.phase, "dispose");
});

test("the host lifetime's stop is within the limits of the stop", async () => {
  const seen: unknown[] = [];
  const made = rig([], {
    shutdownTimeout: 1_000,
    abandonTimeout: 200,
    hostLifetime: {
      waitForStart() {},
      stop: async (signal) => {
        await aborted(signal);
        seen.push(made.clock.now());
        await hang();
      },
    },
  });
  const stop = await stopping(made);
  await made.clock.advance(1_200);
  assert.equal(seen, [1_000]);
  assert.is((stop.reason as ServiceTimeoutError).service, "hostLifetime");
});

// stop(signal)

test("stop(signal) ends the grace when it aborts, with its reason", async () => {
  const controller = new AbortController();
  const trace = new Trace();
  const made: Rig = rig([
    trace.service("a", {
      stop: async (signal) => {
        await aborted(signal);
        trace.note(`${made.clock.now()} ${signal.reason}`);
      },
    }),
  ]);
  const stop = await stopping(made, controller.signal);
  trace.take();
  await made.clock.advance(70);
  controller.abort("enough");
  await quiet();
  assert.equal(trace.take(), ["70 enough"]);
  assert.is(stop.state, "fulfilled");
});

test("stop(signal) with a signal that has aborted leaves no grace", async () => {
  const seen: unknown[] = [];
  const made = rig([{
    start() {},
    stop: (signal: AbortSignal) => seen.push(signal.aborted, signal.reason),
  }]);
  await stopping(made, AbortSignal.abort("enough"));
  assert.equal(seen, [true, "enough"]);
});

test("stop(signal) during the start ends the grace of its rollback", async () => {
  const seen: boolean[] = [];
  const controller = new AbortController();
  const { host } = rig([
    { start() {}, stop: (signal: AbortSignal) => seen.push(signal.aborted) },
    { start: aborted, stop() {} },
  ]);
  const start = new Fate(host.start());
  await quiet();
  controller.abort();
  await host.stop(controller.signal);
  assert.equal(seen, [true]);
  assert.is(start.state, "rejected");
});

test("stop(signal): the grace that is over first counts", async () => {
  const first = new AbortController();
  const second = new AbortController();
  const reasons: unknown[] = [];
  const made = rig([{
    start() {},
    stop: async (signal: AbortSignal) => {
      await aborted(signal);
      reasons.push(signal.reason);
      await hang();
    },
  }]);
  await stopping(made, first.signal);
  const stop = new Fate(made.host.stop(second.signal));
  second.abort("second");
  first.abort("first");
  await made.clock.advance(2_000);
  assert.equal(reasons, ["second"]);
  assert.is(stop.state, "rejected");
});

// stopTimeout

test("stopTimeout ends the grace for that service alone", async () => {
  const trace = new Trace();
  const contexts: ServiceContext[] = [];
  const keep = (_: unknown, context: ServiceContext): number => contexts.push(context);
  const made: Rig = rig([
    { ...trace.service("a", { start: keep, stop: takes(() => made.clock, 10_000) }) },
    {
      ...trace.service("hung", {
        start: keep,
        stop: (signal) => {
          signal.addEventListener("abort", () => trace.note(`hung at ${made.clock.now()}`));
          return hang();
        },
      }),
      stopTimeout: 300,
    },
    { ...trace.service("c", { start: keep }) },
  ]);
  const stop = await stopping(made);
  trace.take();
  await made.clock.advance(1_299);
  assert.equal(trace.take(), ["hung at 300"]);
  await made.clock.advance(1);
  assert.equal(trace.take(), ["a.stop"], "waited for in line 300 + 2000 / 2 ms");
  assert.equal(contexts.map(({ forced }) => forced.aborted), [false, true, false]);
  await made.clock.advance(10_000);
  assert.equal(messages(stop.reason), ['Cannot stop service "hung": still running after 2300 ms']);
  assert.equal(contexts.map(({ forced }) => forced.aborted), [false, true, false]);
});

test("stopTimeout of a service that takes no signal shortens nobody else's grace", async () => {
  const trace = new Trace();
  const made: Rig = rig([
    trace.service("patient", {
      stop: async (signal) => {
        await aborted(signal);
        trace.note(`patient at ${made.clock.now()}`);
      },
    }),
    { name: "deaf", start() {}, stop: () => takes(() => made.clock, 20_000)() },
    { name: "hung", start() {}, stop: () => hang(), stopTimeout: 10 },
  ]);
  const stop = await stopping(made);
  trace.take();
  await made.clock.advance(27_000);
  assert.equal(trace.take(), ["patient.stop", "patient at 25000"]);
  assert.equal(messages(stop.reason), ['Cannot stop service "hung": still running after 2010 ms']);
});

test("stopTimeout is for each stop hook, and its signal stays aborted", async () => {
  const seen: string[] = [];
  const note = (phase: string) => (signal: AbortSignal): unknown => {
    seen.push(`${phase} at ${made.clock.now()}: ${signal.aborted}`);
    return phase === "stopping" ? aborted(signal) : undefined;
  };
  const service = { start() {}, stopping: note("stopping"), stop: note("stop") };
  const made: Rig = rig([{ ...service, stopTimeout: 50 }]);
  const stop = await stopping(made);
  await made.clock.advance(50);
  assert.is(stop.state, "fulfilled");
  assert.equal(seen, ["stopping at 0: false", "stop at 50: true"]);
});

test("stopTimeout 0 leaves the service's own stop one macrotask of grace", async () => {
  const seen: string[] = [];
  const note = (phase: string) => (signal: AbortSignal): unknown => {
    seen.push(`${phase} ${signal.aborted}`);
    return phase === "b.stopping" ? aborted(signal) : undefined;
  };
  const service = (name: string) => ({
    name,
    start() {},
    stopping: note(`${name}.stopping`),
    stop: note(`${name}.stop`),
  });
  const made = rig([service("a"), { ...service("b"), stopTimeout: 0 }]);
  const stop = await stopping(made);
  await made.clock.advance(0);
  assert.is(stop.state, "fulfilled");
  assert.equal(seen, ["b.stopping false", "a.stopping false", "b.stop true", "a.stop false"]);
});

test("stopTimeout longer than the host's grace changes nothing", async () => {
  const made = rig([{ start() {}, stop: aborted, stopTimeout: 60_000 }]);
  const stop = await stopping(made);
  await made.clock.advance(25_000);
  assert.is(stop.state, "fulfilled");
});

// abort

test("abort() abandons at once what is pending and lists it", async () => {
  const trace = new Trace();
  const made = rig([
    trace.service("a"),
    { name: "mailer", start() {}, stop: hang },
    { name: "server", start() {}, stop: hang },
  ], { servicesStopConcurrently: true, hostLifetime: trace.hostLifetime() });
  const stop = await stopping(made);
  await made.clock.advance(40);
  trace.take();
  made.host.abort("Ctrl+C");
  await made.clock.advance(0);
  const error = stop.reason as ForcedStopError;
  assert.is(error.name, "ForcedStopError");
  assert.is(error.code, "ERR_FORCED_STOP");
  assert.is(
    error.message,
    'Forced to stop: still running: "server" (stop, 40 ms), "mailer" (stop, 40 ms)',
  );
  assert.equal(error.abandoned, [
    { service: "server", phase: "stop", elapsed: 40 },
    { service: "mailer", phase: "stop", elapsed: 40 },
  ]);
  const cause = error.cause as Error;
  assert.is(cause.name, "AbortError");
  assert.is(cause.cause, "Ctrl+C");
  assert.equal(trace.take(), ["hostLifetime.stop"]);
  assert.equal(
    made.host.services.map(({ state }) => state),
    ["stopped", "abandoned", "abandoned"],
  );
  assert.is(made.clock.pending, 0);
});

test("abort() aborts the signal of what is pending: settling at once is no failure", async () => {
  const made = rig([{ start() {}, stop: aborted }]);
  const stop = await stopping(made);
  made.host.abort();
  await made.clock.advance(0);
  assert.is(stop.state, "fulfilled");
});

test("abort() hurries through the rest, and may be called again", async () => {
  const trace = new Trace();
  const made = rig([
    trace.service("a"),
    trace.service("b", { stop: hang }),
    trace.service("c", { stop: hang }),
  ]);
  const stop = await stopping(made);
  trace.take();
  made.host.abort("first");
  await made.clock.advance(0);
  assert.equal(trace.take(), ["b.stop"], "b gets its turn");
  assert.is(stop.state, "pending");
  made.host.abort("second");
  await made.clock.advance(0);
  assert.equal(trace.take(), ["a.stop"]);
  const { errors } = stop.reason as AggregateError;
  assert.equal(errors.map((it: ForcedStopError) => it.abandoned.map(({ service }) => service)), [
    ["c"],
    ["b"],
  ]);
});

test("abort() during the start abandons it, rolls back and rejects run() with what hung", async () => {
  const made = rig([
    { name: "a", start() {}, stop() {} },
    { name: "hung", start: hang, stop() {} },
  ]);
  const run = new Fate(made.host.run());
  await made.clock.advance(40);
  made.host.abort("Ctrl+C");
  await made.clock.advance(0);
  const error = run.reason as ForcedStopError;
  assert.equal(error.abandoned, [{ service: "hung", phase: "start", elapsed: 40 }]);
  assert.equal(made.host.services.map(({ state }) => state), ["stopped", "abandoned"]);
});

test("abort() of a worker that never ends names it", async () => {
  const trace = new Trace();
  const made = rig([trace.worker("worker", hang)]);
  const run = new Fate(made.host.run());
  await made.clock.advance(5);
  made.host.abort();
  await made.clock.advance(0);
  made.host.abort();
  await made.clock.advance(0);
  assert.is((run.reason as Error).name, "ForcedStopError");
  assert.match((run.reason as Error).message, /"worker"/);
});

test("abort() keeps a reason that is an AbortError", async () => {
  const reason = new DOMException("mine", "AbortError");
  const made = rig([{ start() {}, stop: hang }]);
  const stop = await stopping(made);
  made.host.abort(reason);
  await made.clock.advance(0);
  assert.is((stop.reason as Error).cause, reason);
});

// startupTimeout

test("startupTimeout fails the start, naming the pending service", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    trace.service("a"),
    trace.service("slow", { start: aborted }),
    trace.service("never"),
  ], { startupTimeout: 500 });
  const start = new Fate(host.start());
  await clock.advance(499);
  assert.is(start.state, "pending");
  await clock.advance(1);
  const error = start.reason as ServiceTimeoutError;
  assert.is(error.name, "ServiceTimeoutError");
  assert.is(error.message, 'Cannot start service "slow": still running after 500 ms');
  assert.is(error.phase, "start");
  assert.is(error.service, "slow");
  assert.is(error.elapsed, 500);
  assert.equal(trace.take(), ["a.start", "slow.start", "slow.stop", "a.stop"]);
  assert.is(clock.pending, 0);
});

test("startupTimeout names every pending service of a concurrent start", async () => {
  const reject = async (signal: AbortSignal): Promise<never> => {
    await aborted(signal);
    throw signal.reason;
  };
  const { host, clock } = rig([
    { name: "a", start: reject, stop() {} },
    { name: "ok", start() {}, stop() {} },
    { name: "b", start: reject, stop() {} },
  ], { startupTimeout: 500, servicesStartConcurrently: true });
  const start = new Fate(host.start());
  await clock.advance(500);
  assert.equal(messages(start.reason), [
    'Cannot start service "a": still running after 500 ms',
    'Cannot start service "b": still running after 500 ms',
  ]);
});

test("startupTimeout covers waitForStart", async () => {
  const { host, clock } = rig([], {
    startupTimeout: 500,
    hostLifetime: { waitForStart: aborted, stop() {} },
  });
  const start = new Fate(host.start());
  await clock.advance(500);
  assert.is(
    (start.reason as Error).message,
    'Cannot finish "waitForStart" of service "hostLifetime": still running after 500 ms',
  );
});

for (const phase of ["starting", "started"] as const) {
  test(`startupTimeout covers ${phase}`, async () => {
    const trace = new Trace();
    const { host, clock } = rig([trace.lifecycle("slow", { [phase]: aborted })], {
      startupTimeout: 500,
    });
    const start = new Fate(host.start());
    await clock.advance(500);
    assert.is(
      (start.reason as Error).message,
      `Cannot finish "${phase}" of service "slow": still running after 500 ms`,
    );
  });
}

test("startupTimeout: a start that hangs ends abandonTimeout and one stop later", async () => {
  const { host, clock } = rig([
    { name: "stuck", start() {}, stop: hang },
    { name: "hung", start: hang, stop() {} },
  ], { startupTimeout: 500, abandonTimeout: 100, shutdownTimeout: 1_000 });
  const start = new Fate(host.start());
  await clock.advance(1_699);
  assert.is(start.state, "pending");
  await clock.advance(1);
  assert.equal(messages(start.reason), [
    'Cannot start service "hung": still running after 500 ms',
    'Cannot stop service "stuck": still running after 1100 ms',
  ]);
  assert.equal(host.services.map(({ state }) => state), ["abandoned", "abandoned"]);
});

test("startupTimeout is over when the host has started", async () => {
  const trace = new Trace();
  const { host, clock } = rig([trace.worker("worker")], { startupTimeout: 500 });
  await host.start();
  await clock.advance(1_000);
  assert.is(host.state, "started");
  assert.equal(trace.take(), ["worker.execute"]);
  await host.stop();
});

test("startupTimeout 0 leaves a start one macrotask", async () => {
  const quick = rig([{ start: () => Promise.resolve(), stop() {} }], { startupTimeout: 0 });
  await quick.host.start();
  await quick.host.stop();
  const slow = rig([{ name: "slow", start: aborted, stop() {} }], { startupTimeout: 0 });
  const start = new Fate(slow.host.start());
  await slow.clock.advance(0);
  assert.equal(messages(start.reason), ['Cannot start service "slow": still running after 0 ms']);
});

test("a start that is cancelled ends abandonTimeout and one stop later", async () => {
  const controller = new AbortController();
  const { host, clock } = rig([{ name: "hung", start: hang, stop() {} }], { abandonTimeout: 100 });
  const start = new Fate(host.start(controller.signal));
  await clock.advance(5_000);
  controller.abort("enough");
  await clock.advance(99);
  assert.is(start.state, "pending");
  await clock.advance(1);
  const { errors } = start.reason as AggregateError;
  assert.is(errors[0], "enough");
  assert.equal(messages(errors[1]), ['Cannot start service "hung": still running after 5100 ms']);
});

// Late starts.

/** A host whose start was given up while `late` was starting. */
async function givenUp(
  trace: Trace,
  late: { start: () => Promise<void>; stop?: (signal: AbortSignal) => unknown },
): Promise<Rig & { readonly start: Fate }> {
  const controller = new AbortController();
  const made: Rig = rig([
    trace.service("a", { stop: takes(() => made.clock, 1_000) }),
    trace.service("late", late),
  ], { abandonTimeout: 100 });
  const start = new Fate(made.host.start(controller.signal));
  await quiet();
  controller.abort("enough");
  await made.clock.advance(100);
  assert.equal(trace.take(), ["a.start", "late.start", "a.stop"]);
  return { ...made, start };
}

test("a start that fulfils late is stopped at once, with a signal that has aborted", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host, clock, start } = await givenUp(trace, {
    start: () => gate.promise,
    stop: (signal) => trace.note(`aborted: ${signal.aborted}`),
  });
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["late.stop", "aborted: true"]);
  await clock.advance(1_000);
  assert.is(start.state, "rejected");
  assert.equal(host.services.map(({ state }) => state), ["stopped", "stopped"]);
});

test("a rollback waits for the stop of a late start within its limits", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const stopped = new Gate();
  const { clock, start } = await givenUp(trace, {
    start: () => gate.promise,
    stop: () => stopped.promise,
  });
  await clock.advance(950);
  gate.open();
  await clock.advance(90);
  assert.is(start.state, "pending", "a.stop has ended at 1000");
  stopped.open();
  await quiet();
  assert.is(start.state, "rejected");
  assert.is(clock.pending, 0);
});

test("a rollback abandons the stop of a late start that hangs", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { clock, start } = await givenUp(trace, { start: () => gate.promise, stop: hang });
  await clock.advance(950);
  gate.open();
  await clock.advance(100);
  assert.is(start.state, "rejected");
  assert.match(
    messages(start.reason).at(-1) as string,
    /^Cannot stop service "late": still running after 100 ms$/,
  );
});

test("a start that fulfils after the host has stopped is stopped all the same", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host, clock, start } = await givenUp(trace, {
    start: () => gate.promise,
    stop: () => Promise.reject(new Error("boom")),
  });
  await clock.advance(1_000);
  assert.is(start.state, "rejected");
  assert.is(host.state, "stopped");
  assert.equal(trace.take(), []);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["late.stop"]);
  assert.is(clock.pending, 0);
});

test("a start that rejects late is told and forgotten", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { clock, lines } = await givenUp(trace, { start: () => gate.promise });
  await clock.advance(1_000);
  gate.fail(new Error("boom"));
  await quiet();
  assert.equal(trace.take(), []);
  assert.is(
    lines.heads.at(-1),
    'error: Service "late": start late after 1100 ms: Error: boom',
  );
});

test("what hangs in a rollback is named once beside the cause", async () => {
  const boom = new Error("boom");
  const { host, clock } = rig([
    { name: "stuck", start() {}, stop: hang },
    { name: "bad", start: () => Promise.reject(boom), stop() {} },
  ]);
  const start = new Fate(host.start());
  await clock.advance(27_000);
  assert.equal(messages(start.reason), [
    "boom",
    'Cannot stop service "stuck": still running after 27000 ms',
  ]);
  assert.equal(messages(await rejection(host.stop())), [
    'Cannot stop service "stuck": still running after 27000 ms',
  ]);
});

test("what was abandoned stays so, though its next hook ends well", async () => {
  const { host, clock } = rig([
    { name: "a", start() {}, stop() {}, stopping: hang, stopTimeout: 20 },
  ], { abandonTimeout: 50 });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(1_000);
  assert.is(stop.state, "rejected");
  assert.is(host.services[0]?.state, "abandoned");
});

// Limits of a process that stood still.

/** A clock that jumps: the process was frozen and goes on, and its timers fire at once. */
class FrozenClock extends FakeClock {
  frozen = 0;

  override now(): number {
    return super.now() + this.frozen;
  }
}

/** A stop that freezes for `ms` right after its begin, at the time 0. */
async function frozen(ms: number, work: number): Promise<{ stop: Fate; clock: FrozenClock }> {
  const clock = new FrozenClock();
  const stopped = (): Promise<void> => new Promise((resolve) => clock.setTimeout(resolve, work));
  const { host } = rig([{ start() {}, stop: stopped }], { clock, shutdownTimeout: 1_000 });
  await host.start();
  const stop = new Fate(host.stop());
  await quiet();
  clock.frozen = ms;
  return { stop, clock };
}

test("a grace that is over because the process stood still goes on for as long", async () => {
  const { stop, clock } = await frozen(3_000, 3_900);
  await clock.advance(1_000);
  assert.is(stop.state, "pending", "the timer fires 3 s late, and the grace lasts 3 s more");
  await clock.advance(2_900);
  assert.is(stop.state, "fulfilled");
});

test("a frozen process gets 5 s more at most for each limit", async () => {
  const { stop, clock } = await frozen(3_600_000, 60_000);
  await clock.advance(1_000 + 5_000 + 1_999);
  assert.is(stop.state, "pending", "2 s to answer begin when the grace has ended");
  await clock.advance(1);
  assert.is(stop.state, "rejected");
  assert.match(String(stop.reason), /ServiceTimeoutError: Cannot stop service/);
});

test("a limit that is late by 1 s is not extended: the process was busy", async () => {
  const { stop, clock } = await frozen(1_000, 60_000);
  await clock.advance(1_000 + 2_000);
  assert.is(stop.state, "rejected");
});

test("what was abandoned stays so, though its stop is called later and ends well", async () => {
  const { host, clock } = rig([
    { name: "slow", start() {}, stop() {}, stopping: takes(() => clock, 80) },
    { name: "hung", start() {}, stop() {}, stopping: hang, stopTimeout: 10 },
  ], { abandonTimeout: 50 });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(60);
  assert.is(host.services[1]?.state, "abandoned");
  await clock.advance(1_000);
  assert.is(stop.state, "rejected");
  assert.is(host.services[1]?.state, "abandoned");
});

test("what is called after the cut has one macrotask, and all of it the same one", async () => {
  const hung = (name: string) => ({ name, start() {}, stop: hang, stopped: hang });
  const { host, clock, events } = rig([hung("a"), hung("b")], {
    shutdownTimeout: 100,
    abandonTimeout: 50,
    hostLifetime: { waitForStart() {}, stop: hang },
  });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(150);
  assert.is(stop.state, "rejected");
  assert.is(host.state, "stopped");
  assert.is(clock.pending, 0);
  const told = events.flatMap((it) =>
    "phase" in it && it.phase === "stopped" ? [`${it.service} ${it.type}`] : []
  );
  assert.equal(told, [
    "b serviceBegan",
    "a serviceBegan",
    "b serviceAbandoned",
    "a serviceAbandoned",
  ]);
});

test("a grace that ended before the rollback began has its cut all the same", async () => {
  const hung = (name: string) => ({ name, start() {}, stop: hang });
  const { host, clock } = rig([
    ...["a", "b", "c", "d", "e", "f", "g", "h"].map(hung),
    { name: "slow", start: hang, stop() {} },
  ], { shutdownTimeout: 100, abandonTimeout: 100 });
  const start = new Fate(host.start());
  await quiet();
  host.abort();
  await clock.advance(0);
  assert.is(start.state, "pending");
  await clock.advance(200);
  assert.is(start.state, "rejected");
  assert.is(host.state, "stopped");
});

test("abort() does not abandon what is called afterwards", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    trace.service("a", { stop: takes(() => clock, 10) }),
    trace.service("b", { stop: aborted }),
  ]);
  await host.start();
  const stop = new Fate(host.stop());
  await quiet();
  host.abort();
  await clock.advance(10);
  assert.is(stop.state, "fulfilled", String(stop.reason));
});

test("stopTimeout limits no hook of the start", async () => {
  let forced: AbortSignal | undefined;
  const { host, clock } = rig([
    {
      name: "slow",
      stopTimeout: 10,
      start: (_: AbortSignal, context: ServiceContext) => {
        forced = context.forced;
        return takes(() => clock, 10_000)();
      },
      stop() {},
    },
  ]);
  const start = new Fate(host.start());
  await clock.advance(9_999);
  assert.is(forced?.aborted, false);
  await clock.advance(1);
  assert.is(start.state, "fulfilled");
  await host.stop();
});

test("the end of the grace is told to the newest service first", async () => {
  const trace = new Trace();
  const patient = (name: string) =>
    trace.service(name, {
      stop: async (signal) => {
        signal.addEventListener("abort", () => trace.note(`${name} is told`));
        await aborted(signal);
      },
    });
  const { host, clock } = rig([patient("a"), patient("b")], {
    servicesStopConcurrently: true,
    shutdownTimeout: 100,
  });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(99);
  trace.take();
  await clock.advance(1);
  assert.equal(trace.take(), ["b is told", "a is told"]);
  assert.is(stop.state, "fulfilled");
});

test.run();
