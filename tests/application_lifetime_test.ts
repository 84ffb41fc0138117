import { test } from "uvu";
import * as assert from "uvu/assert";
import { AbortError } from "../src/_abort.ts";
import { aborted, backgroundService, type Host, hostedService, onAbort } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

test("the four signals are there from the beginning, and always the same", async () => {
  const { host } = rig([]);
  const { lifetime } = host;
  const before = [lifetime.started, lifetime.stopping, lifetime.closing, lifetime.stopped];
  assert.equal(before.map(({ aborted }) => aborted), [false, false, false, false]);
  await host.start();
  await host.stop();
  const after = [lifetime.started, lifetime.stopping, lifetime.closing, lifetime.stopped];
  assert.ok(after.every((signal, index) => signal === before[index]));
  assert.equal(after.map(({ aborted }) => aborted), [true, true, true, true]);
});

test("closing fires once in every stop, for the reason of stopping, before any stopping hook", async () => {
  const reason = new Error("enough");
  const direct = ["lifetime.closing", "a.stopping", "lifetime.stopping", "lifetime.stopped"];
  const asked = ["lifetime.stopping", "lifetime.closing", "a.stopping", "lifetime.stopped"];
  const rollback = ["lifetime.closing", "a.stopping", "lifetime.stopping", "lifetime.stopped"];
  const ways: [what: string, expected: string[], stop: (host: Host) => unknown, bad?: boolean][] = [
    ["a direct stop", direct, (host) => host.stop()],
    ["a stop that was asked for", asked, (host) => {
      host.lifetime.stopApplication(reason);
      return host.stop();
    }],
    ["an aborted stop", asked, (host) => {
      host.abort(reason);
      return host.stop();
    }],
    ["a stop without grace", direct, (host) => host.stop(AbortSignal.abort())],
    ["a rollback", rollback, () => {}, true],
  ];
  for (const [what, expected, stop, bad] of ways) {
    const trace = new Trace();
    const { host } = rig([
      { start() {}, stop() {}, stopping: () => trace.note("a.stopping") },
      hostedService("b", { started: () => bad && Promise.reject(reason) }),
    ]);
    const { lifetime } = host;
    for (const name of ["stopping", "closing", "stopped"] as const) {
      lifetime[name].addEventListener("abort", () => trace.note(`lifetime.${name}`));
    }
    await host.start().catch(() => {});
    await stop(host);
    assert.equal(trace.take(), expected, what);
    assert.is(lifetime.closing.reason, lifetime.stopping.reason, what);
    assert.is(lifetime.closing.reason.name, "AbortError", what);
  }
});

test("closing waits for the drainDelay, right after hostStopping is told", async () => {
  const trace = new Trace();
  const { host, clock } = rig([], {
    drainDelay: 500,
    onEvent: ({ type }) => type === "hostStopping" && trace.note(type),
  });
  host.lifetime.closing.addEventListener("abort", () => trace.note(`closing ${clock.now()}`));
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication();
  await clock.advance(499);
  assert.equal(trace.take(), []);
  await clock.advance(1);
  assert.equal(trace.take(), ["hostStopping", "closing 500"]);
  assert.is(run.state, "fulfilled");
});

test("closing is the same reason whoever looks first, and whenever", async () => {
  for (const late of [false, true]) {
    const { host } = rig([]);
    const { lifetime } = host;
    if (!late) assert.is(lifetime.closing.aborted, false);
    await host.start();
    await host.stop();
    const { reason } = lifetime.closing;
    assert.is(reason.message, "The host is stopping");
    assert.is(lifetime.stopping.reason, reason);
    assert.is(lifetime.closing.reason, reason);
  }
});

test("an answer to closing is a clean end of a worker", async () => {
  const { host, lines } = rig([
    backgroundService("stream", async (_, { lifetime }) => {
      await aborted(lifetime.closing);
      throw lifetime.closing.reason;
    }),
  ]);
  await host.start();
  await host.stop();
  assert.equal(lines.all, []);
});

