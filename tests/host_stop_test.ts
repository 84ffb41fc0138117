import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Host, ServiceContext } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

/** The whole life of two services, one of them made by a factory, and how the stop is asked for. */
async function life(stop: (host: Host) => Promise<void>): Promise<string[]> {
  const trace = new Trace();
  const factory = () => ({
    ...trace.lifecycle("b"),
    [Symbol.asyncDispose]: async () => trace.note("b disposed"),
  });
  const { host } = rig([trace.lifecycle("a"), factory], { hostLifetime: trace.hostLifetime() });
  trace.watch(host.lifetime);
  await host.start();
  trace.take();
  await stop(host);
  return trace.take();
}

test("stop() goes through its phases in reverse", async () => {
  assert.equal(await life((host) => host.stop()), [
    "b.stopping",
    "a.stopping",
    "lifetime.stopping",
    "b.stop",
    "a.stop",
    "b.stopped",
    "a.stopped",
    "lifetime.stopped",
    "hostLifetime.stop",
    "b disposed",
  ]);
});

test("stopApplication() fires lifetime.stopping before the stopping phase", async () => {
  const order = [
    "lifetime.stopping",
    "b.stopping",
    "a.stopping",
    "b.stop",
    "a.stop",
    "b.stopped",
    "a.stopped",
    "lifetime.stopped",
    "hostLifetime.stop",
    "b disposed",
  ];
  const requested = await life(async (host) => {
    const shutdown = host.waitForShutdown();
    host.lifetime.stopApplication();
    await shutdown;
  });
  assert.equal(requested, order);
  const direct = await life(async (host) => {
    host.lifetime.stopApplication();
    await host.stop();
  });
  assert.equal(direct, order);
});

test("stop() waits for one service before it calls the next", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host } = rig([trace.service("a"), trace.service("b", { stop: () => gate.promise })]);
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  await quiet();
  assert.equal(trace.take(), ["b.stop"]);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["a.stop"]);
  assert.is(stop.state, "fulfilled");
});

test("stop() concurrently calls all of a phase in reverse, then waits for all of them", async () => {
  const trace = new Trace();
  const gates = { a: new Gate(), b: new Gate() };
  const waiting = (name: "a" | "b") =>
    trace.lifecycle(name, {
      stopping: () => gates[name].promise,
      stop: () => gates[name].promise,
      stopped: () => gates[name].promise,
    });
  const { host } = rig([waiting("a"), waiting("b")], { servicesStopConcurrently: true });
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  for (const phase of ["stopping", "stop", "stopped"]) {
    await quiet();
    assert.equal(trace.take(), [`b.${phase}`, `a.${phase}`]);
    const { a, b } = gates;
    gates.a = new Gate();
    gates.b = new Gate();
    b.open();
    await quiet();
    assert.equal(trace.take(), [], "the phase is not over");
    assert.is(stop.state, "pending");
    a.open();
  }
  await quiet();
  assert.is(stop.state, "fulfilled");
});

for (const concurrently of [false, true]) {
  const mode = concurrently ? "concurrently" : "one by one";
  test(`stop() ${mode} goes on through every failure`, async () => {
    const trace = new Trace();
    const fail = (text: string) => (): never => {
      throw new Error(text);
    };
    const { host } = rig(
      [
        trace.lifecycle("a"),
        trace.lifecycle("b", {
          stopping: fail("stopping"),
          stop: () => Promise.reject(new Error("stop")),
          stopped: fail("stopped"),
        }),
        trace.lifecycle("c"),
      ],
      { servicesStopConcurrently: concurrently },
    );
    await host.start();
    trace.take();
    const error = await rejection<AggregateError>(host.stop());
    assert.equal(error.errors.map((it) => it.message), ["stopping", "stop", "stopped"]);
    assert.equal(
      trace.take(),
      ["stopping", "stop", "stopped"].flatMap((
        phase,
      ) => [`c.${phase}`, `b.${phase}`, `a.${phase}`]),
    );
    assert.is(host.state, "stopped");
  });
}

test("stop() hands all stop hooks context.forced, which does not abort in a clean stop", async () => {
  const seen = new Set<AbortSignal>();
  const keep = (signal: AbortSignal, { forced }: ServiceContext): unknown =>
    seen.add(signal).add(forced);
  const service = {
    start: (_: AbortSignal, { forced }: ServiceContext) => seen.add(forced),
    stopping: keep,
    stop: keep,
    stopped: keep,
  };
  const { host } = rig([service]);
  await host.start();
  await host.stop();
  assert.is(seen.size, 1);
  assert.not.ok([...seen][0]?.aborted);
});

test("stop() hands each service a signal of its own", async () => {
  const seen = new Set<AbortSignal>();
  const service = () => ({ start() {}, stop: (signal: AbortSignal) => seen.add(signal) });
  const { host } = rig([service(), service(), service()]);
  await host.start();
  await host.stop();
  assert.is(seen.size, 3);
});

