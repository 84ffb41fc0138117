/**
 * .NET's own tests of its host (UnitTests/Internal/HostTests.cs, HostOptionsTests.cs), by name.
 * Where the outcome differs on purpose ("Different" in docs/dotnet.md), the test asserts ours.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  type ApplicationLifetime,
  backgroundService,
  createHost,
  delay,
  type HostedService,
  hostedService,
  type HostOptions,
  onAbort,
  type ServiceContext,
  type ServiceTimeoutError,
} from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

/** Counts what is done to it, as .NET's fake services do. */
class Counted implements HostedService {
  started = 0;
  stopped = 0;
  disposed = 0;

  start(_signal: AbortSignal): unknown {
    return this.started++;
  }

  stop(_signal: AbortSignal): unknown {
    return this.stopped++;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
    return Promise.resolve();
  }

  get counts(): number[] {
    return [this.started, this.stopped, this.disposed];
  }
}

test("CanCreateApplicationServicesWithAddedServices: what was added is in the host", () => {
  const { host } = rig([hostedService("added", {})]);
  assert.equal(host.services.map(({ name }) => name), ["added"]);
});

test("HostCanBeStarted: disposing without a stop stops, then disposes", async () => {
  const service = new Counted();
  const { host } = rig([() => service]);
  await host.start();
  assert.equal(service.counts, [1, 0, 0]);
  await host[Symbol.asyncDispose]();
  assert.equal(service.counts, [1, 1, 1]);
});

test("HostedServiceCanAcceptSingletonDependencies: a factory hands in what it likes", async () => {
  class Dependency {}
  const dependency = new Dependency();
  class Dependent extends Counted {
    readonly dependency: Dependency;
    constructor(dependency: Dependency) {
      super();
      this.dependency = dependency;
    }
  }
  const made: Dependent[] = [];
  const factory = (): Dependent => {
    const service = new Dependent(dependency);
    made.push(service);
    return service;
  };
  const { host } = rig([factory, () => factory()]);
  await host.start();
  assert.is(made.length, 2);
  assert.ok(made.every((it) => it.dependency === dependency && it.started === 1));
  await host.stop();
});

test("HostedServiceStartNotCalledIfHostNotStarted: neither start nor stop are called", async () => {
  const service = new Counted();
  const { host } = rig([service]);
  host.lifetime.stopApplication();
  await host.stop();
  await host[Symbol.asyncDispose]();
  assert.equal(service.counts, [0, 0, 0], "and an instance stays the caller's");
});

test("HostedServiceRegisteredAsSingletons: one instance is started, stopped, disposed", async () => {
  const service = new Counted();
  let made = 0;
  const { host } = rig([() => {
    made++;
    return service;
  }]);
  await host.start();
  assert.equal(service.counts, [1, 0, 0]);
  await host.stop();
  assert.equal(service.counts, [1, 1, 1]);
  assert.is(made, 1);
});

test("HostCanBeStoppedWhenNotStarted: the service is not touched", async () => {
  const service = new Counted();
  const { host } = rig([service]);
  await host.stop();
  await host[Symbol.asyncDispose]();
  assert.equal(service.counts, [0, 0, 0]);
});

test("HostedServiceRegisteredWithFactory: it starts with what the factory is given", async () => {
  const lifetimes: ApplicationLifetime[] = [];
  const service = new Counted();
  const { host } = rig([({ lifetime }) => {
    lifetimes.push(lifetime);
    return service;
  }]);
  await host.start();
  assert.is(service.started, 1);
  assert.is(lifetimes[0], host.lifetime);
  await host.stop();
});

test("AppCrashesOnStartWhenFirstHostedServiceThrows: the second is not started", async () => {
  class Thrower extends Counted {
    readonly error: Error = new RangeError("boom");
    override start(signal: AbortSignal): never {
      super.start(signal);
      throw this.error;
    }
  }
  const [first, second] = [new Thrower(), new Thrower()];
  const { host } = rig([() => first, () => second]);
  assert.is(await rejection(host.start()), first.error);
  assert.equal(first.counts, [1, 0, 1]);
  assert.equal(second.counts, [0, 0, 1]);
});

