/**
 * .NET's own tests of the lifecycle phases (UnitTests/LifecycleTests*.cs), by name.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  delay,
  type HostedLifecycleService,
  hostedService,
  type HostLifetime,
  type HostOptions,
  type ServiceTimeoutError,
} from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { type Hooks, Trace } from "./_trace.ts";

guard(test);

type Hook = keyof Hooks;

test("HostedService_CallbackOccursOnce: one instance twice is refused, two instances both run", async () => {
  const trace = new Trace();
  class Service implements HostedLifecycleService {
    start(): void {
      trace.note("start");
    }
    stop(): void {}
  }
  const service = new Service();
  assert.match(
    thrown(() => rig([service, service])).message,
    '"Service": it is in the list already',
  );
  const { host } = rig([new Service(), new Service()]);
  await host.start();
  await host.stop();
  assert.equal(trace.take(), ["start", "start"]);
});

for (const concurrently of [false, true]) {
  test(`CallbackOrder: eleven steps (concurrently: ${concurrently})`, async () => {
    const trace = new Trace();
    const both: HostedLifecycleService = trace.lifecycle("service");
    const lifetime: HostLifetime = trace.hostLifetime();
    const { host } = rig([both], {
      hostLifetime: lifetime,
      servicesStartConcurrently: concurrently,
      servicesStopConcurrently: concurrently,
    });
    trace.watch(host.lifetime);
    await host.start();
    await host.stop();
    assert.equal(trace.take(), [
      "hostLifetime.waitForStart",
      "service.starting",
      "service.start",
      "service.started",
      "lifetime.started",
      "service.stopping",
      "lifetime.stopping",
      "service.stop",
      "service.stopped",
      "lifetime.stopped",
      "hostLifetime.stop",
    ]);
  });
}

/** Two services suspended in one hook: their heads, and how they go on. */
async function suspended(phase: Hook, names: readonly [string, string]): Promise<void> {
  const starts = phase === "starting" || phase === "start" || phase === "started";
  const trace = new Trace();
  const gates = { a: new Gate(), b: new Gate() };
  const service = (name: "a" | "b"): HostedLifecycleService =>
    trace.lifecycle(name, {
      [phase]: async () => {
        await gates[name].promise;
        trace.note(`${name} goes on`);
      },
    });
  const { host } = rig([service("a"), service("b")], {
    servicesStartConcurrently: true,
    servicesStopConcurrently: true,
  });
  if (!starts) await host.start();
  const call = new Fate(starts ? host.start() : host.stop());
  await quiet();
  const heads = trace.take().filter((entry) => entry.endsWith(`.${phase}`));
  assert.equal(heads, names.map((name) => `${name}.${phase}`));
  gates.b.open();
  await quiet();
  assert.equal(trace.take(), ["b goes on"]);
  assert.is(call.state, "pending");
  gates.a.open();
  await quiet();
  assert.is(trace.take()[0], "a goes on");
  assert.is(call.state, "fulfilled");
  if (starts) await host.stop();
}

for (const phase of ["starting", "start", "started"] as const) {
  const name = { starting: "StartingConcurrently", start: "StartConcurrently" };
  test(`${{ ...name, started: "StartedConcurrently" }[phase]}: both heads, in order`, async () => {
    await suspended(phase, ["a", "b"]);
  });
}

for (const phase of ["stopping", "stop", "stopped"] as const) {
  const name = { stopping: "StoppingConcurrently", stop: "StopConcurrently" };
  test(`${{ ...name, stopped: "StoppedConcurrently" }[phase]}: both heads, in reverse`, async () => {
    await suspended(phase, ["b", "a"]);
  });
}

test("StartNonconcurrently: the second is not called while the first is pending", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host } = rig([trace.service("a", { start: () => gate.promise }), trace.service("b")]);
  const start = new Fate(host.start());
  await quiet();
  assert.equal(trace.take(), ["a.start"]);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["b.start"]);
  assert.is(start.state, "fulfilled");
  await host.stop();
});

