/**
 * .NET's own tests of background services (UnitTests/BackgroundServiceTests.cs,
 * BackgroundHostedServiceTests.cs, BackgroundServiceExceptionTests.cs), by name.
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
  type Execute,
  hostedService,
  onAbort,
} from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";

guard(test);

/** A background service that does what it is told, as .NET's tests have them. */
class Told extends BackgroundService {
  readonly #execute: Execute;

  constructor(execute: Execute) {
    super();
    this.#execute = execute;
  }

  override execute(...args: Parameters<Execute>): Promise<unknown> {
    return this.#execute(...args);
  }

  /** How its work has ended so far. */
  get fate(): Fate {
    return new Fate(this.executeTask as Promise<void>);
  }
}

for (
  const name of [
    "StartReturnsCompletedTask",
    "StartReturnsCompletedTaskIfLongRunningTaskIsIncomplete",
  ]
) {
  test(`${name}: while the work is pending`, async () => {
    const service = new Told(aborted);
    await service.start();
    const { fate } = service;
    await quiet();
    assert.is(fate.state, "pending");
    await service.stop();
  });
}

test("StartCancelledThrowsTaskCanceledException: start resolves, executeTask rejects", async () => {
  let ran = false;
  const service = new Told(async () => {
    ran = true;
  });
  await service.start(AbortSignal.abort());
  assert.is((await rejection(service.executeTask as Promise<void>)).name, "AbortError");
  assert.not.ok(ran);
});

test("StopAsyncWithoutStartAsyncNoops: it resolves", async () => {
  await new Told(aborted).stop();
});

test("StopAsyncStopsBackgroundService: its task is pending before, settled after", async () => {
  const service = new Told(aborted);
  await service.start();
  const { fate } = service;
  await quiet();
  assert.is(fate.state, "pending");
  await service.stop();
  await quiet();
  assert.is(fate.state, "fulfilled");
});

test("StopAsyncStopsEvenIfTaskNeverEnds: here only the host abandons, and names it", async () => {
  const service = new Told(hang);
  const { host, clock } = rig([service], { shutdownTimeout: 1_000, abandonTimeout: 100 });
  await host.start();
  const alone = new Fate(service.stop(AbortSignal.abort()));
  const stop = new Fate(host.stop());
  await clock.advance(1_100);
  assert.is(alone.state, "pending", "the service itself waits for its work");
  assert.match((stop.reason as Error).message, 'Cannot stop service "Told"');
});

test("StopAsyncThrowsIfCancellationCallbackThrows: onAbort keeps callbacks apart, stop resolves", async () => {
  const errors: unknown[] = [];
  let calls = 0;
  const service = new Told(async (signal) => {
    for (let index = 0; index < 2; index++) {
      onAbort(signal, () => {
        calls++;
        if (calls === 1) throw new Error("boom");
      }, { onError: (error) => errors.push(error) });
    }
    await aborted(signal);
  });
  await service.start();
  await quiet();
  await service.stop();
  assert.is(calls, 2);
  assert.is(errors.length, 1);
});

test("StartAsyncThenDisposeTriggersCancelledToken: dispose aborts the work's signal", async () => {
  const service = new Told(aborted);
  await service.start();
  await quiet();
  service[Symbol.dispose]();
  await service.executeTask;
});

test("StartAsyncThenCancelShouldCancelExecutingTask: alone, start's signal goes on to count", async () => {
  const controller = new AbortController();
  const service = new Told((signal) => delay(60_000, { signal }));
  await service.start(controller.signal);
  await quiet();
  controller.abort();
  assert.is((await rejection(service.executeTask as Promise<void>)).name, "AbortError");
});

test("CreateAndDisposeShouldNotThrow: without a start", () => {
  new Told(aborted)[Symbol.dispose]();
});

// BackgroundServiceExceptionTests.cs

/** Fails after a time, whatever its signal says. */
const failsAfter = (ms: number, error: Error): Execute => async (_, { clock }) => {
  await delay(ms, { clock });
  throw error;
};

