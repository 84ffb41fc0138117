import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  BackgroundService,
  backgroundService,
  hostedService,
  type ServiceContext,
  type ServiceTimeoutError,
} from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { type Rig, rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

const fails = (error: unknown) => (): Promise<never> => Promise.reject(error);

test("the start never waits for execute, and never runs it in the same tick", async () => {
  const trace = new Trace();
  const { host } = rig([trace.worker("worker", hang), trace.service("next")]);
  const start = host.start();
  assert.equal(trace.take(), []);
  await start;
  const entries = trace.take();
  assert.ok(entries.includes("next.start"));
  await quiet();
  assert.is([...entries, ...trace.take()].filter((it) => it === "worker.execute").length, 1);
  host.abort();
});

test("execute that throws synchronously does not fail the start", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  class Thrower extends BackgroundService {
    override execute(): Promise<void> {
      throw boom;
    }
  }
  const worker = new Thrower();
  await worker.start();
  assert.is(await rejection(worker.executeTask as Promise<void>), boom);
  const { host } = rig([new Thrower(), trace.service("next")]);
  assert.is(await rejection(host.run()), boom);
});

test("execute that fails at once is a crash", async () => {
  const boom = new Error("boom");
  const { host, lines } = rig([backgroundService("worker", fails(boom))]);
  assert.is(await rejection(host.run()), boom);
  assert.equal(lines.heads, ['error: Service "worker": execute failed after 0 ms: Error: boom']);
});

test("workers are aborted in reverse order, each in its own stop, not at lifetime.stopping", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const worker = (name: string) =>
    trace.worker(name, async (signal) => {
      await aborted(signal);
      trace.note(`${name} aborted`);
    });
  const { host } = rig([
    worker("a"),
    worker("b"),
    trace.service("last", { stop: () => gate.promise }),
  ]);
  trace.watch(host.lifetime);
  const run = new Fate(host.run());
  await quiet();
  trace.take();
  host.lifetime.stopApplication();
  await quiet();
  assert.equal(trace.take(), ["lifetime.stopping", "last.stop"]);
  gate.open();
  await quiet();
  assert.equal(trace.take(), [
    "b aborted",
    "b.executed",
    "a aborted",
    "a.executed",
    "lifetime.stopped",
  ]);
  assert.is(run.state, "fulfilled");
});

test("workers are aborted when the start is cancelled, before the rollback", async () => {
  const trace = new Trace();
  const controller = new AbortController();
  const { host } = rig([
    trace.worker("worker"),
    trace.service("slow", { start: aborted, stop: () => trace.note("slow.stop") }),
  ]);
  const start = new Fate(host.start(controller.signal));
  await quiet();
  assert.equal(trace.take(), ["slow.start", "worker.execute"].sort().reverse());
  controller.abort("enough");
  await quiet();
  assert.is(trace.take()[0], "worker.executed");
  assert.is(start.reason, "enough");
});

test("execute is never called once its start was cancelled", async () => {
  const trace = new Trace();
  const controller = new AbortController();
  const { host } = rig([
    trace.worker("worker", aborted, { start: () => controller.abort("enough") }),
  ]);
  await rejection(host.start(controller.signal));
  await quiet();
  assert.equal(trace.take(), []);
});

test("execute is never called once the start was cancelled, also if an override drops the signal", async () => {
  const trace = new Trace();
  const controller = new AbortController();
  class Forgetful extends BackgroundService {
    override async start(): Promise<void> {
      await gate.promise;
      await super.start();
    }
    override async execute(signal: AbortSignal): Promise<void> {
      trace.note("execute");
      await aborted(signal);
    }
  }
  const gate = new Gate();
  const { host } = rig([new Forgetful()]);
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort("enough");
  gate.open();
  await quiet();
  assert.is(start.reason, "enough");
  assert.equal(trace.take(), []);
});

test("a worker's signal aborts once, with a reason", async () => {
  const reasons: unknown[] = [];
  const { host } = rig([
    backgroundService("worker", async (signal) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      await aborted(signal);
    }),
  ]);
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication("because");
  await quiet();
  host.abort();
  await host.stop();
  assert.is(run.state, "fulfilled");
  assert.is(reasons.length, 1);
  assert.is(reasons[0], host.lifetime.stopping.reason);
});

