import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost, type HostedService, hostedService, type Services } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

const boom = new Error("boom");

/** A service whose start and stop wait for its gates. */
function slow(trace: Trace, name: string): { service: HostedService; start: Gate; stop: Gate } {
  const [start, stop] = [new Gate(), new Gate()];
  const service = trace.service(name, { start: () => start.promise, stop: () => stop.promise });
  return { service, start, stop };
}

test("a list in the list starts together, the rest in order", async () => {
  const trace = new Trace();
  const [a, b] = [slow(trace, "a"), slow(trace, "b")];
  const { host } = rig([trace.service("pool"), [a.service, b.service], trace.service("web")]);
  const start = new Fate(host.start());
  await quiet();
  assert.equal(trace.take(), ["pool.start", "a.start", "b.start"]);
  b.start.open();
  await quiet();
  assert.equal(trace.take(), []);
  a.start.open();
  await quiet();
  assert.equal(trace.take(), ["web.start"]);
  assert.is(start.state, "fulfilled");
});

test("a list in the list stops together, newest first, when what came after it has stopped", async () => {
  const trace = new Trace();
  const [a, b] = [slow(trace, "a"), slow(trace, "b")];
  for (const { start } of [a, b]) start.open();
  const { host } = rig([trace.service("pool"), [a.service, b.service], trace.service("web")]);
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  await quiet();
  assert.equal(trace.take(), ["web.stop", "b.stop", "a.stop"]);
  b.stop.open();
  await quiet();
  assert.equal(trace.take(), []);
  a.stop.open();
  await quiet();
  assert.equal(trace.take(), ["pool.stop"]);
  assert.is(stop.state, "fulfilled");
});

test("each phase of a list runs together", async () => {
  const trace = new Trace();
  const { host } = rig([[trace.lifecycle("a"), trace.lifecycle("b")], trace.lifecycle("c")]);
  await host.start();
  await host.stop();
  assert.equal(trace.take(), [
    "a.starting",
    "b.starting",
    "c.starting",
    "a.start",
    "b.start",
    "c.start",
    "a.started",
    "b.started",
    "c.started",
    "c.stopping",
    "b.stopping",
    "a.stopping",
    "c.stop",
    "b.stop",
    "a.stop",
    "c.stopped",
    "b.stopped",
    "a.stopped",
  ]);
});

test("a failure inside a list halts the line after the list has settled", async () => {
  const trace = new Trace();
  const b = slow(trace, "b");
  b.stop.open();
  const { host } = rig([
    [hostedService("a", { start: () => Promise.reject(boom) }), b.service],
    trace.service("web"),
  ], { logger: false });
  const start = new Fate(host.start());
  await quiet();
  assert.equal(trace.take(), ["b.start"]);
  assert.is(start.state, "pending");
  b.start.open();
  await quiet();
  assert.is(start.reason, boom);
  assert.equal(trace.take(), ["b.stop"]);
});

test("a synchronous failure halts no call inside its list; a cancellation does", async () => {
  const trace = new Trace();
  const failing = rig([
    [
      hostedService("a", {
        start: () => {
          throw boom;
        },
      }),
      trace.service("b"),
    ],
  ], { logger: false });
  assert.is(await rejection(failing.host.start()), boom);
  assert.equal(trace.take(), ["b.start", "b.stop"]);

  const controller = new AbortController();
  const cancelled = rig([
    [hostedService("a", { start: () => controller.abort() }), trace.service("b")],
  ]);
  await rejection(cancelled.host.start(controller.signal));
  assert.equal(trace.take(), []);
});

test("a service of a list that hangs uses up one turn, whatever its neighbours do", async () => {
  const trace = new Trace();
  const hung = slow(trace, "hung");
  hung.start.open();
  const { host, clock } = rig([
    trace.service("pool"),
    [hung.service, trace.service("b")],
  ], { shutdownTimeout: 1_000, abandonTimeout: 2_000, logger: false });
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  await clock.advance(1_999);
  assert.equal(trace.take(), ["b.stop", "hung.stop"]);
  await clock.advance(1);
  assert.equal(trace.take(), ["pool.stop"]);
  await clock.advance(1_000);
  assert.match(String(stop.reason), /Cannot stop service "hung"/);
});

test("services, events and factories of lists have the flattened order", async () => {
  const seen: string[] = [];
  const { host, events } = rig([
    hostedService("pool", {}),
    [() => hostedService("made", {}), hostedService("b", {})],
    [],
    hostedService("web", {}),
  ]);
  assert.equal(host.services.map(({ name }) => name), ["pool", "service", "b", "web"]);
  await host.start();
  assert.equal(host.services.map(({ name }) => name), ["pool", "made", "b", "web"]);
  for (const event of events) {
    if (event.type === "serviceBegan" && event.phase === "start") seen.push(event.service);
  }
  assert.equal(seen, ["pool", "made", "b", "web"]);
  await host.stop();
});

test("a list goes one level deep: a deeper one is refused by its place", async () => {
  const service = { start() {}, stop() {} };
  const deeper = [service, [[service]]] as unknown as Services;
  const error = thrown(() => createHost(deeper));
  assert.instance(error, TypeError);
  assert.is(error.message, "Cannot use services[1][0]: expected a service, got object Array");
  const bad = thrown(() => createHost([service, [{ start() {} }]] as unknown as Services));
  assert.is(
    bad.message,
    'Cannot use services[1][0] "service".stop: expected function, got undefined',
  );
  const making = [service, [() => [service]]] as unknown as Services;
  const made = await rejection(createHost(making, { logger: false }).start());
  assert.instance(made, TypeError);
  assert.is(made.message, "Cannot use services[1][0]: expected a service, got object Array");
});

test("servicesStartConcurrently is the whole list as one", async () => {
  const trace = new Trace();
  const [a, b] = [slow(trace, "a"), slow(trace, "b")];
  const { host } = rig([a.service, [b.service], trace.service("c")], {
    servicesStartConcurrently: true,
  });
  const start = new Fate(host.start());
  await quiet();
  assert.equal(trace.take(), ["a.start", "b.start", "c.start"]);
  for (const { start, stop } of [a, b]) {
    start.open();
    stop.open();
  }
  await quiet();
  assert.is(start.state, "fulfilled");
  await host.stop();
});

test.run();
