/**
 * Every call in every state, as "The life of a host" in docs/design.md has it.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type HostedLifecycleService, type HostState, HostStateError } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { type Rig, rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

/** A host with the services `a` and `b`, in some state. */
interface Scene extends Rig {
  readonly trace: Trace;
  /** What `b` waits for while the host is starting, or stopping. */
  readonly gate: Gate;
  /** Of the call of `start` that led here, if one did. */
  readonly start: Fate | undefined;
  /** Of the call of `stop` that led here, if one did. */
  readonly stop: Fate | undefined;
}

interface Failures {
  readonly start?: Error;
  readonly stop?: Error;
}

async function reach(state: HostState, failures: Failures = {}): Promise<Scene> {
  const trace = new Trace();
  const gate = new Gate();
  const b: HostedLifecycleService = trace.service("b", {
    start: (signal) => {
      if (state !== "starting") return;
      signal.addEventListener("abort", () => gate.fail(signal.reason));
      return gate.promise;
    },
    stop: async () => {
      if (state === "stopping") await gate.promise;
      if (failures.stop) throw failures.stop;
    },
  });
  const c = trace.service("c", {
    start: () => {
      if (failures.start) throw failures.start;
    },
  });
  const made = rig([trace.service("a"), b, c], { hostLifetime: trace.hostLifetime() });
  const { host } = made;
  let start: Fate | undefined;
  let stop: Fate | undefined;
  if (state !== "created") start = new Fate(host.start());
  await quiet();
  if ((state === "stopping" || state === "stopped") && !failures.start) {
    stop = new Fate(host.stop());
  }
  await quiet();
  assert.is(host.state, state);
  trace.take();
  trace.watch(host.lifetime);
  return { ...made, trace, gate, start, stop };
}

const wholeStop = ["c.stop", "b.stop", "a.stop", "lifetime.stopped", "hostLifetime.stop"];

// start

test("start() while created starts", async () => {
  const { host, trace } = await reach("created");
  await host.start();
  assert.is(host.state, "started");
  assert.equal(trace.take(), [
    "hostLifetime.waitForStart",
    "a.start",
    "b.start",
    "c.start",
    "lifetime.started",
  ]);
});

test("start() while starting joins", async () => {
  const { host, trace, gate, start } = await reach("starting");
  const second = new Fate(host.start());
  await quiet();
  assert.is(second.state, "pending");
  assert.equal(trace.take(), []);
  gate.open();
  await quiet();
  assert.is(second.state, "fulfilled");
  assert.is(start?.state, "fulfilled");
  assert.equal(trace.take(), ["c.start", "lifetime.started"]);
});

test("start() while starting joins its failure too", async () => {
  const boom = new Error("boom");
  const { host, gate, start } = await reach("starting", { start: boom });
  const second = new Fate(host.start());
  gate.open();
  await quiet();
  assert.is(second.reason, boom);
  assert.is(start?.reason, boom);
});

test("start() while starting brings a signal that counts", async () => {
  const { host, start } = await reach("starting");
  const controller = new AbortController();
  const second = new Fate(host.start(controller.signal));
  controller.abort("enough");
  await quiet();
  assert.is(second.reason, "enough");
  assert.is(start?.reason, "enough");
});

test("start() while started fulfils", async () => {
  const { host, trace } = await reach("started");
  await host.start();
  await host.start(AbortSignal.abort());
  assert.is(host.state, "started");
  assert.equal(trace.take(), []);
});

test("start() while stopping has the start's outcome", async () => {
  const { host, trace } = await reach("stopping");
  await host.start();
  assert.is(host.state, "stopping");
  assert.equal(trace.take(), []);
});

test("start() while rolling back joins that", async () => {
  const boom = new Error("boom");
  const gate = new Gate();
  const { host } = rig([
    { start() {}, stop: () => gate.promise },
    { start: () => Promise.reject(boom), stop() {} },
  ]);
  const first = new Fate(host.start());
  await quiet();
  const second = new Fate(host.start());
  await quiet();
  assert.is(host.state, "stopping");
  assert.is(second.state, "pending");
  gate.open();
  await quiet();
  assert.is(first.reason, boom);
  assert.is(second.reason, boom);
});

test("start() and run() after a stop are refused", async () => {
  const { host, trace } = await reach("stopped", { stop: new Error("of the stop") });
  for (const call of ["start", "run"] as const) {
    const error = await rejection(host[call]());
    assert.instance(error, HostStateError);
    assert.match(error.message, "Cannot start the host: it has stopped; create another");
  }
  assert.equal(trace.take(), []);
  assert.is(host.state, "stopped");
});