test("work that ends by itself leaves the host running", async () => {
  const { host } = rig([backgroundService("worker", async () => {})]);
  await host.start();
  await quiet();
  assert.is(host.state, "started");
  assert.is(host.services[0]?.state, "completed");
  await host.stop();
  assert.is(host.services[0]?.state, "stopped");
});

test("a failing worker stops the host: the whole stop, then its error", async () => {
  const trace = new Trace();
  const crash = new Error("crash");
  const gate = new Gate();
  const { host } = rig([
    trace.lifecycle("a"),
    backgroundService("worker", async () => {
      await gate.promise;
      throw crash;
    }),
  ]);
  trace.watch(host.lifetime);
  const run = new Fate(host.run());
  await quiet();
  trace.take();
  gate.open();
  await quiet();
  assert.equal(trace.take(), [
    "lifetime.stopping",
    "a.stopping",
    "a.stop",
    "a.stopped",
    "lifetime.stopped",
  ]);
  assert.is(run.reason, crash);
  assert.is(host.services[1]?.error, crash);
});

test('a failing worker under "ignore" is logged and nothing else', async () => {
  const { host, lines } = rig([backgroundService("worker", fails(new Error("boom")))], {
    backgroundServiceExceptionBehavior: "ignore",
  });
  const run = new Fate(host.run());
  await quiet();
  assert.is(host.state, "started");
  assert.is(host.services[0]?.state, "failed");
  assert.equal(lines.heads, ['error: Service "worker": execute failed after 0 ms: Error: boom']);
  host.lifetime.stopApplication();
  await quiet();
  assert.is(run.state, "fulfilled");
});

for (
  const [own, host, stops] of [
    ["ignore", "stopHost", false],
    ["stopHost", "ignore", true],
    [undefined, "ignore", false],
    [undefined, "stopHost", true],
  ] as const
) {
  test(`a worker's own behaviour ${own} under the host's "${host}"`, async () => {
    const boom = new Error("boom");
    const made = rig([
      backgroundService("worker", {
        execute: fails(boom),
        backgroundServiceExceptionBehavior: own,
      }),
    ], { backgroundServiceExceptionBehavior: host });
    const run = new Fate(made.host.run());
    await quiet();
    assert.is(run.state, stops ? "rejected" : "pending");
    await made.host.stop().catch(() => {});
  });
}

test("stop waits for execute to end", async () => {
  const gate = new Gate();
  const trace = new Trace();
  const { host } = rig([trace.worker("worker", () => gate.promise)]);
  await host.start();
  const stop = new Fate(host.stop());
  await quiet();
  assert.is(stop.state, "pending");
  gate.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
});

test("a worker that never ends is abandoned and named once", async () => {
  const { host, clock, events } = rig([backgroundService("worker", hang)]);
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(27_000);
  const error = stop.reason as ServiceTimeoutError;
  assert.is(error.message, 'Cannot stop service "worker": still running after 27000 ms');
  assert.is(host.services[0]?.state, "abandoned");
  const abandoned = events.filter(({ type }) => type === "serviceAbandoned");
  assert.equal(abandoned.map((it) => "phase" in it && it.phase), ["stop", "execute"]);
});

test("a worker that ends after the grace but within abandonTimeout is awaited", async () => {
  const { host, clock } = rig([
    backgroundService("worker", async (signal) => {
      await aborted(signal);
      await new Promise<void>((go) => clock.setTimeout(go, 26_500));
    }),
  ]);
  await host.start();
  await quiet();
  const stop = new Fate(host.stop());
  await clock.advance(26_499);
  assert.is(stop.state, "pending");
  await clock.advance(1);
  assert.is(stop.state, "fulfilled");
});

test("a worker sees the end of the grace in context.forced", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    backgroundService("worker", async (signal, { forced }) => {
      await aborted(signal);
      trace.note(`no more work at ${clock.now()}`);
      await aborted(forced);
      trace.note(`drop everything at ${clock.now()}`);
    }),
  ]);
  await host.start();
  await clock.advance(100);
  const stop = new Fate(host.stop());
  await clock.advance(25_000);
  assert.equal(trace.take(), ["no more work at 100", "drop everything at 25100"]);
  assert.is(stop.state, "fulfilled");
});