test("StartCanBeCancelled: start() rejects with the cancellation", async () => {
  class Slow extends Counted {
    override async start(signal: AbortSignal): Promise<void> {
      super.start(signal);
      await aborted(signal);
      signal.throwIfAborted();
    }
  }
  const service = new Slow();
  const { host } = rig([() => service]);
  const controller = new AbortController();
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort();
  await quiet();
  assert.is((start.reason as Error).name, "AbortError");
  assert.equal(service.counts, [1, 0, 1]);
});

/** A host whose only service waits for a gate, or for its cancellation. */
function cancellable() {
  const gate = new Gate();
  const trace = new Trace();
  const { host } = rig([{
    start: async (signal: AbortSignal) => {
      onAbort(signal, (reason) => gate.fail(reason));
      trace.note("starting");
      await gate.promise;
      trace.note("started");
    },
    stop() {},
  }]);
  return { host, gate, trace };
}

test("CancellableStart_CancelledByApplicationLifetime: the service sees its signal abort", async () => {
  const { host, trace } = cancellable();
  const start = new Fate(host.start());
  await quiet();
  host.lifetime.stopApplication();
  await quiet();
  assert.is((start.reason as Error).name, "AbortError");
  assert.equal(trace.take(), ["starting"]);
});

test("CancellableStart_CancelledByCancellationToken: the service sees its signal abort", async () => {
  const { host, trace } = cancellable();
  const controller = new AbortController();
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort();
  await quiet();
  assert.is((start.reason as Error).name, "AbortError");
  assert.equal(trace.take(), ["starting"]);
});

test("CancellableStart_CanComplete: start() resolves once the service has", async () => {
  const { host, gate, trace } = cancellable();
  const start = new Fate(host.start());
  await quiet();
  assert.is(start.state, "pending");
  gate.open();
  await quiet();
  assert.is(start.state, "fulfilled");
  assert.equal(trace.take(), ["starting", "started"]);
  await host.stop();
});

test("HostLifetimeOnStartedDelaysStart: no service starts before waitForStart ends", async () => {
  const gate = new Gate();
  const trace = new Trace();
  const { host } = rig([trace.service("a")], {
    hostLifetime: trace.hostLifetime({ waitForStart: () => gate.promise }),
  });
  const start = new Fate(host.start());
  await quiet();
  assert.equal(trace.take(), ["hostLifetime.waitForStart"]);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["a.start"]);
  assert.is(start.state, "fulfilled");
  await host[Symbol.asyncDispose]();
  assert.equal(trace.take(), ["a.stop", "hostLifetime.stop"], "disposing stops");
});

test("HostLifetimeOnStartedCanBeCancelled: the service is never started", async () => {
  const trace = new Trace();
  const controller = new AbortController();
  const { host } = rig([trace.service("a")], {
    hostLifetime: trace.hostLifetime({
      waitForStart: async (signal) => {
        await aborted(signal);
        signal.throwIfAborted();
      },
    }),
  });
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort();
  await quiet();
  assert.is((start.reason as Error).name, "AbortError");
  assert.equal(trace.take(), ["hostLifetime.waitForStart", "hostLifetime.stop"]);
});

test("HostStopAsyncCallsHostLifetimeStopAsync: once, like the service's", async () => {
  const trace = new Trace();
  const { host } = rig([trace.service("a")], { hostLifetime: trace.hostLifetime() });
  await host.start();
  assert.equal(trace.take(), ["hostLifetime.waitForStart", "a.start"]);
  await host.stop();
  await host[Symbol.asyncDispose]();
  assert.equal(trace.take(), ["a.stop", "hostLifetime.stop"]);
});