test("start() while stopped has the outcome of a start that failed", async () => {
  const boom = new Error("boom");
  const { host, trace } = await reach("stopped", { start: boom });
  assert.is(await rejection(host.start()), boom);
  assert.equal(trace.take(), []);
});

for (const call of ["start", "run"] as const) {
  test(`${call}() after a stop that had no start is refused`, async () => {
    const { host, trace } = await reach("created");
    const stop = host.stop();
    trace.take();
    for (const settled of [false, true]) {
      if (settled) await stop;
      const error = await rejection<HostStateError>(host[call]());
      assert.instance(error, HostStateError);
      assert.is(error.code, "ERR_HOST_STATE");
      assert.is(
        error.message,
        "Cannot start the host: it has stopped; create another",
      );
    }
    assert.not.ok(trace.take().some((entry) => entry.endsWith("start")));
  });
}

// run

test("run() while created starts, waits and stops", async () => {
  const { host, trace } = await reach("created");
  const run = new Fate(host.run());
  await quiet();
  assert.is(host.state, "started");
  assert.is(run.state, "pending");
  trace.take();
  host.lifetime.stopApplication();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(host.state, "stopped");
  assert.equal(trace.take(), ["lifetime.stopping", ...wholeStop]);
});

test("run() while created rejects with the start's error", async () => {
  const boom = new Error("boom");
  const { host } = await reach("created", { start: boom });
  assert.is(await rejection(host.run()), boom);
});