test("an overriding stop that forgets super.stop: the host ends the work afterwards", async () => {
  const trace = new Trace();
  class Forgetful extends BackgroundService {
    override async execute(signal: AbortSignal): Promise<void> {
      await aborted(signal);
      trace.note("aborted");
      await quiet();
      trace.note("ended");
    }
    override async stop(): Promise<void> {
      trace.note("stop");
      await quiet();
      trace.note("stop settles");
    }
  }
  const { host } = rig([trace.service("a"), new Forgetful()]);
  await host.start();
  await quiet();
  trace.take();
  await host.stop();
  assert.equal(trace.take(), ["stop", "stop settles", "aborted", "ended", "a.stop"]);
});

test("an overriding stop that forgets super.stop and rejects: the work ends all the same", async () => {
  const boom = new Error("boom");
  class Forgetful extends BackgroundService {
    ended = false;
    override async execute(signal: AbortSignal): Promise<void> {
      await aborted(signal);
      this.ended = true;
    }
    override stop(): Promise<void> {
      throw boom;
    }
  }
  const worker = new Forgetful();
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  assert.is(await rejection(host.stop()), boom);
  assert.ok(worker.ended);
});

test("an overriding stop that forgets super.stop: work that hangs is abandoned and named", async () => {
  class Forgetful extends BackgroundService {
    override execute(): Promise<void> {
      return hang();
    }
    override async stop(): Promise<void> {}
  }
  const { host, clock } = rig([new Forgetful()]);
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(27_000);
  assert.is((stop.reason as ServiceTimeoutError).service, "Forgetful");
});

test("an overriding start that never calls super.start has no work to watch", async () => {
  class Idle extends BackgroundService {
    override async execute(): Promise<void> {
      throw new Error("never");
    }
    override async start(): Promise<void> {}
  }
  const { host, events } = rig([new Idle()]);
  await host.start();
  await quiet();
  assert.is(host.state, "started");
  await host.stop();
  assert.not.ok(events.some((event) => "phase" in event && event.phase === "execute"));
});

test("an overriding start that rejects after super.start: the work is awaited within the limits", async () => {
  const boom = new Error("boom");
  class Half extends BackgroundService {
    override async start(signal: AbortSignal, context: ServiceContext): Promise<void> {
      await super.start(signal, context);
      await quiet();
      throw boom;
    }
    override async execute(signal: AbortSignal, { clock }: ServiceContext): Promise<void> {
      await aborted(signal);
      await new Promise<void>((go) => clock.setTimeout(go, 500));
    }
  }
  const { host, clock } = rig([new Half()]);
  const start = new Fate(host.start());
  await quiet();
  await clock.advance(500);
  await quiet();
  assert.is(start.reason, boom);
});

test("a worker is recognised by its executeTask, not by its class", async () => {
  const boom = new Error("boom");
  const foreign = {
    name: "foreign",
    executeTask: undefined as Promise<void> | undefined,
    start() {
      this.executeTask = quiet().then(() => {
        throw boom;
      });
    },
    stop() {},
  };
  const { host } = rig([foreign]);
  assert.is(await rejection(host.run()), boom);
});

test("a worker whose executeTask fails after its stop is reported all the same", async () => {
  const boom = new Error("boom");
  const gate = new Gate();
  const foreign = {
    name: "foreign",
    executeTask: undefined as Promise<void> | undefined,
    start() {
      this.executeTask = gate.promise;
    },
    stop: () => void quiet().then(() => gate.fail(boom)),
  };
  const { host } = rig([foreign]);
  await host.start();
  assert.is(await rejection(host.stop()), boom);
});

test("several workers that fail are all reported, in the order it happened", async () => {
  const { host, clock } = rig([
    backgroundService("late", async () => {
      await new Promise<void>((go) => clock.setTimeout(go, 20));
      throw "late";
    }),
    backgroundService("early", async () => {
      await new Promise<void>((go) => clock.setTimeout(go, 10));
      throw "early";
    }),
  ]);
  const run = new Fate(host.run());
  await clock.advance(20);
  assert.equal((run.reason as AggregateError).errors, ["early", "late"]);
});

