import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  BackgroundService,
  backgroundService,
  hostedService,
  type HostedServiceHooks,
  type ServiceContext,
} from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { rejection } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

test("hostedService() calls each hook with the host's signal and context", async () => {
  const trace = new Trace();
  const hook = (phase: string) => (signal: AbortSignal, context: ServiceContext): void => {
    assert.instance(signal, AbortSignal);
    trace.note(`${context.name}.${phase}`);
  };
  const { host } = rig([
    hostedService("a", {
      starting: hook("starting"),
      start: hook("start"),
      started: hook("started"),
      stopping: hook("stopping"),
      stop: hook("stop"),
      stopped: hook("stopped"),
    }),
  ]);
  await host.start();
  await host.stop();
  assert.equal(trace.take(), [
    "a.starting",
    "a.start",
    "a.started",
    "a.stopping",
    "a.stop",
    "a.stopped",
  ]);
});

test("hostedService() needs none of its hooks", async () => {
  const { host } = rig([hostedService("a", {}), hostedService("b", { start: undefined as never })]);
  await host.start();
  await host.stop();
});

test("hostedService() is a plain service: its start and stop may be called alone", async () => {
  const trace = new Trace();
  const service = hostedService("a", { start: () => trace.note("start") });
  assert.is(service.name, "a");
  const { signal } = new AbortController();
  await service.start(signal, {} as ServiceContext);
  await service.stop(signal, {} as ServiceContext);
  assert.equal(trace.take(), ["start"]);
});

test("hostedService() keeps the this of a definition", async () => {
  class Definition implements HostedServiceHooks {
    #open = false;
    start(): void {
      this.#open = true;
    }
    stop(): void {
      this.#open = false;
    }
    get open(): boolean {
      return this.#open;
    }
  }
  const definition = new Definition();
  const { host } = rig([hostedService("a", definition)]);
  await host.start();
  assert.is(definition.open, true);
  await host.stop();
  assert.is(definition.open, false);
});

test("hostedService() passes its settings on", () => {
  const service = hostedService("a", {
    stopTimeout: 50,
    backgroundServiceExceptionBehavior: "ignore",
  });
  assert.is(service.stopTimeout, 50);
  assert.is(service.backgroundServiceExceptionBehavior, "ignore");
});

test("hostedService() makes a service that is no worker", () => {
  const service = hostedService("a", {});
  assert.not.ok(service instanceof BackgroundService);
  assert.not.ok("executeTask" in service);
});

test("backgroundService() runs a function", async () => {
  const trace = new Trace();
  const worker = backgroundService("worker", async (signal, context) => {
    trace.note(`${context.name} works`);
    await aborted(signal);
    trace.note("ended");
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  await host.stop();
  assert.equal(trace.take(), ["worker works", "ended"]);
});

test("backgroundService() with a definition: start before the work, stop after it", async () => {
  const trace = new Trace();
  const worker = backgroundService("worker", {
    starting: () => trace.note("starting"),
    start: async () => {
      trace.note("start");
      await quiet();
      trace.note("start ends");
    },
    execute: async (signal) => {
      trace.note("work");
      await aborted(signal);
      trace.note("work ends");
    },
    stopping: () => trace.note("stopping"),
    stop: () => trace.note("stop"),
    stopped: () => trace.note("stopped"),
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  await host.stop();
  assert.equal(trace.take(), [
    "starting",
    "start",
    "start ends",
    "work",
    "stopping",
    "work ends",
    "stop",
    "stopped",
  ]);
});

test("backgroundService() whose start fails never works", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host } = rig([
    backgroundService("worker", {
      start: () => Promise.reject(boom),
      execute: async () => trace.note("work"),
    }),
  ]);
  assert.is(await rejection(host.start()), boom);
  await quiet();
  assert.equal(trace.take(), []);
});

test("backgroundService() keeps the this of a definition", async () => {
  class Definition {
    runs = 0;
    async execute(): Promise<void> {
      this.runs++;
    }
    stop(): void {
      this.runs += 10;
    }
  }
  const definition = new Definition();
  const { host } = rig([backgroundService("worker", definition)]);
  await host.start();
  await quiet();
  await host.stop();
  assert.is(definition.runs, 11);
});

test("backgroundService() passes its settings on", () => {
  const worker = backgroundService("worker", {
    execute: async () => {},
    stopTimeout: 50,
    backgroundServiceExceptionBehavior: "ignore",
  });
  assert.is(worker.name, "worker");
  assert.is(worker.stopTimeout, 50);
  assert.is(worker.backgroundServiceExceptionBehavior, "ignore");
});

test("backgroundService() makes a BackgroundService, with an executeTask", async () => {
  const worker = backgroundService("worker", async () => {});
  assert.instance(worker, BackgroundService);
  assert.is((worker as BackgroundService).executeTask, undefined);
  await (worker as BackgroundService).start();
  await (worker as BackgroundService).executeTask;
});

test("functions that make services make a new one each time", async () => {
  const make = () => hostedService("a", {});
  const { host } = rig([make(), make()]);
  await host.start();
  assert.equal(host.services.map(({ name }) => name), ["a", "a#2"]);
  await host.stop();
});

test.run();
