import { test } from "uvu";
import * as assert from "uvu/assert";
import { backgroundService, createHost, type HostContext, hostedService, runHost } from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";
import { Listeners } from "./_listeners.ts";
import { Trace } from "./_trace.ts";

guard(test);

test("runHost() starts, runs until its signal aborts, stops, resolves", async () => {
  const trace = new Trace();
  const clock = new FakeClock();
  const controller = new AbortController();
  const run = new Fate(runHost([trace.lifecycle("a")], { signal: controller.signal, clock }));
  await quiet();
  assert.equal(trace.take(), ["a.starting", "a.start", "a.started"]);
  assert.is(run.state, "pending");
  controller.abort();
  await quiet();
  assert.equal(trace.take(), ["a.stopping", "a.stop", "a.stopped"]);
  assert.is(run.state, "fulfilled");
});

test("runHost() with a signal that has aborted resolves and starts nothing", async () => {
  const trace = new Trace();
  await runHost([trace.service("a")], { signal: AbortSignal.abort() });
  assert.equal(trace.take(), []);
});

test("runHost() rejects with what failed", async () => {
  const boom = new Error("boom");
  const fails = (): Promise<never> => Promise.reject(boom);
  const options = { logger: false as const };
  assert.is(await rejection(runHost([hostedService("a", { start: fails })], options)), boom);
  assert.is(await rejection(runHost([backgroundService("a", fails)], options)), boom);
  const stop = runHost([hostedService("a", { stop: fails })], { ...options, stopWhenIdle: true });
  assert.is(await rejection(stop), boom);
});

test("runHost() rejects, never throws, with what it cannot use", async () => {
  for (const services of [null, undefined, 42, [null]]) {
    assert.instance(await rejection(runHost(services as never)), TypeError);
  }
  assert.instance(await rejection(runHost([], { shutdownTimeout: -1 })), RangeError);
  assert.instance(await rejection(runHost([], { signal: "now" as never })), TypeError);
  assert.instance(await rejection(runHost([], null as never)), TypeError);
});

test("runHost() of the core knows no operating system signals", async () => {
  let context: HostContext | undefined;
  const factory = (it: HostContext) => {
    context = it;
    return hostedService("a", {});
  };
  const seen: string[] = [];
  const onEvent = (event: { type: string; service?: string }): number =>
    seen.push(`${event.type} ${event.service}`);
  const run = runHost([factory], { onEvent });
  await quiet();
  context?.lifetime.stopApplication();
  await run;
  assert.not.ok(seen.some((it) => it.includes("hostLifetime")));
});

test("runHost() keeps the process alive with one timer until the stop has settled", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const run = runHost([hostedService("a", { stop: () => quiet() })], {
    clock,
    signal: controller.signal,
  });
  await quiet();
  assert.is(clock.pending, 1);
  await clock.advance(2 ** 33);
  assert.is(clock.pending, 1, "it is renewed");
  controller.abort();
  await run;
  assert.is(clock.pending, 0);
});

test("runHost() leaves no listener on its signal", async () => {
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  await runHost([], { signal: controller.signal, stopWhenIdle: true });
  assert.is(listeners.added, 1);
  assert.is(listeners.now, 0);
});

const deaf = "warn: Nothing here hears Ctrl+C: import from your runtime's entry or pass " +
  "hostLifetime: false";

test("a run that nothing can stop from outside says so, once", async () => {
  const lines = new Lines();
  const stop = hostedService("a", {
    started: (_, { lifetime }) => lifetime.stopApplication(),
  });
  await runHost([stop], { logger: lines, clock: new FakeClock() });
  assert.equal(lines.all, [deaf]);
});

test("a second run() of a host does not say it again", async () => {
  const lines = new Lines();
  const host = createHost([], { logger: lines, clock: new FakeClock() });
  const runs = [host.run(), host.run()];
  host.lifetime.stopApplication();
  await Promise.all(runs);
  await host.run().catch(() => {});
  assert.equal(lines.all, [deaf]);
});

test("run() with a signal that has aborted waits for the stop that it asks for", async () => {
  const lines = new Lines();
  const host = createHost([], { logger: lines, clock: new FakeClock() });
  await host.start();
  await host.run(AbortSignal.abort());
  assert.equal(lines.all, []); // it did say that nobody waits
  assert.is(host.state, "stopped");
});

test("a run that has a signal, an end or no wish to be stopped says nothing", async () => {
  const { signal } = new AbortController();
  const lifetime = { waitForStart() {}, stop() {} };
  for (
    const options of [
      { signal },
      { stopWhenIdle: true },
      { hostLifetime: false as const },
      { hostLifetime: lifetime },
    ]
  ) {
    const lines = new Lines();
    const stop = hostedService("a", {
      started: (_, { lifetime }) => lifetime.stopApplication(),
    });
    await runHost([stop], { logger: lines, clock: new FakeClock(), ...options });
    assert.equal(lines.all, []);
  }
});

test.run();