test("state moves forward through a whole life", async () => {
  const states: string[] = [];
  const note = (_: unknown, { host }: ServiceContext): number => states.push(host.state);
  const service = { starting: note, start: note, started: note, stopping: note, stop: note };
  const { host } = rig([{ ...service, stopped: note }]);
  states.push(host.state);
  host.lifetime.started.addEventListener("abort", () => states.push(`started: ${host.state}`));
  host.lifetime.stopped.addEventListener("abort", () => states.push(`stopped: ${host.state}`));
  await host.start();
  await host.stop();
  states.push(host.state);
  assert.equal(states, [
    "created",
    "starting",
    "starting",
    "starting",
    "started: started",
    "stopping",
    "stopping",
    "stopping",
    "stopped: stopping",
    "stopped",
  ]);
});

test('state is "stopping" as soon as lifetime.stopping fires', async () => {
  const { host } = rig([]);
  await host.start();
  const seen: string[] = [];
  host.lifetime.stopping.addEventListener("abort", () => seen.push(host.state));
  const shutdown = host.waitForShutdown();
  host.lifetime.stopApplication();
  assert.equal(seen, ["stopping"]);
  await shutdown;
});

test('state is "stopped" just before stop() settles', async () => {
  const { host } = rig([{ start() {}, stop: () => Promise.reject(new Error("boom")) }]);
  await host.start();
  const seen: string[] = [];
  await host.stop().catch(() => seen.push(host.state));
  assert.equal(seen, ["stopped"]);
});

test("services is a fresh snapshot at every moment", async () => {
  const { host, clock } = rig([
    { name: "a", start() {}, stop: () => new Promise<void>((go) => clock.setTimeout(go, 50)) },
    { name: "b", start: () => new Promise<void>((go) => clock.setTimeout(go, 30)), stop() {} },
  ]);
  const states = (): unknown[] => host.services.map(({ state, since }) => [state, since]);
  assert.equal(host.services, [
    { name: "a", state: "created", since: 0, error: undefined, details: undefined },
    { name: "b", state: "created", since: 0, error: undefined, details: undefined },
  ]);
  await clock.advance(5);
  const before = host.services;
  const start = host.start();
  await quiet();
  assert.equal(states(), [["started", 5], ["starting", 5]]);
  assert.is(before[0]?.state, "created", "it is a snapshot");
  assert.is.not(host.services, host.services);
  await clock.advance(30);
  await start;
  assert.equal(states(), [["started", 5], ["started", 35]]);
  await clock.advance(5);
  const stop = host.stop();
  await quiet();
  assert.equal(states(), [["stopping", 40], ["stopped", 40]]);
  await clock.advance(50);
  await stop;
  assert.equal(states(), [["stopped", 90], ["stopped", 40]]);
});

test("services show what a service says of itself, also that it cannot", () => {
  const boom = new Error("boom");
  const { host } = rig([
    { name: "queue", details: { waiting: 3 }, start() {}, stop() {} },
    {
      get details(): never {
        throw boom;
      },
      start() {},
      stop() {},
    },
  ]);
  assert.equal(host.services.map(({ details }) => details), [{ waiting: 3 }, boom]);
});

test("services name the error a hook ended with", async () => {
  const boom = new Error("boom");
  const { host } = rig([
    { name: "good", start() {}, stop() {} },
    { name: "bad", start() {}, stop: () => Promise.reject(boom) },
  ]);
  await host.start();
  await rejection(host.stop());
  assert.equal(host.services.map(({ state }) => state), ["stopped", "failed"]);
  assert.is(host.services[0]?.error, undefined);
  assert.is(host.services[1]?.error, boom);
});

test("stop() leaves no timer behind", async () => {
  const { host, clock } = rig([{ start() {}, stop() {}, stopTimeout: 10 }], {
    startupTimeout: 1_000,
    hostLifetime: { waitForStart() {}, stop() {} },
  });
  await host.start();
  assert.is(clock.pending, 0, "a host that only runs has no timer, unless somebody waits in run()");
  await host.stop();
  assert.is(clock.pending, 0);
});

test("stop() ends although a hook waits for the stop it is part of", async () => {
  const { host, clock } = rig([{
    name: "knot",
    start() {},
    stop: (_: AbortSignal, context: ServiceContext) => context.host.stop(),
  }]);
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(27_000);
  assert.is(stop.state, "rejected");
});

test("one hung service costs no healthy one its turn", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    trace.lifecycle("a"),
    trace.lifecycle("hung", { stopping: hang, stop: hang, stopped: hang }),
    trace.lifecycle("c"),
  ]);
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  await clock.advance(27_001);
  assert.is(stop.state, "rejected");
  const healthy = trace.take().filter((entry) => !entry.startsWith("hung"));
  assert.equal(healthy, [
    "c.stopping",
    "a.stopping",
    "c.stop",
    "a.stop",
    "c.stopped",
    "a.stopped",
  ]);
});

test.run();