test("run() while starting joins", async () => {
  const { host, gate, trace } = await reach("starting");
  const run = new Fate(host.run());
  gate.open();
  await quiet();
  assert.is(host.state, "started");
  assert.equal(trace.take(), ["c.start", "lifetime.started"]);
  assert.is(run.state, "pending");
  await host.stop();
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("run() while starting rejects if that fails", async () => {
  const boom = new Error("boom");
  const { host, gate, start } = await reach("starting", { start: boom });
  const run = new Fate(host.run());
  gate.open();
  await quiet();
  assert.is(run.reason, boom);
  assert.is(start?.reason, boom);
});

test("run() while started waits", async () => {
  const { host, trace } = await reach("started");
  const run = new Fate(host.run());
  await quiet();
  assert.is(run.state, "pending");
  assert.equal(trace.take(), []);
  host.lifetime.stopApplication();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.equal(trace.take(), ["lifetime.stopping", ...wholeStop]);
});

test("run() while started stops at once if the stop was asked for before", async () => {
  const { host } = await reach("started");
  host.lifetime.stopApplication();
  await host.run();
  assert.is(host.state, "stopped");
});

test("run() while stopping joins the stop", async () => {
  const boom = new Error("boom");
  const { host, gate, stop } = await reach("stopping", { stop: boom });
  const run = new Fate(host.run());
  await quiet();
  assert.is(run.state, "pending");
  gate.open();
  await quiet();
  assert.is(run.reason, boom);
  assert.is(stop?.reason, boom);
});

test("run() while stopped has the outcome of a start that failed", async () => {
  const boom = new Error("boom");
  const { host } = await reach("stopped", { start: boom });
  assert.is(await rejection(host.run()), boom);
});

// waitForShutdown

test("waitForShutdown() while created waits for a start and a stop", async () => {
  const { host } = await reach("created");
  const shutdown = new Fate(host.waitForShutdown());
  await quiet();
  assert.is(host.state, "created");
  await host.start();
  assert.is(shutdown.state, "pending");
  host.lifetime.stopApplication();
  await quiet();
  assert.is(shutdown.state, "fulfilled");
  assert.is(host.state, "stopped");
});

test("waitForShutdown() while created stops a host that is asked to stop there", async () => {
  const { host, trace } = await reach("created");
  const shutdown = new Fate(host.waitForShutdown());
  host.lifetime.stopApplication();
  await quiet();
  assert.is(shutdown.state, "fulfilled");
  assert.equal(trace.take(), ["lifetime.stopping", "lifetime.stopped", "hostLifetime.stop"]);
});

test("waitForShutdown() while starting waits for the rollback of a start that is cancelled", async () => {
  const { host, trace } = await reach("starting");
  const shutdown = new Fate(host.waitForShutdown());
  host.lifetime.stopApplication();
  await quiet();
  assert.is(shutdown.state, "fulfilled");
  assert.equal(trace.take(), [
    "lifetime.stopping",
    "a.stop",
    "lifetime.stopped",
    "hostLifetime.stop",
  ]);
});

for (const state of ["stopping", "stopped"] as const) {
  test(`waitForShutdown() while ${state} has the stop's outcome`, async () => {
    const boom = new Error("boom");
    const { host, gate } = await reach(state, { stop: boom });
    const shutdown = new Fate(host.waitForShutdown());
    gate.open();
    await quiet();
    assert.is(shutdown.reason, boom);
  });
}

// stop

test("stop() while created fires the signals, ends the host lifetime, touches no service", async () => {
  const { host, trace, clock } = await reach("created");
  await host.stop();
  assert.equal(trace.take(), ["lifetime.stopping", "lifetime.stopped", "hostLifetime.stop"]);
  assert.is(host.state, "stopped");
  assert.is(clock.pending, 0);
});

test("stop() while created makes no service of a factory", async () => {
  const trace = new Trace();
  const { host } = rig([() => {
    trace.note("make");
    return trace.service("made");
  }]);
  await host.stop();
  assert.equal(trace.take(), []);
});

test("stop() while created rejects with the host lifetime's error", async () => {
  const boom = new Error("boom");
  const { host } = rig([], {
    hostLifetime: { waitForStart() {}, stop: () => Promise.reject(boom) },
  });
  assert.is(await rejection(host.stop()), boom);
});

test("stop() while starting cancels the start and joins its rollback", async () => {
  const { host, trace, start } = await reach("starting");
  const stop = new Fate(host.stop());
  assert.is(host.state, "stopping");
  await quiet();
  assert.is(stop.state, "fulfilled");
  assert.equal(trace.take(), [
    "lifetime.stopping",
    "a.stop",
    "lifetime.stopped",
    "hostLifetime.stop",
  ]);
  const reason = start?.reason as Error;
  assert.is(reason.name, "AbortError");
  assert.is(host.lifetime.stopping.reason, reason);
});

test("stop() while starting settles with the rollback's errors alone", async () => {
  const ofStart = new Error("of the start");
  const ofStop = new Error("of the rollback");
  const { host } = rig([
    { start() {}, stop: () => Promise.reject(ofStop) },
    {
      start: (signal: AbortSignal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(ofStart))),
      stop() {},
    },
  ]);
  const start = new Fate(host.start());
  await quiet();
  const stop = new Fate(host.stop());
  await quiet();
  assert.is(stop.reason, ofStop);
  assert.equal((start.reason as AggregateError).errors.slice(1), [ofStart, ofStop]);
});

test("stop() while starting lets run() resolve", async () => {
  const { host } = await reach("starting");
  const run = new Fate(host.run());
  await quiet();
  await host.stop();
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("stop() while started stops", async () => {
  const { host, trace } = await reach("started");
  await host.stop();
  assert.equal(trace.take(), ["lifetime.stopping", ...wholeStop]);
});

test("stop() while stopping joins", async () => {
  const boom = new Error("boom");
  const { host, gate, trace, stop } = await reach("stopping", { stop: boom });
  const second = new Fate(host.stop());
  await quiet();
  assert.is(second.state, "pending");
  gate.open();
  await quiet();
  assert.is(stop?.reason, boom);
  assert.is(second.reason, boom);
  assert.equal(trace.take(), ["a.stop", "lifetime.stopped", "hostLifetime.stop"]);
});

test("stop() while stopping brings a signal that counts", async () => {
  const { host, clock, stop } = await reach("stopping");
  const controller = new AbortController();
  const second = new Fate(host.stop(controller.signal));
  controller.abort("enough");
  await clock.advance(2_000);
  assert.is(stop?.state, "rejected", "the hung service was abandoned long before its time");
  assert.is(second.reason, stop?.reason);
});

test("stop() while stopped has the first one's outcome", async () => {
  const clean = await reach("stopped");
  await clean.host.stop();
  await clean.host.stop(AbortSignal.abort());
  const boom = new Error("boom");
  const { host, trace } = await reach("stopped", { stop: boom });
  assert.is(await rejection(host.stop()), boom);
  assert.is(await rejection(host.stop()), boom);
  assert.equal(trace.take(), []);
});

test("stop() while stopped has the errors of a rollback", async () => {
  const boom = new Error("of the rollback");
  const { host } = await reach("stopped", { start: new Error("of the start"), stop: boom });
  assert.is(await rejection(host.stop()), boom);
});

// stopApplication

test("stopApplication() while created fires stopping and cancels a later start", async () => {
  const { host, trace } = await reach("created");
  host.lifetime.stopApplication("because");
  assert.equal(trace.take(), ["lifetime.stopping"]);
  assert.is(host.state, "stopping");
  await host.run();
  assert.equal(trace.take(), ["lifetime.stopped"]);
  assert.is((await rejection(host.start())).cause, "because");
});

test("stopApplication() while starting cancels the start", async () => {
  const { host, trace, start } = await reach("starting");
  host.lifetime.stopApplication("because");
  assert.equal(trace.take(), ["lifetime.stopping"]);
  assert.is(host.state, "stopping");
  await quiet();
  assert.is((start?.reason as Error).cause, "because");
  assert.equal(trace.take(), ["a.stop", "lifetime.stopped", "hostLifetime.stop"]);
  assert.is(host.state, "stopped");
});

for (const waits of ["run", "waitForShutdown"] as const) {
  test(`stopApplication() while started begins the stop if somebody waits in ${waits}()`, async () => {
    const { host, trace, lines } = await reach("started");
    const waiting = new Fate(host[waits]());
    await quiet();
    host.lifetime.stopApplication();
    assert.equal(trace.take(), ["lifetime.stopping"]);
    await quiet();
    assert.equal(trace.take(), wholeStop);
    assert.is(waiting.state, "fulfilled");
    assert.equal(lines.all, []);
  });
}

test("stopApplication() while started warns once if nobody waits, and says what to call", async () => {
  const { host, trace, lines } = await reach("started");
  host.lifetime.stopApplication();
  host.lifetime.stopApplication();
  await quiet();
  assert.equal(trace.take(), ["lifetime.stopping"]);
  assert.equal(lines.all, [
    "warn: Nobody waits for the stop: call host.stop() or run()",
  ]);
  await host.stop();
  assert.is(host.state, "stopped");
});

for (const state of ["stopping", "stopped"] as const) {
  test(`stopApplication() while ${state} does nothing`, async () => {
    const { host, trace, lines, events, gate } = await reach(state);
    const { reason } = host.lifetime.stopping;
    const before = events.length;
    host.lifetime.stopApplication("too late");
    await quiet();
    assert.equal(trace.take(), []);
    assert.equal(lines.all, []);
    assert.is(events.length, before);
    assert.is(host.lifetime.stopping.reason, reason);
    gate.open();
    await host.stop();
  });
}

test("stopApplication() may be called detached, twice, and from its own listener", async () => {
  const { host } = await reach("started");
  const { stopApplication, stopping } = host.lifetime;
  stopping.addEventListener("abort", () => stopApplication("second"));
  const shutdown = host.waitForShutdown();
  stopApplication("first");
  stopApplication("third");
  await shutdown;
  assert.is(stopping.reason.cause, "first");
});

// abort

test("abort() while created asks for a stop that has no grace", async () => {
  const { host, trace } = await reach("created");
  host.abort("now");
  assert.equal(trace.take(), ["lifetime.stopping"]);
  await host.run();
  assert.is((await rejection(host.start())).cause, "now");
});

test("abort() while starting abandons what is pending", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    trace.service("a"),
    trace.service("hung", { start: () => new Promise(() => {}) }),
  ]);
  const run = new Fate(host.run());
  await quiet();
  host.abort("now");
  await clock.advance(0);
  assert.is((run.reason as Error).name, "ForcedStopError");
  assert.equal(trace.take(), ["a.start", "hung.start", "a.stop"]);
});