test("HostShutsDownWhenTokenTriggers: run(signal) stops once and resolves", async () => {
  const service = new Counted();
  const { host } = rig([() => service]);
  const controller = new AbortController();
  const run = new Fate(host.run(controller.signal));
  await aborted(host.lifetime.started);
  assert.equal(service.counts, [1, 0, 0]);
  controller.abort();
  await aborted(host.lifetime.stopped);
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.equal(service.counts, [1, 1, 1]);
  await host[Symbol.asyncDispose]();
  assert.equal(service.counts, [1, 1, 1]);
});

/** Waits in its stop until its signal aborts. */
const patient = { start() {}, stop: (signal: AbortSignal): Promise<void> => aborted(signal) };

test("HostStopAsyncCanBeCancelledEarly: stop(signal) ends the grace", async () => {
  const { host, clock } = rig([patient]);
  await host.start();
  const controller = new AbortController();
  const stop = new Fate(host.stop(controller.signal));
  await clock.advance(5);
  controller.abort();
  await quiet();
  assert.is(stop.state, "fulfilled");
});

test("HostStopAsyncUsesDefaultTimeoutIfGivenTokenDoesNotFire: the timeout ends the grace", async () => {
  const { host, clock } = rig([patient], { shutdownTimeout: 500 });
  await host.start();
  const stop = new Fate(host.stop(new AbortController().signal));
  await clock.advance(500);
  assert.is(stop.state, "fulfilled");
});

test("WebHostStopAsyncUsesDefaultTimeoutIfNoTokenProvided: the timeout ends the grace", async () => {
  const { host, clock } = rig([patient], { shutdownTimeout: 500 });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(500);
  assert.is(stop.state, "fulfilled");
});

test("HostStopsApplicationWithOneBackgroundServiceErrorAndOthersWithoutError: stopping fires", async () => {
  const gate = new Gate();
  const trace = new Trace();
  const { host } = rig([
    backgroundService("bad", async () => {
      await gate.promise;
      throw new Error("boom");
    }),
    trace.service("good"),
  ]);
  trace.watch(host.lifetime);
  const run = new Fate(host.run());
  await quiet();
  gate.open();
  await quiet();
  assert.equal(trace.take(), [
    "good.start",
    "lifetime.started",
    "lifetime.stopping",
    "good.stop",
    "lifetime.stopped",
  ]);
  assert.is((run.reason as Error).message, "boom");
});

test("HostHandlesExceptionsThrownWithBackgroundServiceExceptionBehaviorOfIgnore: nothing fires", async () => {
  const { host } = rig([backgroundService("bad", () => Promise.reject(new Error("boom")))], {
    backgroundServiceExceptionBehavior: "ignore",
  });
  await host.start();
  await quiet();
  assert.not.ok(host.lifetime.stopping.aborted);
  await host.stop();
});

test("HostApplicationLifetimeEventsOrderedCorrectlyDuringShutdown: each before the next", async () => {
  const trace = new Trace();
  const { host } = rig([]);
  trace.watch(host.lifetime);
  const run = host.run().then(() => trace.note("run resolved"));
  await quiet();
  host.lifetime.stopApplication();
  trace.note("stopApplication returned");
  await run;
  assert.equal(trace.take(), [
    "lifetime.started",
    "lifetime.stopping",
    "stopApplication returned",
    "lifetime.stopped",
    "run resolved",
  ]);
});

test("HostDisposesServiceProvider: what factories made is disposed as the stop's last step", async () => {
  const [made, mine] = [new Counted(), new Counted()];
  const { host } = rig([() => made, mine]);
  await host.start();
  assert.equal([made.disposed, mine.disposed], [0, 0]);
  await host.stop();
  assert.equal([made.disposed, mine.disposed], [1, 0]);
});