test("BackgroundService_SynchronousException_ThrowsException: run() rejects with it", async () => {
  const boom = new RangeError("boom");
  const { host } = rig([
    new Told(() => {
      throw boom;
    }),
  ]);
  assert.is(await rejection(host.run()), boom);
});

test("BackgroundService_AsynchronousException_ThrowsException: run() rejects with it", async () => {
  const boom = new RangeError("boom");
  const { host, clock } = rig([new Told(failsAfter(100, boom))]);
  const run = new Fate(host.run());
  await clock.advance(100);
  assert.is(run.reason, boom);
});

test("BackgroundService_AsynchronousException_StopAsync_ThrowsException: stop() rejects with it", async () => {
  const boom = new RangeError("boom");
  const { host, clock } = rig([new Told(failsAfter(100, boom))]);
  await host.start();
  await clock.advance(100);
  assert.ok(host.lifetime.stopping.aborted, "stopping has fired by itself");
  assert.is(await rejection(host.stop()), boom);
});

test("BackgroundService_AsynchronousException_StopTwiceAsync_ThrowsException: both times", async () => {
  const boom = new RangeError("boom");
  const { host, clock } = rig([new Told(failsAfter(100, boom))]);
  await host.start();
  await clock.advance(100);
  assert.is(await rejection(host.stop()), boom);
  assert.is(await rejection(host.stop()), boom);
});

test("BackgroundService_MultipleExceptions_ThrowsAggregateException: the stop waits for all", async () => {
  const errors = [new Error("100"), new Error("150"), new Error("200")];
  const { host, clock } = rig(
    errors.map((error) => new Told(failsAfter(Number(error.message), error))),
  );
  const run = new Fate(host.run());
  await clock.advance(200);
  assert.equal((run.reason as AggregateError).errors, errors);
});

test("BackgroundServiceExceptionAndStopException_ThrowsAggregateException: both are there", async () => {
  const [crash, boom] = [new Error("crash"), new Error("boom")];
  const { host, clock } = rig([
    new Told(failsAfter(100, crash)),
    hostedService("bad", { stop: () => Promise.reject(boom) }),
  ]);
  const run = new Fate(host.run());
  await clock.advance(100);
  assert.equal((run.reason as AggregateError).errors, [boom, crash]);
});

test("BackgroundService_DelayedMonitoringException_ThrowsAggregateException: after its stop too", async () => {
  const [crash, late] = [new Error("crash"), new Error("late")];
  const gate = new Gate();
  const foreign = {
    executeTask: undefined as Promise<void> | undefined,
    start() {
      this.executeTask = gate.promise;
    },
    stop() {
      clock.setTimeout(() => gate.fail(late), 200);
    },
  };
  const { host, clock } = rig([
    foreign,
    new Told(() => {
      throw crash;
    }),
  ]);
  const run = new Fate(host.run());
  await clock.advance(200);
  assert.equal((run.reason as AggregateError).errors, [crash, late]);
});

test("BackgroundService_IgnoreException_DoesNotThrow: run() resolves", async () => {
  const { host, clock } = rig([
    new Told(failsAfter(100, new Error("boom"))),
    backgroundService("stopper", async (_, { lifetime, clock }) => {
      await delay(200, { clock });
      lifetime.stopApplication();
    }),
  ], { backgroundServiceExceptionBehavior: "ignore" });
  const run = new Fate(host.run());
  await clock.advance(200);
  assert.is(run.state, "fulfilled");
});

test("BackgroundService_IgnoreException_StopAsync_DoesNotThrow: stop() resolves", async () => {
  const { host, clock } = rig([new Told(failsAfter(100, new Error("boom")))], {
    backgroundServiceExceptionBehavior: "ignore",
  });
  await host.start();
  await clock.advance(100);
  assert.not.ok(host.lifetime.stopping.aborted);
  await host.stop();
});

test("BackgroundService_SuccessfulCompletion_DoesNotThrow: it asks for the stop, run() resolves", async () => {
  const { host, clock } = rig([
    new Told(async (_, { lifetime, clock }) => {
      await delay(100, { clock });
      lifetime.stopApplication();
    }),
  ]);
  const run = new Fate(host.run());
  await clock.advance(100);
  assert.is(run.state, "fulfilled");
});

test.run();
