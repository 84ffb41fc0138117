import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, backgroundService, type HostedService, hostedService } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

test("createHost() calls nothing", async () => {
  const trace = new Trace();
  const factory = () => trace.service("made");
  rig([trace.lifecycle("a"), factory], { hostLifetime: trace.hostLifetime() });
  await quiet();
  assert.equal(trace.take(), []);
});

test("start() goes through its phases, each in order of registration", async () => {
  const trace = new Trace();
  const factory = (name: string) => () => {
    trace.note(`make ${name}`);
    return trace.lifecycle(name);
  };
  const { host } = rig([trace.lifecycle("a"), factory("b"), trace.service("c"), factory("d")], {
    hostLifetime: trace.hostLifetime(),
  });
  trace.watch(host.lifetime);
  await host.start();
  assert.equal(trace.take(), [
    "hostLifetime.waitForStart",
    "make b",
    "make d",
    "a.starting",
    "b.starting",
    "d.starting",
    "a.start",
    "b.start",
    "c.start",
    "d.start",
    "a.started",
    "b.started",
    "d.started",
    "lifetime.started",
  ]);
});

test("start() waits for one service before it calls the next", async () => {
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
});

test("start() concurrently calls all of a phase in order, then waits for all of them", async () => {
  const trace = new Trace();
  const gates = { a: new Gate(), b: new Gate() };
  const waiting = (name: "a" | "b") =>
    trace.lifecycle(name, {
      starting: () => gates[name].promise,
      start: () => gates[name].promise,
      started: () => gates[name].promise,
    });
  const { host } = rig([waiting("a"), waiting("b")], { servicesStartConcurrently: true });
  const start = new Fate(host.start());
  for (const phase of ["starting", "start", "started"]) {
    await quiet();
    assert.equal(trace.take(), [`a.${phase}`, `b.${phase}`]);
    const { a, b } = gates;
    gates.a = new Gate();
    gates.b = new Gate();
    b.open();
    await quiet();
    assert.equal(trace.take(), [], "the phase is not over");
    assert.is(start.state, "pending");
    a.open();
  }
  await quiet();
  assert.is(start.state, "fulfilled");
});

test("start() awaits any thenable and ignores every value", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const thenable = {
    then: (resolve: () => void) => void gate.promise.then(resolve),
  };
  const { host } = rig([
    trace.service("number", { start: () => 42 }),
    trace.service("false", { start: () => false }),
    trace.service("null", { start: () => null }),
    trace.service("thenable", { start: () => thenable }),
    trace.service("last"),
  ]);
  const start = new Fate(host.start());
  await quiet();
  assert.is(start.state, "pending");
  assert.not.ok(trace.take().includes("last.start"));
  gate.open();
  await quiet();
  assert.is(start.state, "fulfilled");
});

test("start() calls hooks as methods of their service", async () => {
  class Counter implements HostedService {
    #count = 0;
    start(): void {
      this.#count += 1;
    }
    stop(): void {
      this.#count += 10;
    }
    get count(): number {
      return this.#count;
    }
  }
  const counter = new Counter();
  const { host } = rig([counter]);
  await host.start();
  await host.stop();
  assert.is(counter.count, 11);
});

test("start() takes only functions for hooks", async () => {
  const odd = { start() {}, stop() {}, starting: true, started: "yes", stopping: {}, stopped: 1 };
  const { host } = rig([odd as unknown as HostedService]);
  await host.start();
  await host.stop();
});

test("start() with no services at all", async () => {
  const { host, clock } = rig([]);
  await host.start();
  assert.is(host.state, "started");
  await host.stop();
  assert.is(host.state, "stopped");
  assert.is(clock.pending, 0);
});

