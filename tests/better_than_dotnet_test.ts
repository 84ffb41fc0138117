/**
 * Where we are better than .NET, on purpose: a test for each row of "Different" in
 * docs/dotnet.md. What needs real processes has more of them in `tests/process`.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  backgroundService,
  type HostedService,
  hostedService,
  onAbort,
  type ServiceContext,
  type ServiceTimeoutError,
} from "../mod.ts";
import { consoleLifetime, runHost } from "../src/runtime/node.ts";
import { quiet } from "../src/testing/mod.ts";
import { FakeProcess } from "./_fake_process.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

const fails = (error: unknown) => (): Promise<never> => Promise.reject(error);

test("better than .NET: a start fails half-way: rolled back", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host } = rig([
    trace.service("a"),
    trace.service("b"),
    trace.service("bad", { start: fails(boom) }),
  ]);
  assert.is(await rejection(host.start()), boom);
  assert.equal(trace.take(), ["a.start", "b.start", "bad.start", "b.stop", "a.stop"]);
});

test("better than .NET: a later stop after a failed start: only what had started, once", async () => {
  const trace = new Trace();
  const { host } = rig([
    trace.service("a"),
    trace.service("bad", { start: fails(new Error("boom")) }),
    trace.service("never"),
  ]);
  await rejection(host.start());
  await host.stop();
  await host.stop();
  assert.equal(trace.take().filter((it) => it.endsWith(".stop")), ["a.stop"]);
});

test("better than .NET: start is cancelled, service ignores it: rejects and rolls back", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const controller = new AbortController();
  const { host } = rig([trace.service("deaf", { start: () => gate.promise }), trace.service("b")]);
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort("enough");
  gate.open();
  await quiet();
  assert.is(start.reason, "enough");
  assert.equal(trace.take(), ["deaf.start", "deaf.stop"]);
});

test("better than .NET: a service ignores its signal: abandoned after the limits and named", async () => {
  for (const service of [hostedService("deaf", { stop: hang }), backgroundService("deaf", hang)]) {
    const { host, clock } = rig([service]);
    await host.start();
    const stop = new Fate(host.stop());
    await clock.advance(27_000);
    assert.is(
      (stop.reason as Error).message,
      'Cannot stop service "deaf": still running after 27000 ms',
    );
  }
});

test("better than .NET: a worker outlives the shutdown timeout: awaited within abandonTimeout", async () => {
  const { host, clock, lines } = rig([
    backgroundService("slow", async (_, { forced, clock }) => {
      await aborted(forced);
      await new Promise<void>((go) => clock.setTimeout(go, 1_500));
    }),
  ]);
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(26_499);
  assert.is(stop.state, "pending");
  await clock.advance(1);
  assert.is(stop.state, "fulfilled");
  assert.ok(lines.all.every((line) => line.startsWith('warn: Service "slow"')));
});

test("better than .NET: the end of the grace: context.forced", async () => {
  const { host, clock } = rig([
    backgroundService("worker", async (signal, { forced }) => {
      await aborted(signal); // take no more
      await aborted(forced); // drop what you hold
    }),
  ]);
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(24_999);
  assert.is(stop.state, "pending");
  await clock.advance(1);
  assert.is(stop.state, "fulfilled");
});

test("better than .NET: stop requested, or run's signal aborted, while starting: roll back, resolve", async () => {
  for (const how of ["request", "signal"]) {
    const trace = new Trace();
    const controller = new AbortController();
    const { host } = rig([trace.service("a"), trace.service("slow", { start: aborted })]);
    const run = new Fate(host.run(controller.signal));
    await quiet();
    if (how === "signal") controller.abort();
    else host.lifetime.stopApplication();
    await quiet();
    assert.is(run.state, "fulfilled");
    assert.equal(trace.take(), ["a.start", "slow.start", "slow.stop", "a.stop"]);
  }
});

test("better than .NET: worker crashes while others start: the crash is the error", async () => {
  const crash = new Error("crash");
  const { host } = rig([
    backgroundService("worker", fails(crash)),
    hostedService("slow", {
      start: async (signal) => {
        await aborted(signal);
        throw signal.reason;
      },
    }),
  ]);
  assert.is(await rejection(host.run()), crash);
});

test("better than .NET: a push-style hosted service loses its connection: context.fail(error)", async () => {
  const lost = new Error("connection lost");
  const push = new Gate();
  const { host } = rig([
    hostedService("socket", {
      start: (_: AbortSignal, context: ServiceContext) => {
        push.promise.catch(context.fail);
      },
    }),
  ]);
  const run = new Fate(host.run());
  await quiet();
  push.fail(lost);
  await quiet();
  assert.is(run.reason, lost);
});

test("better than .NET: shutdown limit: 25 s and 2 s after it fit in Kubernetes' 30 s", async () => {
  const { host, clock } = rig([hostedService("hung", { stop: hang })]);
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(26_999);
  assert.is(stop.state, "pending");
  await clock.advance(1);
  assert.is(stop.state, "rejected");
});

test("better than .NET: start()/stop() called twice: one outcome", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host } = rig([trace.service("a", { stop: fails(boom) })]);
  await Promise.all([host.start(), host.start()]);
  const outcomes = await Promise.allSettled([host.stop(), host.stop()]);
  assert.ok(outcomes.every((it) => it.status === "rejected" && it.reason === boom));
  assert.equal(trace.take(), ["a.start", "a.stop"]);
});

test("better than .NET: dispose: await using stops, then disposes", async () => {
  const trace = new Trace();
  const { host } = rig([() => ({
    ...trace.service("a"),
    [Symbol.dispose]: () => trace.note("a disposed"),
  })]);
  await host.start();
  await host[Symbol.asyncDispose]();
  assert.equal(trace.take(), ["a.start", "a.stop", "a disposed"]);
});

test("better than .NET: repeated Ctrl+C: forces the end, exit code 128+n", async () => {
  const process = new FakeProcess();
  try {
    const { host, clock } = rig([hostedService("hung", { stop: hang })], {
      hostLifetime: consoleLifetime(),
    });
    const run = new Fate(host.run());
    await quiet();
    process.send("SIGINT");
    await quiet();
    process.time += 700;
    process.send("SIGINT");
    await clock.advance(0);
    assert.is((run.reason as Error).name, "ForcedStopError");
    assert.equal(process.exits, [128 + 2]);
    assert.is(process.report.length, 1, "a report of what was still running");
    assert.match(String(process.report[0]), '"hung" (stop');
  } finally {
    process.restore();
  }
});

test("better than .NET: an interrupted batch: 128+n under stopWhenIdle", async () => {
  for (const interrupted of [true, false]) {
    const process = new FakeProcess();
    const gate = new Gate();
    const job = backgroundService("job", async (signal) => {
      onAbort(signal, gate.open);
      await gate.promise;
    });
    try {
      const run = runHost([job], { stopWhenIdle: true });
      await quiet();
      if (interrupted) process.send("SIGTERM");
      else gate.open();
      await run;
      assert.is(process.exitCode, interrupted ? 128 + 15 : undefined);
    } finally {
      process.restore();
    }
  }
});

test("better than .NET: log lines: every event, host-made error and log line names the service", async () => {
  const { host, clock, lines, events } = rig([
    hostedService("mailer", { stop: fails(new Error("boom")) }),
    hostedService("hung", { stop: hang }),
    backgroundService("worker", fails(new Error("crash"))),
  ]);
  const run = new Fate(host.run());
  await clock.advance(27_000);
  assert.is(lines.all.length, 3);
  assert.ok(lines.all.every((line) => /^error: Service "(mailer|hung|worker)"/.test(line)));
  for (const event of events) {
    if (event.type.startsWith("service")) assert.ok("service" in event && event.service);
  }
  const { errors } = run.reason as AggregateError;
  const made = errors.find(({ name }) => name === "ServiceTimeoutError") as ServiceTimeoutError;
  assert.is(made.service, "hung");
});

test("better than .NET: callback registered late on a lifetime signal: onAbort, for any signal", async () => {
  const { host } = rig([]);
  await host.start();
  const boom = new Error("boom");
  const errors: unknown[] = [];
  onAbort(host.lifetime.started, () => {
    throw boom;
  }, { onError: (error) => errors.push(error) });
  assert.equal(errors.map((error) => error === boom), [true], "at once, and never thrown");
  await host.stop();
});

test("better than .NET: same type registered twice: both run", async () => {
  let started = 0;
  class Mailer implements HostedService {
    start(): void {
      started++;
    }
    stop(): void {}
  }
  const { host } = rig([new Mailer(), new Mailer()]);
  await host.start();
  assert.is(started, 2);
  assert.equal(host.services.map(({ name }) => name), ["Mailer", "Mailer#2"]);
  await host.stop();
});

test("better than .NET: CPU-bound work in ExecuteAsync: the docs say it blocks, and name Worker", () => {
  const source = readFileSync(new URL("../src/background_service.ts", import.meta.url), "utf8");
  const docs = source.replaceAll(/\n\s*\* /g, " ");
  assert.match(docs, /shares the event loop .*belongs in a `Worker`/);
});

test.run();