test("a signal first asked for after it fired has aborted, with its reason", async () => {
  const { host } = rig([]);
  await host.start();
  await host.stop();
  const { started, stopping, closing, stopped } = host.lifetime;
  for (const signal of [started, stopping, closing, stopped]) {
    assert.ok(signal.aborted);
    assert.is(signal.reason.name, "AbortError");
  }
});

test("each signal fires once", async () => {
  const trace = new Trace();
  const { host } = rig([]);
  trace.watch(host.lifetime);
  await host.start();
  host.lifetime.stopApplication();
  host.lifetime.stopApplication();
  await host.stop();
  await host.stop();
  host.abort();
  assert.equal(trace.take(), ["lifetime.started", "lifetime.stopping", "lifetime.stopped"]);
});

test("started never fires when the start fails; stopping and stopped do", async () => {
  const trace = new Trace();
  const { host } = rig([hostedService("bad", { start: () => Promise.reject(new Error("boom")) })]);
  trace.watch(host.lifetime);
  await rejection(host.start());
  assert.equal(trace.take(), ["lifetime.stopping", "lifetime.stopped"]);
});

test("started fires before start() resolves, stopped before stop() does", async () => {
  const trace = new Trace();
  const { host } = rig([]);
  trace.watch(host.lifetime);
  const start = host.start().then(() => trace.note("start resolved"));
  await start;
  await host.stop().then(() => trace.note("stop resolved"));
  assert.equal(trace.take(), [
    "lifetime.started",
    "start resolved",
    "lifetime.stopping",
    "lifetime.stopped",
    "stop resolved",
  ]);
});

test("stopApplication() returns at once, when all listeners of stopping have been called", async () => {
  const trace = new Trace();
  const { host } = rig([hostedService("a", { stop: () => trace.note("a.stop") })]);
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopping.addEventListener("abort", () => trace.note("listener"));
  host.lifetime.stopApplication();
  trace.note("returned");
  await quiet();
  assert.equal(trace.take(), ["listener", "returned", "a.stop"]);
  assert.is(run.state, "fulfilled");
});

test("stopApplication() inside a listener of started stops a host that runs", async () => {
  const { host } = rig([]);
  onAbort(host.lifetime.started, () => host.lifetime.stopApplication("enough"));
  await host.run();
  assert.is(host.lifetime.stopping.reason.cause, "enough");
});

test("stopApplication() inside a hook of the stop does nothing", async () => {
  const trace = new Trace();
  const { host } = rig([
    trace.lifecycle("a", { stopping: () => host.lifetime.stopApplication("too late") }),
  ]);
  await host.start();
  await host.stop();
  assert.is(host.lifetime.stopping.reason.message, "The host is stopping");
});

test("a request to stop after the start was cancelled changes no reason", async () => {
  const controller = new AbortController();
  const gate = new Gate();
  const { host } = rig([hostedService("slow", { start: () => gate.promise })]);
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort(new AbortError("first"));
  host.lifetime.stopApplication("second");
  host.abort("third");
  gate.open();
  await quiet();
  assert.is(start.state, "rejected");
  assert.is(host.lifetime.stopping.reason, controller.signal.reason);
  assert.is(host.lifetime.closing.reason, controller.signal.reason);
});

test("a request to stop while the host starts is not said to be unheard", async () => {
  const gate = new Gate();
  const { host, lines } = rig([hostedService("slow", { start: () => gate.promise })]);
  const start = new Fate(host.start());
  await quiet();
  host.lifetime.stopApplication();
  gate.open();
  await quiet();
  assert.is(start.state, "rejected");
  assert.equal(lines.all, []);
});

test("a request to stop that nobody waits for is warned of, once", async () => {
  const { host, lines } = rig([]);
  await host.start();
  host.lifetime.stopApplication();
  host.lifetime.stopApplication();
  assert.equal(lines.all, [
    "warn: Nobody waits for the stop: call host.stop() or run()",
  ]);
  await host.stop();
});

test.run();