for (const how of ["throws", "rejects"]) {
  test(`createHost() rolls back in reverse when a start ${how}`, async () => {
    const trace = new Trace();
    const boom = new Error("boom");
    const fail = (): Promise<never> => {
      if (how === "throws") throw boom;
      return Promise.reject(boom);
    };
    const { host, clock } = rig(
      [
        trace.lifecycle("a"),
        trace.lifecycle("b"),
        trace.lifecycle("c", { start: fail }),
        trace.lifecycle("d"),
      ],
      { hostLifetime: trace.hostLifetime() },
    );
    trace.watch(host.lifetime);
    assert.is(await rejection(host.start()), boom);
    assert.equal(trace.take(), [
      "hostLifetime.waitForStart",
      "a.starting",
      "b.starting",
      "c.starting",
      "d.starting",
      "a.start",
      "b.start",
      "c.start",
      "b.stopping",
      "a.stopping",
      "lifetime.stopping",
      "b.stop",
      "a.stop",
      "b.stopped",
      "a.stopped",
      "lifetime.stopped",
      "hostLifetime.stop",
    ]);
    assert.is(host.state, "stopped");
    assert.not.ok(host.lifetime.started.aborted);
    assert.is(clock.pending, 0);
  });

  test(`start() stops nothing when a starting ${how}: nothing had started`, async () => {
    const trace = new Trace();
    const boom = new Error("boom");
    const fail = (): Promise<never> => {
      if (how === "throws") throw boom;
      return Promise.reject(boom);
    };
    const { host } = rig([trace.lifecycle("a"), trace.lifecycle("b", { starting: fail })]);
    assert.is(await rejection(host.start()), boom);
    assert.equal(trace.take(), ["a.starting", "b.starting"]);
  });

  test(`start() stops everything when a started ${how}: everything had started`, async () => {
    const trace = new Trace();
    const boom = new Error("boom");
    const fail = (): Promise<never> => {
      if (how === "throws") throw boom;
      return Promise.reject(boom);
    };
    const { host } = rig([
      trace.service("a"),
      trace.lifecycle("b", { started: fail }),
      trace.lifecycle("c"),
    ]);
    trace.watch(host.lifetime);
    assert.is(await rejection(host.start()), boom);
    assert.equal(trace.take(), [
      "b.starting",
      "c.starting",
      "a.start",
      "b.start",
      "c.start",
      "b.started",
      "c.stopping",
      "b.stopping",
      "lifetime.stopping",
      "c.stop",
      "b.stop",
      "a.stop",
      "c.stopped",
      "b.stopped",
      "lifetime.stopped",
    ]);
  });
}

test("start() concurrently fails at the phase's end and stops what had started", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const boom = new Error("boom");
  const { host } = rig(
    [
      trace.service("slow", { start: () => gate.promise }),
      trace.service("bad", { start: () => Promise.reject(boom) }),
      trace.lifecycle("good"),
    ],
    { servicesStartConcurrently: true },
  );
  const start = new Fate(host.start());
  await quiet();
  assert.equal(trace.take(), ["good.starting", "slow.start", "bad.start", "good.start"]);
  assert.is(start.state, "pending", "the slow one decides when the phase is over");
  gate.open();
  await quiet();
  assert.is(start.reason, boom);
  assert.equal(trace.take(), ["good.stopping", "good.stop", "slow.stop", "good.stopped"]);
});

test("start() gives the rollback a whole grace of its own", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const { host, clock } = rig([
    trace.service("a", {
      stop: async (signal) => {
        await aborted(signal);
        trace.note(`grace over at ${clock.now()}`);
      },
    }),
    trace.service("b", {
      start: () =>
        new Promise((_, reject) => {
          clock.setTimeout(() => reject(boom), 60_000);
        }),
    }),
  ]);
  const start = new Fate(host.start());
  await clock.advance(90_000);
  assert.equal(trace.take(), ["a.start", "b.start", "a.stop", "grace over at 85000"]);
  assert.is(start.reason, boom);
});

test("start() calls the hooks of a rollback with a signal that has not aborted", async () => {
  const controller = new AbortController();
  const seen: boolean[] = [];
  const note = (signal: AbortSignal): number => seen.push(signal.aborted);
  const { host } = rig([{ start: () => controller.abort(), stopping: note, stop: note } as never]);
  await rejection(host.start(controller.signal));
  assert.equal(seen, [false, false]);
});

test("start() hands its hooks a signal that aborts with the caller's reason", async () => {
  const controller = new AbortController();
  const reason = { custom: "reason" };
  const seen: unknown[] = [];
  const { host } = rig([{
    start: async (signal: AbortSignal) => {
      await aborted(signal);
      seen.push(signal.reason);
      throw signal.reason;
    },
    stop: () => seen.push("stop"),
  }]);
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort(reason);
  await quiet();
  assert.is(start.reason, reason);
  assert.equal(seen, [reason]);
});

