import { test } from "uvu";
import * as assert from "uvu/assert";
import { hostedService, type ServiceContext } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

test("waitUntil() work is awaited after its service's stop, before an older one's", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host, events } = rig([
    trace.service("pool"),
    trace.service("web", { start: (_, { waitUntil }) => waitUntil(gate.promise) }),
  ]);
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  await quiet();
  assert.equal(trace.take(), ["web.stop"]);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["pool.stop"]);
  assert.is(stop.state, "fulfilled");
  const told = events.filter((event) => "phase" in event && event.phase === "waitUntil");
  assert.equal(told.map(({ type }) => type), ["serviceBegan", "serviceDone"]);
});

test("waitUntil() work may hand over more", async () => {
  const gates = [new Gate(), new Gate()] as const;
  const { host } = rig([
    hostedService("web", {
      start: (_, { waitUntil }) =>
        waitUntil(gates[0].promise.then(() => waitUntil(gates[1].promise))),
    }),
  ]);
  await host.start();
  const stop = new Fate(host.stop());
  gates[0].open();
  await quiet();
  assert.is(stop.state, "pending");
  gates[1].open();
  await quiet();
  assert.is(stop.state, "fulfilled");
});

test("waitUntil() work that fails is told and logged once, and stops nothing", async () => {
  const boom = new Error("boom");
  let context!: ServiceContext;
  const web = hostedService("web", { start: (_, it) => (context = it) });
  const { host, events, lines } = rig([web]);
  await host.start();
  context.waitUntil(Promise.reject(boom));
  await quiet();
  assert.is(host.state, "started");
  assert.is(host.services[0]?.state, "started");
  assert.equal(lines.heads, [
    'error: Service "web": waitUntil failed after 0 ms: Error: boom',
  ]);
  const event = events.find(({ type }) => type === "serviceFailed");
  assert.is(event && "error" in event && event.error, boom);
  await host.stop();
});

test("waitUntil() takes any thenable, also one that throws, and needs no this", async () => {
  let waitUntil!: ServiceContext["waitUntil"];
  const { host, lines } = rig([hostedService("web", { start: (_, it) => ({ waitUntil } = it) })]);
  await host.start();
  waitUntil({ then: () => thrower() } as never);
  waitUntil(undefined as never);
  await quiet();
  assert.equal(lines.heads, [
    'error: Service "web": waitUntil failed after 0 ms: Error: thrown',
  ]);
  await host.stop();

  function thrower(): never {
    throw new Error("thrown");
  }
});

test("waitUntil() work that ends with the reason of the stop has ended well", async () => {
  const { host, lines } = rig([
    hostedService("web", {
      start: (_, { waitUntil, forced }) =>
        waitUntil(
          new Promise((_, reject) => forced.addEventListener("abort", () => reject(forced.reason))),
        ),
    }),
  ]);
  await host.start();
  await host.stop(AbortSignal.abort());
  assert.equal(lines.all, []);
});

test("waitUntil() work that never ends is abandoned within the limits, by name", async () => {
  const trace = new Trace();
  const { host, clock, events } = rig([
    trace.service("pool"),
    trace.service("web", { start: (_, { waitUntil }) => waitUntil(hang()) }),
  ], { shutdownTimeout: 100, abandonTimeout: 50 });
  await host.start();
  trace.take();
  const stop = rejection(host.stop());
  await clock.advance(150);
  assert.equal(trace.take(), ["web.stop", "pool.stop"]);
  const { message } = await stop;
  assert.is(message, 'Cannot finish "waitUntil" of service "web": still running after 150 ms');
  assert.is(host.services[1]?.state, "abandoned");
  assert.is(events.filter(({ type }) => type === "serviceAbandoned").length, 1);
  assert.is(clock.pending, 0);
});

test("waitUntil() work of a service whose start failed is awaited by the rollback", async () => {
  const boom = new Error("boom");
  const gate = new Gate();
  const { host } = rig([
    hostedService("web", {
      start(_, { waitUntil }) {
        waitUntil(gate.promise);
        throw boom;
      },
    }),
  ]);
  const start = new Fate(host.start());
  await quiet();
  assert.is(start.state, "pending");
  gate.open();
  await quiet();
  assert.is(start.reason, boom);
});

for (const hook of ["stopping", "stop", "stopped"] as const) {
  test(`waitUntil() work handed over in ${hook} is awaited too`, async () => {
    const gate = new Gate();
    const { host } = rig([
      hostedService("web", {
        [hook]: (_: AbortSignal, it: ServiceContext) => void it.waitUntil(gate.promise),
      }),
    ]);
    await host.start();
    const stop = new Fate(host.stop());
    await quiet();
    assert.is(stop.state, "pending");
    gate.open();
    await quiet();
    assert.is(stop.state, "fulfilled");
  });
}

