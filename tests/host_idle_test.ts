import { test } from "uvu";
import * as assert from "uvu/assert";
import { backgroundService, hostedService } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

test("stopWhenIdle stops when the last worker has ended", async () => {
  const trace = new Trace();
  const gates = [new Gate(), new Gate()];
  const { host } = rig([
    trace.service("pool"),
    ...gates.map((gate, index) => trace.worker(`job ${index}`, () => gate.promise)),
  ], { stopWhenIdle: true });
  const run = new Fate(host.run());
  await quiet();
  gates[0]?.open();
  await quiet();
  assert.is(host.state, "started");
  gates[1]?.open();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(trace.take().at(-1), "pool.stop");
  assert.is(host.lifetime.stopping.reason.message, "All background work has ended");
});

test("stopWhenIdle without workers stops right after the start: a one-shot job", async () => {
  const trace = new Trace();
  const { host } = rig([trace.lifecycle("migration")], { stopWhenIdle: true });
  trace.watch(host.lifetime);
  await host.run();
  assert.equal(trace.take(), [
    "migration.starting",
    "migration.start",
    "migration.started",
    "lifetime.started",
    "lifetime.stopping",
    "migration.stopping",
    "migration.stop",
    "migration.stopped",
    "lifetime.stopped",
  ]);
});

test("stopWhenIdle with no services at all", async () => {
  const { host } = rig([], { stopWhenIdle: true });
  await host.run();
  assert.is(host.state, "stopped");
});

test("stopWhenIdle waits for the whole start, also for work that ends before", async () => {
  const gate = new Gate();
  const trace = new Trace();
  const { host } = rig([
    trace.worker("quick", async () => {}),
    trace.service("slow", { start: () => gate.promise }),
  ], { stopWhenIdle: true });
  const run = new Fate(host.run());
  await quiet();
  assert.is(host.state, "starting");
  assert.ok(trace.take().includes("quick.executed"));
  gate.open();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(trace.take().at(-1), "slow.stop");
});

test("stopWhenIdle rejects with what a worker failed with", async () => {
  const boom = new Error("boom");
  const { host } = rig([backgroundService("job", () => Promise.reject(boom))], {
    stopWhenIdle: true,
  });
  assert.is(await rejection(host.run()), boom);
});

test('stopWhenIdle counts a worker that failed under "ignore" as ended', async () => {
  const { host } = rig([backgroundService("job", () => Promise.reject(new Error("boom")))], {
    stopWhenIdle: true,
    backgroundServiceExceptionBehavior: "ignore",
  });
  const run = new Fate(host.run());
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("stopWhenIdle keeps an earlier reason to stop", async () => {
  const gate = new Gate();
  const { host } = rig([backgroundService("job", () => gate.promise)], { stopWhenIdle: true });
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication("interrupted");
  gate.open();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(host.lifetime.stopping.reason.cause, "interrupted");
});

test("stopWhenIdle off: work that ends leaves the host running", async () => {
  const { host } = rig([backgroundService("job", async () => {})]);
  await host.start();
  await quiet();
  assert.is(host.state, "started");
  await host.stop();
});

test("stopWhenIdle with nobody waiting warns, and the stop follows the call", async () => {
  const { host, lines } = rig([hostedService("a", {})], { stopWhenIdle: true });
  await host.start();
  assert.is(host.state, "stopping");
  assert.is(lines.all.length, 1);
  await host.stop();
});

test.run();
