import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost, hostedService } from "../mod.ts";
import { consoleLifetime } from "../src/runtime/node.ts";
import { quiet } from "../src/testing/mod.ts";
import { FakeProcess } from "./_fake_process.ts";
import { Fate, rejection } from "./_fate.ts";
import { hang } from "./_gate.ts";
import { rig } from "./_rig.ts";

const drainDelay = 5_000;

test("drainDelay: not ready at once, stopping when it is over", async () => {
  const calls: string[] = [];
  const service = hostedService("web", { stopping: () => calls.push("stopping") });
  const { host, clock, events } = rig([service], { drainDelay });
  const run = host.run();
  await quiet();

  host.lifetime.stopApplication();
  assert.is(host.state, "stopping");
  await clock.advance(drainDelay - 1);
  assert.equal(calls, []);
  assert.ok(host.lifetime.stopping.aborted);
  await clock.advance(1);
  assert.equal(calls, ["stopping"]);
  await run;
  assert.equal(events.slice(-9, -5).map(({ type, time }) => [type, time]), [
    ["hostStarted", 0],
    ["stopRequested", 0],
    ["hostDraining", 0],
    ["hostStopping", drainDelay],
  ]);
  assert.is(clock.pending, 0);
});

test("drainDelay: a direct stop() waits for it as well", async () => {
  const { host, clock } = rig([], { drainDelay });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(drainDelay - 1);
  assert.is(host.state, "stopping");
  assert.is(stop.state, "pending");
  await clock.advance(1);
  assert.is(stop.state, "fulfilled");
});

test("drainDelay: counts inside shutdownTimeout, whose end ends it", async () => {
  const service = hostedService("web", { stop: hang });
  const limits = { shutdownTimeout: 6_000, abandonTimeout: 1_000 };
  const { host, clock } = rig([service], { drainDelay, ...limits });
  await host.start();
  const stop = rejection(host.stop());
  await clock.advance(7_000);
  await stop;
  assert.is(clock.now(), 7_000);

  const short = rig([], { drainDelay, shutdownTimeout: 1_000 });
  await short.host.start();
  const second = new Fate(short.host.stop());
  await short.clock.advance(1_000);
  assert.is(second.state, "fulfilled");
  assert.is(short.clock.pending, 0);
});

test("drainDelay: ends with the signal of stop(), and with abort()", async () => {
  const ends = [
    (_: AbortController, host: { abort(): void }) => host.abort(),
    (controller: AbortController) => controller.abort(),
  ];
  for (const end of ends) {
    const { host, clock } = rig([], { drainDelay });
    await host.start();
    const controller = new AbortController();
    const stop = host.stop(controller.signal);
    await clock.advance(10);
    end(controller, host);
    await stop;
    assert.is(clock.now(), 10);
    assert.is(clock.pending, 0);
  }
});

test("drainDelay: skipped when the start did not complete", async () => {
  const boom = new Error("boom");
  const failed = rig([{ start: () => Promise.reject(boom), stop() {} }], { drainDelay });
  assert.is(await rejection(failed.host.start()), boom);

  const unstarted = rig([], { drainDelay });
  await unstarted.host.stop();

  const cancelled = rig([{ start: hang, stop() {} }], { drainDelay, abandonTimeout: 0 });
  const start = rejection(cancelled.host.start());
  await quiet();
  const stop = cancelled.host.stop();
  await cancelled.clock.advance(0);
  await Promise.all([start, stop]);
});

test("drainDelay: Infinity lasts as long as the grace", async () => {
  const { host, clock } = rig([], { drainDelay: Infinity });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(24_999);
  assert.is(stop.state, "pending");
  await clock.advance(1);
  assert.is(stop.state, "fulfilled");
});

for (
  const [signal, isTTY, does] of [
    ["SIGINT", true, "skips"],
    ["SIGINT", false, "waits for"],
    ["SIGTERM", true, "waits for"],
  ] as const
) {
  const where = isTTY ? "in a terminal" : "without a terminal";
  test(`drainDelay: ${signal} ${where} ${does} it`, async () => {
    const process = new FakeProcess();
    process.stdout.isTTY = isTTY;
    try {
      const types: string[] = [];
      const host = createHost([], {
        drainDelay: 20,
        hostLifetime: consoleLifetime(),
        onEvent: ({ type }) => types.push(type),
      });
      const run = host.run();
      await quiet();
      process.send(signal);
      await run;
      assert.is(types.includes("hostDraining"), does === "waits for");
    } finally {
      process.restore();
    }
  });
}

test.run();
