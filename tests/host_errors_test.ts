import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  BackgroundService,
  backgroundService,
  hostedService,
  type ServiceTimeoutError,
} from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

const fails = (error: unknown) => (): Promise<never> => Promise.reject(error);

function flat(error: unknown): readonly unknown[] {
  assert.instance(error, AggregateError);
  return (error as AggregateError).errors;
}

// How many.

for (const error of [new Error("boom"), "a text", 42, null, undefined, { code: 7 }]) {
  test(`one error is rethrown as it is: ${String(error)}`, async () => {
    const start = new Fate(rig([hostedService("a", { start: fails(error) })]).host.start());
    await quiet();
    assert.is(start.state, "rejected");
    assert.is(start.reason, error);
    const { host } = rig([hostedService("a", { stop: fails(error) })]);
    await host.start();
    const stop = new Fate(host.stop());
    await quiet();
    assert.is(stop.state, "rejected");
    assert.is(stop.reason, error);
  });
}

test("several errors are one flat aggregate with each message", async () => {
  const [one, two, three] = [new Error("one"), new Error("two"), new Error("three")];
  const { host } = rig([
    hostedService("a", { stop: fails(two), stopped: fails(three) }),
    hostedService("b", { stop: fails(one) }),
  ]);
  await host.start();
  const error = await rejection(host.stop());
  assert.equal(flat(error), [one, two, three]);
  assert.is(error.message, "3 errors, the first: Error: one");
});

test("several errors of a start are one flat aggregate with those of its rollback", async () => {
  const [one, two, three] = [new Error("one"), new Error("two"), new Error("three")];
  const { host } = rig([
    hostedService("a", { stop: fails(two), stopped: fails(three) }),
    hostedService("b", { start: fails(one) }),
  ]);
  const error = await rejection(host.start());
  assert.equal(flat(error), [one, two, three]);
  assert.is(error.message, "3 errors, the first: Error: one");
});

test("one error from two places appears once", async () => {
  const boom = new Error("boom");
  const { host } = rig([
    hostedService("a", { stop: fails(boom) }),
    hostedService("b", { stopping: fails(boom), stop: fails(boom) }),
  ]);
  await host.start();
  assert.is(await rejection(host.stop()), boom);
});

test("one error from the start and its rollback appears once", async () => {
  const boom = new Error("boom");
  const { host } = rig([
    hostedService("a", { stop: fails(boom) }),
    hostedService("b", { start: fails(boom) }),
  ]);
  assert.is(await rejection(host.start()), boom);
});

test("a user's error is never wrapped or changed", async () => {
  const frozen = Object.freeze(new Error("frozen"));
  const aggregate = new AggregateError([new Error("x"), new Error("y")], "theirs");
  const { host } = rig([
    hostedService("a", { stop: fails(aggregate) }),
    hostedService("b", { stop: fails(frozen) }),
  ]);
  await host.start();
  const errors = flat(await rejection(host.stop()));
  assert.is(errors[0], frozen);
  assert.is(errors[1], aggregate);
  assert.is(host.services[0]?.error, aggregate);
  assert.is(host.services[1]?.error, frozen);
});

// In which order.

test("errors of a start: those of a phase, in order of registration, then the rollback's", async () => {
  const { host } = rig([
    hostedService("a", { stop: fails("rollback a") }),
    hostedService("b", { start: fails("start b") }),
    hostedService("c", { stop: fails("rollback c") }),
    hostedService("d", { start: fails("start d") }),
  ], { servicesStartConcurrently: true });
  assert.equal(flat(await rejection(host.start())), [
    "start b",
    "start d",
    "rollback c",
    "rollback a",
  ]);
});

test("errors of a start: a crash that cancelled it comes first", async () => {
  const crash = new Error("crash");
  const own = new Error("own");
  const rollback = new Error("rollback");
  const { host } = rig([
    hostedService("a", { stop: fails(rollback) }),
    backgroundService("worker", fails(crash)),
    hostedService("slow", {
      start: async (signal) => {
        await aborted(signal);
        throw own;
      },
    }),
  ]);
  assert.equal(flat(await rejection(host.start())), [crash, own, rollback]);
});

test("errors of a start: the timeout that cancelled it comes first", async () => {
  const own = new Error("own");
  const { host, clock } = rig([
    hostedService("slow", {
      start: async (signal) => {
        await aborted(signal);
        throw own;
      },
    }),
  ], { startupTimeout: 100 });
  const start = new Fate(host.start());
  await clock.advance(100);
  const [timeout, second] = flat(start.reason);
  assert.is((timeout as ServiceTimeoutError).service, "slow");
  assert.is(second, own);
});