test("StopNonconcurrently: in reverse, the other only after the last has settled", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host } = rig([trace.service("a"), trace.service("b", { stop: () => gate.promise })]);
  await host.start();
  trace.take();
  const stop = new Fate(host.stop());
  await quiet();
  assert.equal(trace.take(), ["b.stop"]);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["a.stop"]);
  assert.is(stop.state, "fulfilled");
});

/** Fails before or after an await. */
const failing = (error: Error, late: boolean) => (): Promise<void> => {
  if (!late) throw error;
  return quiet().then(() => {
    throw error;
  });
};

for (const late of [false, true]) {
  const row = late ? "after an await" : "before an await";

  for (
    const [name, phase, called] of [
      ["StartPhasesException_Starting", "starting", ["starting"]],
      ["StartPhasesException_Start", "start", ["starting", "start"]],
      ["StartPhasesException_Started", "started", ["starting", "start", "started"]],
    ] as const
  ) {
    test(`${name}: thrown ${row}`, async () => {
      const trace = new Trace();
      const boom = new Error("boom");
      const { host } = rig([trace.lifecycle("a", { [phase]: failing(boom, late) })]);
      assert.is(await rejection(host.start()), boom);
      const rollback = phase === "started" ? ["stopping", "stop", "stopped"] : [];
      assert.equal(trace.take(), [...called, ...rollback].map((hook) => `a.${hook}`));
    });
  }

  test(`StopPhasesException: three errors in phase order, thrown ${row}`, async () => {
    const trace = new Trace();
    const errors = ["stopping", "stop", "stopped"].map((phase) => new Error(phase));
    const [stopping, stop, stopped] = errors.map((error) => failing(error, late));
    const hooks = { stopping, stop, stopped } as Hooks;
    const { host } = rig([trace.lifecycle("a", hooks)]);
    await host.start();
    trace.take();
    const error = await rejection<AggregateError>(host.stop());
    assert.instance(error, AggregateError);
    assert.equal(error.errors, errors);
    assert.equal(trace.take(), ["a.stopping", "a.stop", "a.stopped"]);
  });
}

test("ValidateOnStartAbortsChain: a factory that refuses its settings; starting is not called", async () => {
  const trace = new Trace();
  const { host } = rig([
    trace.lifecycle("a"),
    () => {
      throw new RangeError("The port is missing");
    },
  ]);
  const error = await rejection(host.start());
  assert.instance(error.cause, RangeError);
  assert.match(error.message, "The port is missing");
  assert.equal(trace.take(), []);
});

// LifecycleTests.Timeouts.cs

const starts: readonly (readonly [Hook, boolean])[] = [
  ["starting", false],
  ["start", false],
  ["started", false],
  ["start", true],
];

for (const [phase, concurrently] of starts) {
  const name = `StartTimeoutClass_WithValue${concurrently ? "_Concurrently" : ""}`;
  test(`${name}: a ${phase} that takes too long is named`, async () => {
    const { host, clock } = rig([
      hostedService("slow", {
        [phase]: (signal: AbortSignal) => delay(5_000, { signal, clock }),
      }),
    ], { startupTimeout: 500, servicesStartConcurrently: concurrently });
    const start = new Fate(host.start());
    await clock.advance(500);
    const error = start.reason as ServiceTimeoutError;
    assert.is(error.name, "ServiceTimeoutError", ".NET: a cancellation that names nobody");
    assert.equal([error.service, error.phase, error.elapsed], ["slow", phase, 500]);
  });
}

const stops: readonly (readonly [Hook, boolean])[] = [
  ["stopping", false],
  ["stop", false],
  ["stopped", false],
  ["stop", true],
];

for (const [phase, concurrently] of stops) {
  const name = `StopTimeoutClass_WithValue${concurrently ? "_Concurrently" : ""}`;
  test(`${name}: a ${phase} that takes too long rejects with one cancellation`, async () => {
    const options: HostOptions = { shutdownTimeout: 500, servicesStopConcurrently: concurrently };
    const { host, clock } = rig([
      hostedService("slow", {
        [phase]: (signal: AbortSignal) => delay(5_000, { signal, clock }),
      }),
    ], options);
    await host.start();
    const stop = new Fate(host.stop());
    await clock.advance(500);
    assert.is((stop.reason as Error).name, "AbortError");
  });
}

test.run();
