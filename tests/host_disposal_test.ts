import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  backgroundService,
  type HostContext,
  type HostedService,
  hostedService,
  type ServiceFactory,
  type Services,
} from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { type Hooks, Trace } from "./_trace.ts";

guard(test);

/** A service that notes its disposal. */
function disposable(trace: Trace, name: string, hooks: Hooks = {}): HostedService {
  return {
    ...trace.service(name, hooks),
    ...{ [Symbol.asyncDispose]: async () => trace.note(`${name} disposed`) },
  };
}

// What a factory is given, and when.

test("a factory is given the host's context", async () => {
  const contexts: HostContext[] = [];
  const { host, clock, lines } = rig([(context) => {
    contexts.push(context);
    return hostedService("made", {});
  }]);
  await host.start();
  assert.is(contexts.length, 1);
  assert.is(contexts[0]?.host, host);
  assert.is(contexts[0]?.lifetime, host.lifetime);
  assert.is(contexts[0]?.logger, lines);
  assert.is(contexts[0]?.clock, clock);
  await host.stop();
});

test("factories are called once, in order, after waitForStart, before the first starting", async () => {
  const trace = new Trace();
  const factory = (name: string) => () => {
    trace.note(`make ${name}`);
    return trace.lifecycle(name);
  };
  const { host } = rig([factory("a"), trace.lifecycle("b"), factory("c")], {
    hostLifetime: trace.hostLifetime(),
  });
  await host.start();
  assert.equal(trace.take().slice(0, 6), [
    "hostLifetime.waitForStart",
    "make a",
    "make c",
    "a.starting",
    "b.starting",
    "c.starting",
  ]);
  await host.stop();
});

test("a factory that asks for the stop: no service is started", async () => {
  const trace = new Trace();
  const { host } = rig([
    ({ lifetime }) => {
      lifetime.stopApplication("no need");
      return disposable(trace, "made");
    },
  ]);
  await host.run();
  assert.equal(trace.take(), ["made disposed"]);
});

// Whose it is.

test("what a factory made is disposed, what the caller made is not", async () => {
  const trace = new Trace();
  const { host } = rig([disposable(trace, "instance"), () => disposable(trace, "made")]);
  await host.start();
  await host.stop();
  assert.equal(trace.take(), [
    "instance.start",
    "made.start",
    "made.stop",
    "instance.stop",
    "made disposed",
  ]);
});

test("disposal is the last step of the stop, in reverse, one by one", async () => {
  const trace = new Trace();
  const slow = (name: string) => () => ({
    ...trace.service(name),
    [Symbol.asyncDispose]: async () => {
      trace.note(`${name} disposing`);
      await quiet();
      trace.note(`${name} disposed`);
    },
  });
  const { host } = rig([slow("a"), slow("b")], { hostLifetime: trace.hostLifetime() });
  trace.watch(host.lifetime);
  await host.start();
  trace.take();
  await host.stop();
  assert.equal(trace.take(), [
    "lifetime.stopping",
    "b.stop",
    "a.stop",
    "lifetime.stopped",
    "hostLifetime.stop",
    "b disposing",
    "b disposed",
    "a disposing",
    "a disposed",
  ]);
});

test("disposal is the last step of a rollback, of services that never started too", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host } = rig([
    () => disposable(trace, "a"),
    () => disposable(trace, "b", { start: () => Promise.reject(boom) }),
    () => disposable(trace, "c"),
  ]);
  assert.is(await rejection(host.start()), boom);
  assert.equal(trace.take(), [
    "a.start",
    "b.start",
    "a.stop",
    "c disposed",
    "b disposed",
    "a disposed",
  ]);
});

test("disposal includes services that were abandoned", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    () => disposable(trace, "a"),
    () => disposable(trace, "hung", { stop: hang }),
  ]);
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  await clock.advance(27_000);
  assert.is(stop.state, "rejected");
  assert.equal(trace.take().sort(), ["a disposed", "a.stop", "hung disposed", "hung.stop"]);
});

test("asyncDispose is preferred to dispose", async () => {
  const trace = new Trace();
  const { host } = rig([
    () => ({
      ...trace.service("both"),
      [Symbol.asyncDispose]: () => trace.note("async"),
      [Symbol.dispose]: () => trace.note("sync"),
    }),
    () => ({ ...trace.service("sync"), [Symbol.dispose]: () => trace.note("sync alone") }),
  ]);
  await host.start();
  trace.take();
  await host.stop();
  assert.equal(trace.take(), ["sync.stop", "both.stop", "sync alone", "async"]);
});

test("disposal calls the method on its service", async () => {
  class Resource implements HostedService {
    open = true;
    start(): void {}
    stop(): void {}
    [Symbol.dispose](): void {
      this.open = false;
    }
  }
  const resources: Resource[] = [];
  const { host } = rig([() => {
    const resource = new Resource();
    resources.push(resource);
    return resource;
  }]);
  await host.start();
  await host.stop();
  assert.is(resources[0]?.open, false);
});