test("errors of a start: a hook that timed out and was abandoned is named once", async () => {
  const { host, clock } = rig([hostedService("hung", { start: hang })], { startupTimeout: 100 });
  const start = new Fate(host.start());
  await clock.advance(2_100);
  assert.is((start.reason as ServiceTimeoutError).service, "hung");
});

test("errors of a start: the abort reason is first when nothing else was the cause", async () => {
  const controller = new AbortController();
  const own = new Error("own");
  const rollback = new Error("rollback");
  const { host } = rig([
    hostedService("a", { stop: fails(rollback) }),
    hostedService("slow", {
      start: async (signal) => {
        await aborted(signal);
        throw own;
      },
    }),
  ]);
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort("enough");
  await quiet();
  assert.equal(flat(start.reason), ["enough", own, rollback]);
});

test("errors of a start: the abort reason is not among them when there is another cause", async () => {
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
  assert.is(await rejection(host.start()), crash);
});

test("errors of run() cancelled by a stop request: those of the start and its rollback", async () => {
  const own = new Error("own");
  const rollback = new Error("rollback");
  const { host } = rig([
    hostedService("a", { stop: fails(rollback) }),
    hostedService("slow", {
      start: async (signal) => {
        await aborted(signal);
        throw own;
      },
    }),
  ]);
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication();
  await quiet();
  assert.equal(flat(run.reason), [own, rollback]);
});

test("errors of a stop: phases, host lifetime, workers as they happened, disposal", async () => {
  const trace = new Trace();
  const { host, clock } = rig([
    () => ({ start() {}, stop() {}, [Symbol.asyncDispose]: fails("dispose a") }),
    hostedService("b", { stopping: fails("stopping b"), stop: fails("stop b") }),
    trace.worker("late", async (signal) => {
      await aborted(signal);
      throw "worker late";
    }),
    trace.worker("early", async () => {
      await new Promise<void>((go) => clock.setTimeout(go, 5));
      throw "worker early";
    }),
    hostedService("c", { stop: fails("stop c"), stopped: fails("stopped c") }),
  ], { hostLifetime: { waitForStart() {}, stop: fails("host lifetime") } });
  await host.start();
  await clock.advance(5);
  assert.equal(flat(await rejection(host.stop())), [
    "stopping b",
    "stop c",
    "stop b",
    "stopped c",
    "host lifetime",
    "worker early",
    "worker late",
    "dispose a",
  ]);
});

test("errors of a concurrent stop come in the order of the calls", async () => {
  const { host, clock } = rig([
    hostedService("a", { stop: fails("a") }),
    hostedService("b", {
      stop: () => new Promise((_, reject) => clock.setTimeout(() => reject("b"), 10)),
    }),
    hostedService("c", {
      stop: () => {
        throw "c";
      },
    }),
  ], { servicesStopConcurrently: true });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(10);
  assert.equal(flat(stop.reason), ["c", "b", "a"]);
});

// What is a cancellation.

const abortError = (): DOMException => new DOMException("theirs", "AbortError");

for (const phase of ["stopping", "stop", "stopped"] as const) {
  test(`a rejection from ${phase} is always an error, cancellation included`, async () => {
    const { host } = rig([
      hostedService("a", {
        [phase]: async (signal: AbortSignal) => {
          await aborted(signal);
          throw signal.reason;
        },
      }),
    ]);
    await host.start();
    const reason = abortError();
    assert.is(await rejection(host.stop(AbortSignal.abort(reason))), reason);
  });
}

for (const phase of ["starting", "start", "started"] as const) {
  const slow = (answer: (signal: AbortSignal) => unknown) =>
    hostedService("slow", {
      [phase]: async (signal: AbortSignal) => {
        await aborted(signal);
        throw answer(signal);
      },
    });

  test(`an error of ${phase} is clean if it is the reason of our signal`, async () => {
    const controller = new AbortController();
    const { host } = rig([slow((signal) => signal.reason)]);
    const start = new Fate(host.start(controller.signal));
    await quiet();
    controller.abort("enough");
    await quiet();
    assert.is(start.reason, "enough");
  });

  test(`an error of ${phase} is clean if it is an AbortError after our signal aborted`, async () => {
    const { host } = rig([slow(abortError)]);
    const run = new Fate(host.run());
    await quiet();
    host.lifetime.stopApplication();
    await quiet();
    assert.is(run.state, "fulfilled");
  });

  test(`an AbortError of ${phase} is a failure if our signal has not aborted`, async () => {
    const error = abortError();
    const { host, lines } = rig([hostedService("a", { [phase]: fails(error) })]);
    assert.is(await rejection(host.start()), error);
    assert.is(lines.all.length, 1);
  });

  test(`a TimeoutError of ${phase} is a failure even after our signal aborted`, async () => {
    const timeout = new DOMException("theirs", "TimeoutError");
    const { host } = rig([slow(() => timeout)]);
    const run = new Fate(host.run());
    await quiet();
    host.lifetime.stopApplication();
    await quiet();
    assert.is(run.reason, timeout);
  });
}