test("start() calls no further hook once it is cancelled, and stops what had started", async () => {
  const trace = new Trace();
  const controller = new AbortController();
  const { host } = rig([
    trace.lifecycle("a"),
    trace.lifecycle("b", { start: () => controller.abort(new Error("enough")) }),
    trace.lifecycle("c"),
  ]);
  const error = await rejection(host.start(controller.signal));
  assert.is(error.message, "enough");
  assert.equal(trace.take(), [
    "a.starting",
    "b.starting",
    "c.starting",
    "a.start",
    "b.start",
    "b.stopping",
    "a.stopping",
    "b.stop",
    "a.stop",
    "b.stopped",
    "a.stopped",
  ]);
});

test("start() concurrently calls no further hook once it is cancelled", async () => {
  const trace = new Trace();
  const controller = new AbortController();
  const { host } = rig(
    [trace.service("a", { start: () => controller.abort("enough") }), trace.service("b")],
    { servicesStartConcurrently: true },
  );
  assert.is(await rejection(host.start(controller.signal)), "enough");
  assert.equal(trace.take(), ["a.start", "a.stop"]);
});

for (const phase of ["starting", "started"] as const) {
  test(`start() is checked before every hook: cancelled in ${phase}`, async () => {
    const trace = new Trace();
    const controller = new AbortController();
    const { host } = rig([
      trace.lifecycle("a", { [phase]: () => controller.abort("enough") }),
      trace.lifecycle("b"),
    ]);
    assert.is(await rejection(host.start(controller.signal)), "enough");
    const entries = trace.take();
    assert.ok(entries.includes(`a.${phase}`));
    assert.not.ok(entries.includes(`b.${phase}`));
    assert.is(entries.includes("a.stop"), phase === "started");
  });
}

test("start() waits for pending hooks abandonTimeout after the cancellation", async () => {
  const trace = new Trace();
  const controller = new AbortController();
  const { host, clock } = rig([
    trace.service("a", { start: () => new Promise<void>((go) => clock.setTimeout(go, 2_500)) }),
  ]);
  const start = new Fate(host.start(controller.signal));
  await clock.advance(1_000);
  controller.abort("enough");
  await clock.advance(1_499);
  assert.is(start.state, "pending");
  assert.equal(trace.take(), ["a.start"]);
  await clock.advance(1);
  assert.is(start.reason, "enough");
  assert.equal(trace.take(), ["a.stop"], "it had started after all, and in time");
});

test("start() cancelled from the beginning touches nothing but the lifetime", async () => {
  const trace = new Trace();
  const factory = () => {
    trace.note("make");
    return trace.service("made");
  };
  const { host, clock } = rig([trace.lifecycle("a"), factory], {
    hostLifetime: trace.hostLifetime(),
  });
  trace.watch(host.lifetime);
  assert.is(await rejection(host.start(AbortSignal.abort("never"))), "never");
  assert.equal(trace.take(), ["lifetime.stopping", "lifetime.stopped"]);
  assert.is(host.state, "stopped");
  assert.is(clock.pending, 0);
});

test("start() cancelled by stopApplication() from the beginning rejects with its reason", async () => {
  const trace = new Trace();
  const { host } = rig([trace.lifecycle("a")], { hostLifetime: trace.hostLifetime() });
  trace.watch(host.lifetime);
  host.lifetime.stopApplication("changed my mind");
  const error = await rejection(host.start());
  assert.is(error, host.lifetime.stopping.reason);
  assert.is(error.cause, "changed my mind");
  assert.equal(trace.take(), ["lifetime.stopping", "lifetime.stopped"]);
});

test("start() fails when waitForStart does, and still calls hostLifetime.stop once", async () => {
  const trace = new Trace();
  const boom = new Error("boom");
  const factory = () => {
    trace.note("make");
    return trace.service("made");
  };
  const { host } = rig([trace.lifecycle("a"), factory], {
    hostLifetime: trace.hostLifetime({ waitForStart: () => Promise.reject(boom) }),
  });
  trace.watch(host.lifetime);
  assert.is(await rejection(host.start()), boom);
  assert.equal(trace.take(), [
    "hostLifetime.waitForStart",
    "lifetime.stopping",
    "lifetime.stopped",
    "hostLifetime.stop",
  ]);
  await host.stop().catch(() => {});
  assert.equal(trace.take(), []);
});

test("start() cancelled in waitForStart calls no service and hostLifetime.stop once", async () => {
  const trace = new Trace();
  const controller = new AbortController();
  const { host } = rig([trace.lifecycle("a")], {
    hostLifetime: trace.hostLifetime({
      waitForStart: async (signal) => {
        await aborted(signal);
        throw signal.reason;
      },
    }),
  });
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort("enough");
  await quiet();
  assert.is(start.reason, "enough");
  assert.equal(trace.take(), ["hostLifetime.waitForStart", "hostLifetime.stop"]);
});