test("abort() while started asks for the stop, whose hooks are called without a grace", async () => {
  const seen: boolean[] = [];
  const { host } = rig([{ start() {}, stop: (signal: AbortSignal) => seen.push(signal.aborted) }]);
  const run = new Fate(host.run());
  await quiet();
  host.abort();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.equal(seen, [true]);
});

test("abort() while started warns, as stopApplication() does, if nobody waits", async () => {
  const { host, lines } = await reach("started");
  host.abort();
  assert.is(lines.all.length, 1);
  await host.stop();
});

test("abort() while stopping abandons what is pending", async () => {
  const { host, clock, stop } = await reach("stopping");
  host.abort();
  await clock.advance(0);
  assert.is((stop?.reason as Error).name, "ForcedStopError");
});

test("abort() while stopped does nothing", async () => {
  const { host, clock, events } = await reach("stopped");
  const before = events.length;
  host.abort();
  await quiet();
  assert.is(events.length, before);
  assert.is(clock.pending, 0);
  await host.stop();
});

// Symbol.asyncDispose

test("asyncDispose() while created stops", async () => {
  const { host, trace } = await reach("created");
  await host[Symbol.asyncDispose]();
  assert.equal(trace.take(), ["lifetime.stopping", "lifetime.stopped", "hostLifetime.stop"]);
});