test("waitUntil() work does not keep a stopWhenIdle host from stopping, but its stop waits", async () => {
  const gate = new Gate();
  const { host } = rig([
    hostedService("web", { start: (_, { waitUntil }) => waitUntil(gate.promise) }),
  ], { stopWhenIdle: true });
  const run = new Fate(host.run());
  await quiet();
  assert.is(host.state, "stopping");
  assert.is(run.state, "pending");
  gate.open();
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("waitUntil() after the stop is followed, and changes nothing", async () => {
  const boom = new Error("boom");
  let context!: ServiceContext;
  const web = hostedService("web", { start: (_, it) => (context = it) });
  const { host, lines } = rig([web]);
  await host.start();
  await host.stop();
  context.waitUntil(Promise.reject(boom));
  host.waitUntil(Promise.reject(boom));
  await quiet();
  assert.is(lines.all.length, 2);
  assert.is(host.services[0]?.state, "stopped");
  await host.stop();
});

test("host.waitUntil(): no further service is stopped while the work runs", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host } = rig([
    trace.service("pool"),
    trace.service("web", { stop: () => host.waitUntil(gate.promise) }),
  ]);
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  await quiet();
  assert.equal(trace.take(), ["web.stop"]);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["pool.stop"]);
  assert.is(stop.state, "fulfilled");
});

test("host.waitUntil(): a host without services waits for it too", async () => {
  const gate = new Gate();
  const { host } = rig([]);
  await host.start();
  host.waitUntil(gate.promise);
  const stop = new Fate(host.stop());
  await quiet();
  assert.is(stop.state, "pending");
  gate.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
});

test("host.waitUntil(): what never ends is abandoned within the limits, once, as host", async () => {
  const trace = new Trace();
  const { host, clock } = rig([trace.service("a"), trace.service("b"), trace.service("c")], {
    shutdownTimeout: 100,
    abandonTimeout: 50,
  });
  await host.start();
  trace.take();
  host.waitUntil(hang());
  const stop = rejection(host.stop());
  await clock.advance(150);
  assert.equal(trace.take(), ["c.stop", "b.stop", "a.stop"]);
  const { message } = await stop;
  assert.is(message, 'Cannot finish "waitUntil" of service "host": still running after 150 ms');
  assert.is(clock.now(), 150);
});

test("host.waitUntil(): abort() abandons it", async () => {
  const { host, clock } = rig([new Trace().service("a")]);
  await host.start();
  host.waitUntil(hang());
  const stop = rejection(host.stop());
  await quiet();
  host.abort();
  await clock.advance(0);
  await clock.advance(2_000);
  const error = await stop;
  assert.match(error.message, /"waitUntil" of service "host"|Forced to stop/);
  assert.is(clock.pending, 0);
});

test("a service named host is told apart from the host", () => {
  const { host } = rig([new Trace().service("host")]);
  assert.is(host.services[0]?.name, "host#2");
});

test("waitUntil() work of the host is named when the last stop outlives every limit", async () => {
  const { host, clock, events } = rig([hostedService("pool", { stop: hang })], {
    shutdownTimeout: 100,
    abandonTimeout: 10,
  });
  await host.start();
  const error = rejection<AggregateError>(host.stop());
  await clock.advance(107); // the host waits for the stop alone
  host.waitUntil(hang());
  await clock.advance(3);
  const named = (await error).errors.map(({ service, phase }) => `${service} ${phase}`);
  assert.equal(named, ["pool stop", "host waitUntil"]);
  const told = events.filter((event) => "phase" in event && event.phase === "waitUntil");
  assert.equal(told.map(({ type }) => type), ["serviceBegan", "serviceAbandoned"]);
});

test("waitUntil() work is awaited that comes while the last work is awaited", async () => {
  const contexts: ServiceContext[] = [];
  const [stopped, first, second] = [new Gate(), new Gate(), new Gate()] as const;
  const { host } = rig([
    hostedService("pool", {
      start: (_, context) => contexts.push(context),
      stop: () => stopped.promise,
    }),
    hostedService("web", { start: (_, context) => contexts.push(context) }),
  ]);
  await host.start();
  const [pool, web] = contexts;
  const stop = new Fate(host.stop());
  await quiet();
  web!.waitUntil(first.promise); // its own stop is over
  stopped.open();
  await quiet();
  pool!.waitUntil(second.promise);
  first.open();
  await quiet();
  assert.is(stop.state, "pending");
  second.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
});

test("waitUntil() work that is handed over again and again after the cut holds no stop", async () => {
  let handed = 0;
  const { host, clock } = rig([], {
    shutdownTimeout: 100,
    abandonTimeout: 50,
    onEvent: ({ type }) => {
      if (type === "serviceAbandoned" && handed < 1_000) hand();
    },
  });
  await host.start();
  hand();
  const stop = new Fate(host.stop());
  await clock.advance(150);
  assert.is(stop.state, "rejected");
  assert.ok(handed < 10, `handed over ${handed} times`);
  assert.is(clock.pending, 0);

  function hand(): void {
    handed++;
    host.waitUntil(hang());
  }
});

test("waitUntil() work that work hands over is awaited before an older service's stop", async () => {
  const trace = new Trace();
  const gates = [new Gate(), new Gate()] as const;
  const { host } = rig([
    trace.service("pool"),
    trace.service("web", {
      start: (_, { waitUntil }) =>
        waitUntil(gates[0].promise.then(() => waitUntil(gates[1].promise))),
    }),
  ]);
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  gates[0].open();
  await quiet();
  assert.equal(trace.take(), ["web.stop"]);
  gates[1].open();
  await quiet();
  assert.equal(trace.take(), ["pool.stop"]);
  assert.is(stop.state, "fulfilled");
});

test.run();