test("a failing disposal is reported and stops no other", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host, events } = rig([
    () => disposable(trace, "a"),
    () => ({ ...trace.service("b"), [Symbol.asyncDispose]: () => Promise.reject(boom) }),
  ]);
  await host.start();
  trace.take();
  assert.is(await rejection(host.stop()), boom);
  assert.equal(trace.take(), ["b.stop", "a.stop", "a disposed"]);
  assert.ok(events.some((it) => it.type === "serviceFailed" && it.phase === "dispose"));
});

test("disposal happens once, whatever is called afterwards", async () => {
  const trace = new Trace();
  const { host } = rig([() => disposable(trace, "made")]);
  await host.start();
  await host.stop();
  await host.stop();
  await host[Symbol.asyncDispose]();
  assert.is(trace.take().filter((it) => it === "made disposed").length, 1);
});

test("a background service made by a factory is disposed too", async () => {
  const { host, events } = rig([() => backgroundService("worker", async () => {})]);
  await host.start();
  await host.stop();
  assert.ok(events.some((it) => it.type === "serviceDone" && it.phase === "dispose"));
});

test("a stop that had no start makes nothing, and disposes nothing", async () => {
  const trace = new Trace();
  const { host } = rig([() => {
    trace.note("make");
    return disposable(trace, "made");
  }]);
  await host.stop();
  assert.equal(trace.take(), []);
});

test("await using stops, then disposes", async () => {
  const trace = new Trace();
  const { host } = rig([() => disposable(trace, "made")]);
  await host.start();
  await host[Symbol.asyncDispose]();
  assert.equal(trace.take(), ["made.start", "made.stop", "made disposed"]);
  assert.is(host.state, "stopped");
});

// Bad factories.

const bad: readonly (readonly [what: string, factory: unknown, message: string])[] = [
  [
    "throws",
    function pool() {
      throw new Error("no database");
    },
    'Cannot create services[1] (factory "pool"): Error: no database',
  ],
  [
    "throws no error",
    function pool() {
      throw "no database";
    },
    'Cannot create services[1] (factory "pool"): no database',
  ],
  [
    "has no name",
    (() => () => {
      throw new Error("no database");
    })(),
    "Cannot create services[1]",
  ],
  [
    "is asynchronous",
    async function pool() {
      await quiet();
      return hostedService("pool", {});
    },
    'Cannot use services[1] (factory "pool"): got a promise; do asynchronous work in start',
  ],
  [
    "is asynchronous and rejects",
    async function pool() {
      await quiet();
      throw new Error("nobody waits for this");
    },
    'Cannot use services[1] (factory "pool"): got a promise; do asynchronous work in start',
  ],
  [
    "returns nothing",
    function pool() {},
    'Cannot use services[1] (factory "pool"): expected object, got undefined',
  ],
  [
    "returns no service",
    function pool() {
      return { start() {} };
    },
    'Cannot use services[1] (factory "pool") "service".stop: expected function, got undefined',
  ],
  [
    "returns a service that is in the list",
    function pool() {
      return first;
    },
    'Cannot use services[1] (factory "pool") "first": it is in the list already',
  ],
  [
    "is a class without start on its prototype",
    class Pool {
      start = () => {};
      stop = () => {};
    },
    'Cannot create services[1] (factory "Pool")',
  ],
];

const first = hostedService("first", {});

for (const [what, factory, message] of bad) {
  test(`a factory that ${what} fails the start: named, and what was made is disposed`, async () => {
    const trace = new Trace();
    const services = [
      () => disposable(trace, "made"),
      factory as ServiceFactory,
      first,
      () => disposable(trace, "never made"),
    ];
    const { host, lines } = rig(services);
    const error = await rejection(host.start());
    assert.is(error.message.slice(0, message.length), message);
    assert.equal(trace.take(), ["made disposed"]);
    assert.is(host.state, "stopped");
    assert.is(lines.all.length, 1);
    assert.ok(lines.heads[0]?.startsWith(`error: `) && lines.heads[0].includes(message));
    await host.stop();
  });
}

test("a factory that throws: its error is the cause", async () => {
  const boom = new Error("boom");
  const { host } = rig([() => {
    throw boom;
  }]);
  assert.is((await rejection(host.start())).cause, boom);
});

test("a list of factories may come from any iterable, which is read once", async () => {
  let reads = 0;
  function* list(): Generator<ServiceFactory> {
    reads++;
    yield () => hostedService("a", {});
    yield () => hostedService("b", {});
  }
  const services: Services = list();
  const { host } = rig(services);
  await host.start();
  assert.equal(host.services.map(({ name }) => name), ["a", "b"]);
  assert.is(reads, 1);
  await host.stop();
});

test.run();