test("HostNotifiesApplicationStarted: not before the start, but after it", async () => {
  const { host } = rig([]);
  assert.not.ok(host.lifetime.started.aborted);
  await host.start();
  assert.ok(host.lifetime.started.aborted);
  await host.stop();
});

test("HostNotifiesAllIHostApplicationLifetimeCallbacksEvenIfTheyThrow: all nine run", async () => {
  const { host } = rig([]);
  const errors: unknown[] = [];
  let calls = 0;
  for (const name of ["started", "stopping", "stopped"] as const) {
    for (let index = 0; index < 3; index++) {
      onAbort(host.lifetime[name], () => {
        calls++;
        throw new Error(name);
      }, { onError: (error) => errors.push(error) });
    }
  }
  await host.start();
  await host.stop();
  await quiet();
  assert.is(calls, 9);
  assert.is(errors.length, 9);
});

test("HostStopApplicationDoesNotFireStopOnHostedService: nobody waits, so nothing stops", async () => {
  const service = new Counted();
  const { host, lines } = rig([service]);
  await host.start();
  host.lifetime.stopApplication();
  await quiet();
  assert.equal(service.counts, [1, 0, 0]);
  assert.is(lines.all.length, 1, "but one warning says what to call");
  await host[Symbol.asyncDispose]();
  assert.equal(service.counts, [1, 1, 0], "and disposing stops");
});

test("HostedServiceCanInjectApplicationLifetime: in its context, and in its factory's", async () => {
  const seen: unknown[] = [];
  const { host } = rig([
    ({ lifetime }) => hostedService("made", { start: () => seen.push(lifetime) }),
    hostedService("mine", { start: (_, { lifetime }) => seen.push(lifetime) }),
  ]);
  await host.start();
  await host.stop();
  assert.equal(seen.map((it) => it === host.lifetime), [true, true]);
});

test("HostShutdownFiresApplicationLifetimeStoppedBeforeHostLifetimeStopped: and the services' stop", async () => {
  const seen: unknown[] = [];
  const service = new Counted();
  const { host } = rig([service], {
    hostLifetime: {
      waitForStart() {},
      stop: () => seen.push(service.stopped, host.lifetime.stopped.aborted),
    },
  });
  await host.start();
  assert.not.ok(host.lifetime.stopped.aborted);
  await host.stop();
  assert.equal(seen, [1, true]);
});

test("HostStopApplicationFiresStopOnHostedService: start, stop, dispose in their order", async () => {
  const service = new Counted();
  const { host } = rig([() => service]);
  assert.equal(service.counts, [0, 0, 0]);
  await host.start();
  assert.equal(service.counts, [1, 0, 0]);
  await host.stop();
  await host[Symbol.asyncDispose]();
  assert.equal(service.counts, [1, 1, 1]);
});

test("HostDisposeApplicationDoesNotFireStopOnHostedService: here disposing does stop", async () => {
  const service = new Counted();
  const { host } = rig([() => service]);
  await host.start();
  await host[Symbol.asyncDispose]();
  assert.equal(service.counts, [1, 1, 1]);
});

test("HostDoesNotNotifyIHostApplicationLifetimeCallbacksIfIHostedServicesThrow: started never fires", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host } = rig([trace.service("bad", { start: () => Promise.reject(boom) })]);
  trace.watch(host.lifetime);
  assert.is(await rejection(host.start()), boom);
  assert.equal(
    trace.take(),
    ["bad.start", "lifetime.stopping", "lifetime.stopped"],
    "the rollback is a whole stop, of nobody",
  );
  await host[Symbol.asyncDispose]();
  assert.equal(trace.take(), []);
});

test("Host_InvokesConfigureServicesMethodsOnlyOnce: so with factories", async () => {
  let calls = 0;
  const { host } = rig([() => {
    calls++;
    return hostedService("made", {});
  }]);
  void host.services;
  assert.is(calls, 0);
  await host.start();
  await host.start();
  void host.services;
  await host.stop();
  assert.is(calls, 1);
});