test("a worker that crashes while others start: the crash is the error, the start rolls back", async () => {
  const trace = new Trace();
  const crash = new Error("crash");
  const { host } = rig([
    trace.service("a"),
    backgroundService("worker", fails(crash)),
    trace.service("slow", { start: aborted }),
    trace.service("never"),
  ]);
  trace.watch(host.lifetime);
  assert.is(await rejection(host.start()), crash);
  assert.equal(trace.take(), [
    "a.start",
    "slow.start",
    "lifetime.stopping",
    "slow.stop",
    "a.stop",
    "lifetime.stopped",
  ]);
});

test('a worker that crashes under "ignore" while others start cancels nothing', async () => {
  const { host } = rig([
    backgroundService("worker", fails(new Error("crash"))),
    hostedService("slow", { start: () => quiet() }),
  ], { backgroundServiceExceptionBehavior: "ignore" });
  await host.start();
  assert.is(host.state, "started");
  await host.stop();
});

test("a worker may run in a second host once the first has stopped", async () => {
  const trace = new Trace();
  const worker = trace.worker("worker");
  for (const _ of [1, 2]) {
    const { host } = rig([worker]);
    await host.start();
    await quiet();
    await host.stop();
    assert.equal(trace.take(), ["worker.execute", "worker.executed"]);
  }
});

test("a worker that is still at work in one host fails the start of another", async () => {
  const trace = new Trace();
  const worker = trace.worker("worker");
  const first = rig([worker]);
  await first.host.start();
  const second = rig([worker]);
  const error = await rejection(second.host.start());
  assert.is(error.name, "HostStateError");
  assert.is(
    error.message,
    "Cannot start the service again: its work still runs",
  );
  await first.host.stop();
});

// context.fail

interface Pushed extends Rig {
  readonly context: ServiceContext;
}

async function pushed(behavior?: "stopHost" | "ignore"): Promise<Pushed> {
  let context: ServiceContext | undefined;
  const made = rig([
    hostedService("socket", {
      start: (_, it) => {
        context = it;
      },
    }),
  ], { backgroundServiceExceptionBehavior: behavior });
  await made.host.start();
  return { ...made, context: context as ServiceContext };
}

test("context.fail() is the same as a worker of the service throwing", async () => {
  const { host, context, lines, events } = await pushed();
  const run = new Fate(host.run());
  const lost = new Error("connection lost");
  context.fail(lost);
  assert.is(host.state, "stopping");
  await quiet();
  assert.is(run.reason, lost);
  assert.is(await rejection(host.stop()), lost);
  assert.is(host.services[0]?.error, lost);
  assert.is(host.lifetime.stopping.reason.cause, lost);
  assert.equal(lines.heads, ['error: Service "socket" reports a failure: Error: connection lost']);
  const faulted = events.find(({ type }) => type === "serviceFaulted");
  assert.is(faulted?.type === "serviceFaulted" && faulted.error, lost);
  assert.is(faulted?.type === "serviceFaulted" && faulted.service, "socket");
});

test("context.fail() may be called detached, and never throws", async () => {
  const { host, context } = await pushed();
  const { fail } = context;
  fail(new Error("first"));
  fail(undefined);
  await rejection(host.stop());
  fail(new Error("after the stop"));
});

test('context.fail() under "ignore" is logged and nothing else', async () => {
  const { host, context, lines } = await pushed("ignore");
  context.fail(new Error("lost"));
  await quiet();
  assert.is(host.state, "started");
  assert.is(host.services[0]?.state, "failed");
  assert.is(lines.all.length, 1);
  await host.stop();
});

test("context.fail() during the start cancels it, and is its error", async () => {
  const lost = new Error("lost");
  const trace = new Trace();
  const { host } = rig([
    trace.service("a", { start: (_, context) => context.fail(lost) }),
    trace.service("never"),
  ]);
  assert.is(await rejection(host.start()), lost);
  assert.equal(trace.take(), ["a.start", "a.stop"]);
});

test("context.fail() during the stop adds its error", async () => {
  const lost = new Error("lost");
  const boom = new Error("boom");
  const { host } = rig([
    hostedService("a", {
      stop: (_, context) => {
        context.fail(lost);
        throw boom;
      },
    }),
  ]);
  await host.start();
  const error = await rejection<AggregateError>(host.stop());
  assert.equal(error.errors, [boom, lost]);
});