test("a cancelled start hook of somebody else's signal is a failure", async () => {
  const other = AbortSignal.abort("of somebody else");
  const { host } = rig([hostedService("a", { start: () => other.throwIfAborted() })]);
  assert.is(await rejection(host.start()), "of somebody else");
});

test("an AbortError of execute is a failure while none of our signals has aborted", async () => {
  const error = abortError();
  const { host } = rig([backgroundService("worker", fails(error))]);
  assert.is(await rejection(host.run()), error);
});

test("an AbortError of execute is clean after lifetime.stopping", async () => {
  const { host } = rig([
    backgroundService("worker", async (_, { lifetime }) => {
      await aborted(lifetime.stopping);
      throw abortError();
    }),
    hostedService("slow", { stop: () => quiet() }),
  ]);
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication();
  await quiet();
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("an error of execute is clean if it is the reason of lifetime.stopping", async () => {
  const { host } = rig([
    backgroundService("worker", async (_, { lifetime }) => {
      await aborted(lifetime.stopping);
      throw lifetime.stopping.reason;
    }),
  ]);
  const controller = new AbortController();
  const run = new Fate(host.run(controller.signal));
  await quiet();
  controller.abort({ custom: "reason" });
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("an error of execute is clean if it is the reason of context.forced", async () => {
  const { host } = rig([
    backgroundService("worker", async (_, { forced }) => {
      await aborted(forced);
      throw forced.reason;
    }),
  ]);
  await host.start();
  const controller = new AbortController();
  const stop = new Fate(host.stop(controller.signal));
  controller.abort("too long");
  await quiet();
  assert.is(stop.state, "fulfilled");
});

test("an error of execute is clean if it is the reason of its own signal", async () => {
  class Own extends BackgroundService {
    override async execute(signal: AbortSignal): Promise<void> {
      await aborted(signal);
      throw signal.reason;
    }
  }
  const worker = new Own();
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  worker[Symbol.dispose]();
  await quiet();
  assert.is(host.state, "started", "disposed by somebody: it has ended, as told to");
  assert.is(host.services[0]?.state, "completed");
  await host.stop();
});

test("an ordinary error of execute during the stop is a failure", async () => {
  const boom = new Error("boom");
  const { host } = rig([
    backgroundService("worker", async (signal) => {
      await aborted(signal);
      throw boom;
    }),
  ]);
  await host.start();
  assert.is(await rejection(host.stop()), boom);
});

test("a subclass of Error named AbortError counts, a thing with that name does not", async () => {
  class Cancelled extends Error {
    override readonly name: string = "AbortError";
  }
  const answer = (error: unknown) =>
    backgroundService("worker", async (signal) => {
      await aborted(signal);
      throw error;
    });
  const clean = rig([answer(new Cancelled())]);
  await clean.host.start();
  await quiet();
  await clean.host.stop();
  const thing = { name: "AbortError" };
  const { host } = rig([answer(thing)]);
  await host.start();
  await quiet();
  assert.is(await rejection(host.stop()), thing);
});

// Reasons.

test("reasons the host makes are AbortErrors that say why", async () => {
  const { host } = rig([]);
  const { lifetime } = host;
  await host.start();
  await host.stop();
  const reasons: Error[] = [
    lifetime.started.reason,
    lifetime.stopping.reason,
    lifetime.stopped.reason,
  ];
  for (const reason of reasons) {
    assert.instance(reason, Error);
    assert.is(reason.name, "AbortError");
    assert.is(reason.cause, undefined);
    assert.not.ok("cause" in reason, "no cause, not even an undefined one");
  }
  assert.equal(reasons.map(({ message }) => message), [
    "The application has started",
    "The host is stopping",
    "The application has stopped",
  ]);
});

test("the reason of a stop request has the given one as its cause", async () => {
  const { host } = rig([]);
  host.lifetime.stopApplication("because");
  const { reason } = host.lifetime.stopping;
  assert.is(reason.name, "AbortError");
  assert.is(reason.message, "The application was asked to stop");
  assert.is(reason.cause, "because");
});

test("a reason that is an AbortError already passes untouched", async () => {
  const reason = abortError();
  const { host } = rig([]);
  host.lifetime.stopApplication(reason);
  assert.is(host.lifetime.stopping.reason, reason);
});

test("a caller's own signal's reason passes untouched to everybody", async () => {
  const reason = { custom: "reason" };
  const seen: unknown[] = [];
  const keep = async (signal: AbortSignal): Promise<void> => {
    await aborted(signal);
    seen.push(signal.reason);
  };
  const { host } = rig([
    backgroundService("worker", keep),
    hostedService("slow", { start: keep }),
  ]);
  const controller = new AbortController();
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort(reason);
  await quiet();
  assert.is(start.reason, reason);
  assert.is(host.lifetime.stopping.reason, reason);
  assert.equal(seen.map((it) => it === reason), [true, true]);
});

test("a crash is the cause of the reason everybody gets", async () => {
  const crash = new Error("crash");
  const reasons: Error[] = [];
  const { host } = rig([
    backgroundService("bystander", async (signal) => {
      await aborted(signal);
      reasons.push(signal.reason);
    }),
    backgroundService("worker", fails(crash)),
  ]);
  await rejection(host.run());
  reasons.push(host.lifetime.stopping.reason);
  for (const { name, message, cause } of reasons) {
    assert.is(name, "AbortError");
    assert.is(message, 'Service "worker" failed');
    assert.is(cause, crash);
  }
  assert.is(reasons.length, 2);
});

test("a start that failed is the cause of the reason everybody gets", async () => {
  const boom = new Error("boom");
  const { host } = rig([hostedService("bad", { start: fails(boom) })]);
  await rejection(host.start());
  assert.is(host.lifetime.stopping.reason.name, "AbortError");
  assert.is(host.lifetime.stopping.reason.cause, boom);
});

test("the reason of the grace's end says how long it was", async () => {
  const reasons: Error[] = [];
  const { host, clock } = rig([
    hostedService("slow", {
      stop: async (signal) => {
        await aborted(signal);
        reasons.push(signal.reason);
      },
    }),
  ], { shutdownTimeout: 700 });
  await host.start();
  const stop = host.stop();
  await clock.advance(700);
  await stop;
  assert.is(reasons[0]?.name, "AbortError");
  assert.is(reasons[0]?.message, "The grace of 700 ms is over");
});

test("the reason of a service's own grace names the service", async () => {
  const reasons: Error[] = [];
  const { host, clock } = rig([
    hostedService("slow", {
      stopTimeout: 50,
      stop: async (signal) => {
        await aborted(signal);
        reasons.push(signal.reason);
      },
    }),
  ]);
  await host.start();
  const stop = host.stop();
  await clock.advance(50);
  await stop;
  assert.is(reasons[0]?.name, "AbortError");
  assert.match(reasons[0]?.message as string, '"slow"');
});

test("the first reason to stop wins", async () => {
  const { host } = rig([
    hostedService("a", {}),
    backgroundService("worker", async (signal) => {
      await aborted(signal);
      throw new Error("boom");
    }),
  ]);
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication("first");
  host.lifetime.stopApplication("second");
  host.abort("third");
  await quiet();
  assert.is(host.lifetime.stopping.reason.cause, "first");
  assert.is((run.reason as Error).message, "boom");
});

test("run() resolves when a stop request is the only reason", async () => {
  const { host } = rig([backgroundService("worker", aborted)]);
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication(new Error("a reason, not a failure"));
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("a worker's failure is what both stop() and run() reject with", async () => {
  const crash = new Error("crash");
  const { host } = rig([backgroundService("worker", fails(crash))]);
  assert.is(await rejection(host.run()), crash);
  assert.is(await rejection(host.stop()), crash);
  assert.is(await rejection(host.waitForShutdown()), crash);
});

test("errors the host makes name service, phase and elapsed time", async () => {
  const { host, clock } = rig([hostedService("mailer", { stopping: hang })], {
    shutdownTimeout: 10,
    abandonTimeout: 10,
  });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(20);
  const error = stop.reason as ServiceTimeoutError;
  assert.is(
    error.message,
    'Cannot finish "stopping" of service "mailer": still running after 20 ms',
  );
  assert.equal([error.service, error.phase, error.elapsed], ["mailer", "stopping", 20]);
});

test.run();