test("asyncDispose() while starting cancels the start and waits for its rollback", async () => {
  const { host, trace, start } = await reach("starting");
  await host[Symbol.asyncDispose]();
  assert.is(host.state, "stopped");
  assert.is(start?.state, "rejected");
  assert.ok(trace.take().includes("a.stop"));
});

test("asyncDispose() while started stops", async () => {
  const { host, trace } = await reach("started");
  await host[Symbol.asyncDispose]();
  assert.equal(trace.take(), ["lifetime.stopping", ...wholeStop]);
});

test("asyncDispose() while started rejects with the errors of the stop it begins", async () => {
  const boom = new Error("boom");
  const { host } = await reach("started", { stop: boom });
  assert.is(await rejection(host[Symbol.asyncDispose]()), boom);
});

for (const state of ["stopping", "stopped"] as const) {
  test(`asyncDispose() while ${state} has the stop's outcome`, async () => {
    const boom = new Error("boom");
    const { host, gate, stop } = await reach(state, { stop: boom });
    const dispose = new Fate(host[Symbol.asyncDispose]());
    gate.open();
    await quiet();
    assert.is(dispose.reason, boom);
    assert.is(stop?.reason, boom);
  });
}

// All of them

test("repeated calls share one error, also if it is made of several", async () => {
  const { host } = rig([
    { start() {}, stop: () => Promise.reject(new Error("one")) },
    { start() {}, stop: () => Promise.reject(new Error("two")) },
  ]);
  const run = new Fate(host.run());
  await quiet();
  const error = await rejection(host.stop());
  assert.instance(error, AggregateError);
  assert.is(await rejection(host.stop()), error);
  await quiet();
  assert.is(run.reason, error);
});

test("repeated calls share one outcome, not one promise", async () => {
  const boom = new Error("boom");
  const { host } = await reach("created", { stop: boom });
  const starts = [host.start(), host.start()];
  assert.is.not(starts[0], starts[1]);
  await Promise.all(starts);
  const stops = [host.stop(), host.stop(), host.stop()];
  assert.is(new Set(stops).size, 3);
  const outcomes = await Promise.allSettled(stops);
  assert.ok(outcomes.every((it) => it.status === "rejected" && it.reason === boom));
});

test("run(signal) and waitForShutdown(signal) take an abort for a stop request", async () => {
  for (const call of ["run", "waitForShutdown"] as const) {
    const { host } = await reach("started");
    const controller = new AbortController();
    const waiting = new Fate(host[call](controller.signal));
    await quiet();
    const reason = new TypeError("of the caller");
    controller.abort(reason);
    await quiet();
    assert.is(waiting.state, "fulfilled");
    assert.is(host.lifetime.stopping.reason, reason);
  }
});

test("run(signal) with a signal that has aborted stops before it starts", async () => {
  const { host, trace } = await reach("created");
  await host.run(AbortSignal.abort("early"));
  assert.equal(trace.take(), ["lifetime.stopping", "lifetime.stopped"]);
  assert.is(host.lifetime.stopping.reason, "early");
});

test("run(signal) aborted during the start is a stop request: it rolls back and resolves", async () => {
  const { host, trace, start } = await reach("starting");
  const controller = new AbortController();
  const run = new Fate(host.run(controller.signal));
  controller.abort("enough");
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(start?.reason, "enough");
  assert.ok(trace.take().includes("a.stop"));
});

test("run(signal) aborting never shortens the stop", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    trace.service("slow", { stop: () => new Promise<void>((go) => clock.setTimeout(go, 24_000)) }),
  ]);
  const controller = new AbortController();
  const run = new Fate(host.run(controller.signal));
  await quiet();
  controller.abort();
  await clock.advance(24_000);
  assert.is(run.state, "fulfilled");
});

for (const call of ["start", "run", "stop", "waitForShutdown"] as const) {
  test(`${call}() refuses what is no signal`, async () => {
    const { host } = await reach("created");
    for (
      const [bad, got] of [
        ["now", 'string "now"'],
        [42, "number 42"],
        [null, "null"],
        [{}, "object Object"],
        [new AbortController(), "object AbortController"],
      ] as const
    ) {
      const error = await rejection(host[call](bad as never));
      assert.instance(error, TypeError);
      assert.is(error.message, `Cannot use signal: expected an AbortSignal, got ${got}`);
    }
    assert.is(host.state, "created");
  });
}

test.run();