test("context.fail() after the host has stopped only logs", async () => {
  const { host, context, lines } = await pushed();
  await host.stop();
  context.fail(new Error("late"));
  await host.stop();
  assert.equal(lines.heads, ['error: Service "socket" reports a failure: Error: late']);
});

test("context.fail() with the answer to a signal of ours is clean", async () => {
  const { host, context, lines } = await pushed();
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication();
  context.fail(host.lifetime.stopping.reason);
  context.fail(new DOMException("x", "AbortError"));
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.equal(lines.all, []);
});

test("context.fail() while nobody waits: the next stop() rejects", async () => {
  const { host, context, lines } = await pushed();
  const lost = new Error("lost");
  context.fail(lost);
  await quiet();
  assert.is(lines.heads.length, 2, "the failure, and that nobody waits");
  assert.is(await rejection(host.stop()), lost);
});

test("a worker that fails while its own start is given up is not lost", async () => {
  const real = new Error("real failure");
  class Stuck extends BackgroundService {
    override async start(signal: AbortSignal, context: ServiceContext): Promise<void> {
      await super.start(signal, context);
      await hang();
    }
    override execute(): Promise<void> {
      return Promise.reject(real);
    }
  }
  const { host, clock, lines } = rig([new Stuck()], { startupTimeout: 100, abandonTimeout: 100 });
  const run = new Fate(host.run());
  await clock.advance(1_000);
  const { errors } = run.reason as AggregateError;
  assert.ok(errors.includes(real));
  assert.ok(lines.heads.some((line) => line.includes("real failure")));
});

test("context.fail() after the host has stopped leaves the state", async () => {
  const { host, context } = await pushed();
  await host.stop();
  context.fail(new Error("late"));
  assert.is(host.services[0]?.state, "stopped");
});

test("the functions of a context are always the same, and each service has its own", async () => {
  const contexts: ServiceContext[] = [];
  const keep = hostedService("a", { start: (_, context) => contexts.push(context) });
  const { host } = rig([keep, hostedService("b", { start: (_, it) => contexts.push(it) })]);
  await host.start();
  const [a, b] = contexts as [ServiceContext, ServiceContext];
  for (const name of ["fail", "waitUntil", "ready", "beat"] as const) {
    assert.is(a[name], a[name], name); // so that a listener can be removed again
    assert.is.not(a[name], b[name], name);
  }
  await host.stop();
});

for (const fate of ["fails", "ends"] as const) {
  test(`a worker that ${fate} while its stop goes on is stopping, not ${fate}`, async () => {
    const gate = new Gate();
    class Lingering extends BackgroundService {
      override async execute(signal: AbortSignal): Promise<void> {
        await aborted(signal);
        if (fate === "fails") throw new Error("boom");
      }
      override async stop(): Promise<void> {
        await super.stop();
        await gate.promise;
      }
    }
    const { host } = rig([new Lingering()]);
    await host.start();
    const stop = new Fate(host.stop());
    await quiet();
    assert.is(host.services[0]?.state, "stopping");
    gate.open();
    await quiet();
    assert.is(host.services[0]?.state, "stopped");
    assert.is(stop.state, fate === "fails" ? "rejected" : "fulfilled");
  });
}

test("work whose stop was given up is told to end", async () => {
  let told = false;
  class Forgetful extends BackgroundService {
    override async execute(signal: AbortSignal): Promise<void> {
      await aborted(signal);
      told = true;
    }
    override stop(): Promise<void> {
      return hang();
    }
  }
  const { host, clock } = rig([new Forgetful()], { shutdownTimeout: 100, abandonTimeout: 50 });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(149);
  assert.is(told, false);
  await clock.advance(1);
  assert.is(told, true);
  assert.is(stop.state, "rejected");
});

test("work never begins whose override of start hands on a signal that has aborted", async () => {
  let ran = false;
  class Refused extends BackgroundService {
    override async execute(): Promise<void> {
      ran = true;
    }
    override start(_signal: AbortSignal, context: ServiceContext): Promise<void> {
      return super.start(AbortSignal.abort(), context);
    }
  }
  const { host } = rig([new Refused()]);
  await host.start();
  await quiet();
  assert.is(ran, false);
  await host.stop();
});

test.run();