test("start() hands the host to the host lifetime", async () => {
  const seen: unknown[] = [];
  const { host } = rig([], {
    hostLifetime: {
      waitForStart: (_, it) => seen.push(it),
      stop: (_, it) => seen.push(it),
    },
  });
  await host.start();
  await host.stop();
  assert.equal(seen.map((it) => it === host), [true, true]);
});

test("start() is decided before lifetime.started fires: a stop asked for there is a stop", async () => {
  const trace = new Trace();
  const { host } = rig([trace.service("a")]);
  host.lifetime.started.addEventListener("abort", () => void host.stop());
  await host.start();
  await host.stop();
  assert.equal(trace.take(), ["a.start", "a.stop"]);
});

test("start()'s signal never aborts once the host has started", async () => {
  const controller = new AbortController();
  const signals: AbortSignal[] = [];
  const keep = (signal: AbortSignal): number => signals.push(signal);
  const { host } = rig([{ starting: keep, start: keep, started: keep, stop() {} } as never], {
    startupTimeout: 1_000,
  });
  await host.start(controller.signal);
  controller.abort();
  host.lifetime.stopApplication();
  await host.stop();
  assert.is(signals.length, 3);
  assert.ok(signals.every((signal) => !signal.aborted));
});

test("start() cancelled by two reasons keeps the first", async () => {
  const controller = new AbortController();
  const seen: unknown[] = [];
  const { host } = rig([{
    start: async (signal: AbortSignal) => {
      await aborted(signal);
      seen.push(signal.reason);
    },
    stop() {},
  }]);
  const start = new Fate(host.start(controller.signal));
  await quiet();
  controller.abort("first");
  host.lifetime.stopApplication("second");
  await quiet();
  assert.is(start.reason, "first");
  assert.equal(seen, ["first"]);
});

test("start() resolves when a hook that never looks at its signal is the only one", async () => {
  const { host } = rig([{ start() {}, stop() {} }]);
  await host.start();
  assert.is(host.state, "started");
});

test("start() ends although a hook waits for the stop it has asked for", async () => {
  const { host, clock } = rig([{
    name: "knot",
    start: (_: AbortSignal, context: { host: typeof host }) => context.host.stop(),
    stop: hang,
  }]);
  const start = new Fate(host.start());
  await clock.advance(2_000);
  assert.is(start.state, "rejected");
  assert.is(host.state, "stopped");
});

test("waitForShutdown() during a start waits for its end before it stops anything", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const { host } = rig([trace.service("a"), trace.service("slow", { start: () => gate.promise })]);
  const start = new Fate(host.start());
  const wait = new Fate(host.waitForShutdown());
  await quiet();
  trace.take();
  host.lifetime.stopApplication();
  await quiet();
  assert.equal(trace.take(), []);
  gate.open();
  await quiet();
  assert.equal(trace.take(), ["slow.stop", "a.stop"]);
  assert.is(start.state, "rejected");
  assert.is(wait.state, "fulfilled");
});

test("a cancelled start tells its workers to end in reverse", async () => {
  const trace = new Trace();
  const worker = (name: string) =>
    backgroundService(name, async (signal) => {
      signal.addEventListener("abort", () => trace.note(name));
      await aborted(signal);
    });
  const { host } = rig([worker("a"), worker("b"), trace.service("slow", { start: aborted })]);
  const run = new Fate(host.run());
  await quiet();
  trace.take();
  host.lifetime.stopApplication();
  assert.equal(trace.take(), ["b", "a"]);
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("what goes wrong after the stop changes no outcome that was good", async () => {
  const gate = new Gate();
  const { host, clock, lines } = rig([
    hostedService("late", {
      start: () => gate.promise,
      stop: () => Promise.reject(new Error("boom")),
    }),
  ], { abandonTimeout: 50 });
  const start = new Fate(host.start());
  await quiet();
  const stop = new Fate(host.stop());
  await clock.advance(50);
  assert.is(start.state, "rejected");
  assert.is(stop.state, "fulfilled");
  gate.open();
  await quiet();
  assert.ok(lines.heads.some((line) => line.endsWith("Error: boom")), lines.heads.join("\n"));
  await host.stop();
});

test.run();
