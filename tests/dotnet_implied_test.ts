/**
 * What .NET's source implies and none of its tests covers: G1 to G32 of our notes on it. Those that
 * need a real signal (G28, G29) are beside them in `tests/process`; here the `process` is a fake.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  BackgroundService,
  backgroundService,
  delay,
  hostedService,
  onAbort,
  type ServiceTimeoutError,
} from "../mod.ts";
import { consoleLifetime } from "../src/runtime/node.ts";
import { quiet } from "../src/testing/mod.ts";
import { FakeProcess } from "./_fake_process.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

const fails = (error: unknown) => (): Promise<never> => Promise.reject(error);

for (const how of ["stopApplication", "run token"]) {
  test(`G1: a stop by ${how} fires stopping before the stopping phase`, async () => {
    const trace = new Trace();
    const controller = new AbortController();
    const { host } = rig([trace.lifecycle("a")]);
    const run = new Fate(host.run(controller.signal));
    await quiet();
    trace.take();
    trace.watch(host.lifetime);
    if (how === "run token") controller.abort();
    else host.lifetime.stopApplication();
    await quiet();
    assert.equal(trace.take(), [
      "lifetime.stopping",
      "a.stopping",
      "a.stop",
      "a.stopped",
      "lifetime.stopped",
    ]);
    assert.is(run.state, "fulfilled");
  });
}

test("G2: a start cancelled while a service ignores its signal calls no later service", async () => {
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

test("G3: startupTimeout with a service that ignores its signal gives it up", async () => {
  const { host, clock } = rig([{ name: "deaf", start: hang, stop() {} }], { startupTimeout: 500 });
  const start = new Fate(host.start());
  await clock.advance(2_500);
  assert.is((start.reason as ServiceTimeoutError).service, "deaf");
});

test("G4: shutdownTimeout with a service that ignores its signal gives it up, plain or worker", async () => {
  for (const service of [hostedService("deaf", { stop: hang }), backgroundService("deaf", hang)]) {
    const { host, clock } = rig([service], { shutdownTimeout: 500 });
    await host.start();
    const stop = new Fate(host.stop());
    await clock.advance(2_500);
    assert.is((stop.reason as ServiceTimeoutError).service, "deaf");
  }
});

test("G5: after the timeout the rest still get their stop, with a signal that has aborted", async () => {
  const seen: unknown[] = [];
  const service = (name: string) =>
    hostedService(name, { stop: (signal) => seen.push(`${name} ${signal.aborted}`) });
  const { host, clock } = rig([
    service("a"),
    service("b"),
    hostedService("slow", { stop: aborted }),
  ], { shutdownTimeout: 500 });
  await host.start();
  const stop = host.stop();
  await clock.advance(500);
  await stop;
  assert.equal(seen, ["b true", "a true"]);
});

test("G6: concurrent start, two fail: both errors, the third is stopped, started is not called", async () => {
  const trace = new Trace();
  const [one, two] = [new Error("one"), new Error("two")];
  const { host } = rig([
    trace.lifecycle("a", { start: fails(one) }),
    trace.lifecycle("b", { start: fails(two) }),
    trace.lifecycle("c"),
  ], { servicesStartConcurrently: true });
  const error = await rejection<AggregateError>(host.start());
  assert.equal(error.errors, [one, two]);
  const entries = trace.take();
  assert.not.ok(entries.some((entry) => entry.endsWith(".started")));
  assert.equal(entries.filter((entry) => entry.endsWith(".stop")), ["c.stop"]);
});

test("G7: concurrent start, one fails fast: it rejects when the pending one has settled", async () => {
  const gate = new Gate();
  const boom = new Error("boom");
  const { host } = rig([
    hostedService("fast", { start: fails(boom) }),
    hostedService("slow", { start: () => gate.promise }),
  ], { servicesStartConcurrently: true });
  const start = new Fate(host.start());
  await quiet();
  assert.is(start.state, "pending");
  gate.open();
  await quiet();
  assert.is(start.reason, boom);
});

test("G8: a stop after a failed start calls nothing again: it has been rolled back", async () => {
  const trace = new Trace();
  const { host } = rig([
    trace.service("a"),
    trace.service("bad", { start: fails(new Error("boom")) }),
    trace.service("never"),
  ]);
  await rejection(host.start());
  assert.equal(trace.take(), ["a.start", "bad.start", "a.stop"]);
  await host.stop();
  assert.equal(trace.take(), []);
});

test("G9: a factory that throws fails the start, no phase runs, a later stop does not crash", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host } = rig([
    trace.lifecycle("a"),
    () => {
      throw boom;
    },
  ]);
  assert.is((await rejection(host.start())).cause, boom);
  await host.stop();
  assert.equal(trace.take(), []);
});

test("G10: run() with a failing start disposes what was made, and stops what had started", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const made = (name: string, start: () => unknown) => () => ({
    ...trace.service(name, { start }),
    [Symbol.dispose]: () => trace.note(`${name} disposed`),
  });
  const { host } = rig([made("a", () => {}), made("bad", fails(boom))]);
  assert.is(await rejection(host.run()), boom);
  assert.equal(trace.take(), ["a.start", "bad.start", "a.stop", "bad disposed", "a disposed"]);
});

test("G11: start() after stop() is refused and calls no service", async () => {
  const trace = new Trace();
  const { host } = rig([trace.service("a")]);
  await host.stop();
  assert.is((await rejection(host.start())).name, "HostStateError");
  assert.equal(trace.take(), []);
});

test("G12: start() twice starts once", async () => {
  const trace = new Trace();
  const { host } = rig([trace.service("a")]);
  await Promise.all([host.start(), host.start()]);
  await host.start();
  assert.equal(trace.take(), ["a.start"]);
  await host.stop();
});

test("G13: stop() twice stops once, and fires once", async () => {
  const trace = new Trace();
  const { host } = rig([trace.service("a")]);
  await host.start();
  trace.take();
  trace.watch(host.lifetime);
  await Promise.all([host.stop(), host.stop()]);
  await host.stop();
  assert.equal(trace.take(), ["lifetime.stopping", "a.stop", "lifetime.stopped"]);
});

test("G14: lifetime.stopping cancels no worker before its turn", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host } = rig([
    trace.worker("below"),
    trace.service("above", { stop: () => gate.promise }),
  ]);
  const run = new Fate(host.run());
  await quiet();
  trace.take();
  host.lifetime.stopApplication();
  await quiet();
  assert.equal(trace.take(), ["above.stop"]);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["below.executed"]);
  assert.is(run.state, "fulfilled");
});

test("G15: lifetime.stopping during the start cancels workers that have started", async () => {
  const trace = new Trace();
  const { host } = rig([trace.worker("worker"), trace.service("hung", { start: hang })]);
  const run = new Fate(host.run());
  await quiet();
  trace.take();
  host.lifetime.stopApplication();
  await quiet();
  assert.equal(trace.take(), ["worker.executed"], "while the other is still starting");
  assert.is(run.state, "pending");
  host.abort();
});

test("G16: a startup timer that would expire after the start leaves workers alone", async () => {
  const trace = new Trace();
  const { host, clock } = rig([trace.worker("worker")], { startupTimeout: 500 });
  await host.start();
  await clock.advance(10_000);
  assert.equal(trace.take(), ["worker.execute"]);
  assert.is(host.state, "started");
  await host.stop();
});

test("G17: execute rejecting with a cancellation while nothing stops is a failure", async () => {
  const cancellation = new DOMException("of an HTTP client", "AbortError");
  const { host } = rig([backgroundService("worker", fails(cancellation))]);
  assert.is(await rejection(host.run()), cancellation);
});

test("G18: execute rejecting with an error during the stop is logged and reported", async () => {
  const boom = new Error("boom");
  const { host, lines } = rig([
    backgroundService("worker", async (signal) => {
      await aborted(signal);
      throw boom;
    }),
  ]);
  await host.start();
  await quiet();
  assert.is(await rejection(host.stop()), boom);
  assert.equal(lines.heads, ['error: Service "worker": execute failed after 0 ms: Error: boom']);
});

test("G19: a worker that overrides start without the base's: the host works", async () => {
  class Odd extends BackgroundService {
    override async start(): Promise<void> {}
    override execute(): Promise<void> {
      return Promise.reject(new Error("never"));
    }
  }
  const { host } = rig([new Odd()]);
  await host.start();
  await quiet();
  assert.is(host.state, "started");
  await host.stop();
});

test("G20: a crash during the start is the error, and the cause of everybody's reason", async () => {
  const crash = new Error("crash");
  const reasons: Error[] = [];
  const { host } = rig([
    backgroundService("worker", fails(crash)),
    hostedService("slow", {
      start: async (signal) => {
        await aborted(signal);
        reasons.push(signal.reason);
        throw signal.reason;
      },
    }),
  ]);
  assert.is(await rejection(host.start()), crash);
  assert.is(reasons[0]?.cause, crash);
});

for (const concurrently of [false, true]) {
  test(`G21: the stop is in reverse in each phase (concurrently: ${concurrently})`, async () => {
    const trace = new Trace();
    const { host } = rig([trace.lifecycle("a"), trace.lifecycle("b"), trace.lifecycle("c")], {
      servicesStopConcurrently: concurrently,
    });
    await host.start();
    trace.take();
    await host.stop();
    assert.equal(
      trace.take(),
      ["stopping", "stop", "stopped"].flatMap((phase) =>
        ["c", "b", "a"].map((it) => `${it}.${phase}`)
      ),
    );
  });
}

test("G22: one stop error is itself; several are one aggregate in phase order", async () => {
  const one = new Error("one");
  const single = rig([hostedService("a", { stopped: fails(one) })]);
  await single.host.start();
  assert.is(await rejection(single.host.stop()), one);
  const { host } = rig([
    hostedService("a", {
      stopping: fails("stopping"),
      stop: fails("stop"),
      stopped: fails("stopped"),
    }),
    backgroundService("worker", async (signal) => {
      await aborted(signal);
      throw "work";
    }),
  ], { hostLifetime: { waitForStart() {}, stop: fails("lifetime") } });
  await host.start();
  await quiet();
  const error = await rejection<AggregateError>(host.stop());
  assert.equal(error.errors, ["stopping", "stop", "stopped", "lifetime", "work"]);
});

test("G23: an error of the host lifetime's stop is collected; all before it has run", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host } = rig([trace.lifecycle("a")], {
    hostLifetime: trace.hostLifetime({ stop: fails(boom) }),
  });
  await host.start();
  trace.take();
  trace.watch(host.lifetime);
  assert.is(await rejection(host.stop()), boom);
  assert.equal(trace.take(), [
    "a.stopping",
    "lifetime.stopping",
    "a.stop",
    "a.stopped",
    "lifetime.stopped",
    "hostLifetime.stop",
  ]);
});

test("G24: an error of waitForStart rejects the start, no service is made, a later stop is calm", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host } = rig([() => {
    trace.note("make");
    return trace.service("made");
  }], { hostLifetime: trace.hostLifetime({ waitForStart: fails(boom) }) });
  assert.is(await rejection(host.start()), boom);
  await host.stop();
  assert.equal(trace.take(), ["hostLifetime.waitForStart", "hostLifetime.stop"]);
});

test("G25: a callback registered late runs at once, with onAbort", async () => {
  const { host } = rig([]);
  await host.start();
  await host.stop();
  const seen: string[] = [];
  for (const name of ["started", "stopping", "stopped"] as const) {
    onAbort(host.lifetime[name], () => seen.push(name));
  }
  assert.equal(seen, ["started", "stopping", "stopped"]);
});

for (const where of ["started", "stopping", "starting"] as const) {
  test(`G26: stopApplication() inside ${where} makes no trouble`, async () => {
    const trace = new Trace();
    const { host } = rig([
      trace.lifecycle("a", {
        starting: () => {
          if (where === "starting") host.lifetime.stopApplication();
        },
      }),
    ]);
    if (where !== "starting") onAbort(host.lifetime[where], () => host.lifetime.stopApplication());
    const run = new Fate(host.run());
    await quiet();
    host.lifetime.stopApplication();
    await quiet();
    assert.is(run.state, "fulfilled");
    assert.is(trace.take().includes("a.stop"), where !== "starting");
  });
}

test("G27: the same type twice runs twice, told apart by identity", async () => {
  const trace = new Trace();
  const make = () => trace.service("twin");
  const { host } = rig([make(), make(), () => make()]);
  await host.start();
  assert.equal(trace.take(), ["twin.start", "twin.start", "twin.start"]);
  await host.stop();
});

test("G28: a second signal while stopping forces the end, once the quiet window is over", async () => {
  const process = new FakeProcess();
  try {
    const { host, clock } = rig([hostedService("hung", { stop: hang })], {
      hostLifetime: consoleLifetime(),
    });
    const run = new Fate(host.run());
    await quiet();
    process.send("SIGINT");
    process.send("SIGINT");
    await clock.advance(100);
    assert.is(run.state, "pending", "that was an echo");
    process.time += 700;
    process.send("SIGINT");
    await clock.advance(0);
    assert.is((run.reason as Error).name, "ForcedStopError");
    assert.equal(process.exits, [130]);
  } finally {
    process.restore();
  }
});

test("G29: signal handlers are there from the start to the end of the stop", async () => {
  const process = new FakeProcess();
  try {
    const seen: string[][] = [];
    const note = (): number => seen.push(process.handled);
    const { host } = rig([hostedService("a", { start: note, stopped: note })], {
      hostLifetime: consoleLifetime(),
    });
    await host.start();
    await host.stop();
    seen.push(process.handled);
    const all = ["SIGINT", "SIGTERM", "SIGQUIT"];
    assert.equal(seen, [all, all, []]);
  } finally {
    process.restore();
  }
});

test("G30: shutdownTimeout 0: what comes after the first turn gets a signal that has aborted", async () => {
  const seen: string[] = [];
  const service = (name: string) =>
    hostedService(name, {
      stop: async (signal) => {
        seen.push(`${name} ${signal.aborted}`);
        await aborted(signal);
      },
    });
  const { host, clock } = rig([service("a"), service("b"), service("c")], { shutdownTimeout: 0 });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(0);
  assert.is(stop.state, "fulfilled");
  assert.equal(seen, ["c false", "b true", "a true"]);
});

for (const [signalAt, timeout] of [[100, 500], [500, 100]] as const) {
  test(`G31: stop(signal) at ${signalAt} ms and shutdownTimeout ${timeout}: the first counts`, async () => {
    const controller = new AbortController();
    const { host, clock } = rig([hostedService("slow", { stop: aborted })], {
      shutdownTimeout: timeout,
    });
    await host.start();
    clock.setTimeout(() => controller.abort(), signalAt);
    const stop = new Fate(host.stop(controller.signal));
    await clock.advance(99);
    assert.is(stop.state, "pending");
    await clock.advance(1);
    assert.is(stop.state, "fulfilled");
  });
}

test("G32: lines and events: none for a clean run, one line for each failure", async () => {
  const clean = rig([hostedService("a", {})]);
  await clean.host.start();
  await clean.host.stop();
  assert.equal(clean.lines.all, []);
  const types = clean.events.map(({ type }) => type).filter((type) => type.startsWith("host"));
  assert.equal(types, ["hostStarting", "hostStarted", "hostStopping", "hostStopped"]);
  for (
    const [service, line] of [
      [hostedService("a", { start: fails(new Error("boom")) }), "start failed"],
      [hostedService("a", { stop: fails(new Error("boom")) }), "stop failed"],
      [
        backgroundService("a", async (signal, { clock }) => {
          await delay(0, { signal, clock });
          throw new Error("boom");
        }),
        "execute failed",
      ],
    ] as const
  ) {
    const { host, clock, lines } = rig([service]);
    const run = new Fate(host.run());
    await clock.advance(0);
    await host.stop().catch(() => {});
    await quiet();
    assert.equal(lines.heads, [`error: Service "a": ${line} after 0 ms: Error: boom`]);
    assert.is(run.state, "rejected");
  }
});

test.run();