test("HostCallsDisposeAsyncOnServiceProvider: asyncDispose is called and awaited", async () => {
  const trace = new Trace();
  const { host } = rig([() => ({
    start() {},
    stop() {},
    [Symbol.asyncDispose]: async () => {
      await quiet();
      trace.note("disposed");
    },
  })]);
  await host.start();
  await host.stop();
  assert.equal(trace.take(), ["disposed"]);
});

test("HostCallsDisposeAsyncOnServiceProviderWhenDisposeAsyncCalled: not before", async () => {
  const service = new Counted();
  const { host } = rig([() => service]);
  await host.start();
  assert.is(service.disposed, 0);
  await host[Symbol.asyncDispose]();
  assert.is(service.disposed, 1);
});

test("ThrowExceptionForCustomImplementationOfIHostApplicationLifetime: it is no host lifetime", () => {
  const { signal } = new AbortController();
  const custom = { started: signal, stopping: signal, stopped: signal, stopApplication() {} };
  const error = thrown(() => createHost([], { hostLifetime: custom as never }));
  assert.instance(error, TypeError);
  assert.match(error.message, "Cannot use hostLifetime.waitForStart: expected function");
});

for (const behavior of ["ignore", "stopHost"] as const) {
  test(`BackgroundServiceAsyncExceptionGetsLogged: ${behavior}`, async () => {
    const { host, lines, clock } = rig([
      backgroundService("worker", async (_, context) => {
        await delay(100, context);
        throw new Error("Background Exception");
      }),
    ], { backgroundServiceExceptionBehavior: behavior });
    const run = new Fate(host.run());
    await clock.advance(100);
    assert.equal(lines.heads, [
      'error: Service "worker": execute failed after 100 ms: Error: Background Exception',
    ], "once, whatever the behaviour");
    assert.is(run.state, behavior === "ignore" ? "pending" : "rejected");
    await host.stop().catch(() => {});
  });
}

test("HostNoErrorWhenServiceIsCanceledAsPartOfStop: a worker's loop ends without a line", async () => {
  const { host, lines, clock, events } = rig([
    backgroundService("worker", async (signal, { clock }) => {
      while (!signal.aborted) await delay(1_000, { signal, clock });
    }),
  ]);
  await host.start();
  await clock.advance(2_500);
  await host.stop();
  assert.equal(lines.all, []);
  assert.not.ok(events.some(({ type }) => type === "serviceFailed"));
});

// HostOptionsTests.cs

test("DefaultValues_AreSet: 25 s of grace, no limit of the start, one by one, stopHost", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    trace.service("a", { start: () => new Promise<void>((go) => clock.setTimeout(go, 10 ** 9)) }),
    trace.service("b", { stop: aborted }),
    backgroundService("worker", async (_, { lifetime }) => {
      await aborted(lifetime.started);
      throw new Error("boom");
    }),
  ]);
  const start = host.start();
  await clock.advance(10 ** 9 - 1);
  assert.equal(trace.take(), ["a.start"], "one by one, without a limit");
  await clock.advance(1);
  await start;
  assert.ok(host.lifetime.stopping.aborted, "stopHost");
  const stop = new Fate(host.stop());
  await clock.advance(24_999);
  assert.equal(trace.take(), ["b.start", "b.stop"], "one by one");
  await clock.advance(1);
  assert.is(stop.state, "rejected");
});

/** How a life goes without an option, and how with it. */
interface Option {
  readonly value: unknown;
  readonly live: (options: HostOptions) => Promise<unknown>;
  readonly without: unknown;
  readonly with: unknown;
}

