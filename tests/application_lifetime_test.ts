import { test } from "uvu";
import * as assert from "uvu/assert";
import { hostedService, onAbort } from "../mod.ts";
import { quiet } from "./_fake_clock.ts";
import { Fate, rejection } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

test("the three signals are there from the beginning, and always the same", async () => {
  const { host } = rig([]);
  const { lifetime } = host;
  const before = [lifetime.started, lifetime.stopping, lifetime.stopped];
  assert.equal(before.map(({ aborted }) => aborted), [false, false, false]);
  await host.start();
  await host.stop();
  const after = [lifetime.started, lifetime.stopping, lifetime.stopped];
  assert.ok(after.every((signal, index) => signal === before[index]));
  assert.equal(after.map(({ aborted }) => aborted), [true, true, true]);
});

test("a signal first asked for after it fired has aborted, with its reason", async () => {
  const { host } = rig([]);
  await host.start();
  await host.stop();
  for (const signal of [host.lifetime.started, host.lifetime.stopping, host.lifetime.stopped]) {
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

test.run();