const options: { readonly [K in keyof HostOptions]?: Option } = {
  shutdownTimeout: {
    value: 60_000,
    async live(options) {
      const { host, clock } = rig([patient], options);
      await host.start();
      let ended = 0;
      const stop = host.stop().then(() => (ended = clock.now()));
      await clock.advance(100_000);
      await stop;
      return ended;
    },
    without: 25_000,
    with: 60_000,
  },
  startupTimeout: {
    value: 120_000,
    async live(options) {
      const { host, clock } = rig([{ start: aborted, stop() {} }], options);
      const start = new Fate(host.start());
      await clock.advance(120_000);
      const { state } = start;
      host.abort();
      await clock.advance(10_000);
      return state;
    },
    without: "pending",
    with: "rejected",
  },
  servicesStartConcurrently: {
    value: true,
    async live(options) {
      const trace = new Trace();
      const gate = new Gate();
      const starts = { start: () => gate.promise };
      const { host } = rig([trace.service("a", starts), trace.service("b", starts)], options);
      const start = host.start();
      await quiet();
      const begun = trace.take();
      gate.open();
      await start;
      await host.stop();
      return begun;
    },
    without: ["a.start"],
    with: ["a.start", "b.start"],
  },
  servicesStopConcurrently: {
    value: true,
    async live(options) {
      const trace = new Trace();
      const gate = new Gate();
      const stops = { stop: () => gate.promise };
      const { host } = rig([trace.service("a", stops), trace.service("b", stops)], options);
      await host.start();
      trace.take();
      const stop = host.stop();
      await quiet();
      const begun = trace.take();
      gate.open();
      await stop;
      return begun;
    },
    without: ["b.stop"],
    with: ["b.stop", "a.stop"],
  },
  backgroundServiceExceptionBehavior: {
    value: "ignore",
    async live(options) {
      const { host } = rig([
        backgroundService("worker", async (_, { lifetime }) => {
          await aborted(lifetime.started);
          throw new Error("boom");
        }),
      ], options);
      await host.start();
      await quiet();
      const { state } = host;
      await host.stop().catch(() => {});
      return state;
    },
    without: "stopping",
    with: "started",
  },
};

for (const [name, { value, live, ...life }] of Object.entries(options)) {
  test(`Properties_CanBeSetDirectly: ${name} alone`, async () => {
    assert.equal(await live({}), life.without);
    assert.equal(await live({ [name]: value }), life.with);
  });
}

test("Properties_CanBeUpdated: of two, the later one counts", async () => {
  const defaults: HostOptions = { shutdownTimeout: 10_000 };
  const { host, clock } = rig([patient], { ...defaults, shutdownTimeout: 20_000 });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(19_999);
  assert.is(stop.state, "pending");
  await clock.advance(1);
  assert.is(stop.state, "fulfilled");
});

test("ShutdownTimeout_AcceptsZero: the grace is over at once", async () => {
  const { host, clock } = rig([patient], { shutdownTimeout: 0 });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(0);
  assert.is(stop.state, "fulfilled");
});

test("StartupTimeout_AcceptsZero: a start that waits fails at once", async () => {
  const { host, clock } = rig([{ name: "slow", start: aborted, stop() {} }], { startupTimeout: 0 });
  const start = new Fate(host.start());
  await clock.advance(0);
  assert.is((start.reason as ServiceTimeoutError).service, "slow");
});

test("Timeouts_AcceptMaxValue: neither fires at once", async () => {
  for (const longest of [2 ** 31, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Infinity]) {
    const gate = new Gate();
    const { host, clock } = rig([
      {
        start: (signal: AbortSignal, { forced }: ServiceContext) => {
          onAbort(signal, gate.fail);
          onAbort(forced, gate.fail);
          return delay(10, { clock });
        },
        stop: () => delay(10, { clock }),
      },
    ], { startupTimeout: longest, shutdownTimeout: longest, abandonTimeout: longest });
    const life = new Fate(host.start().then(() => host.stop()));
    await clock.advance(20);
    assert.is(life.state, "fulfilled");
    assert.is(clock.pending, 0);
  }
});

test.run();
