import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BackgroundService,
  backgroundService,
  createHost,
  type HostedLifecycleService,
  type HostedService,
  hostedService,
  type HostEvent,
  type HostOptions,
  type ServiceContext,
  type ServiceRestartingEvent,
} from "../mod.ts";
import { health } from "../src/health/mod.ts";
import { supervised, type SupervisedOptions } from "../src/supervision/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { type Rig, rig } from "./_rig.ts";

guard(test);

/** A failure, another one each time. */
const boom = (what = "boom"): Error => new Error(what);

/** One incarnation, as its test sees it. */
interface Life {
  readonly context: ServiceContext;
  /** Ends its work. */
  readonly work: Gate;
}

interface Scene extends Rig {
  /** The lines of one level. */
  readonly said: (level: "warn" | "error") => readonly string[];
  /** What was called, with the number of the incarnation. */
  readonly log: string[];
  readonly lives: Life[];
  readonly restarting: () => readonly ServiceRestartingEvent[];
}

type Hooks = Partial<HostedLifecycleService> & {
  readonly execute?: (signal: AbortSignal, context: ServiceContext) => Promise<unknown>;
};

/** A host with a supervised worker whose work ends as the test says. */
function scene(
  options: Partial<SupervisedOptions> = {},
  hooks: (number: number, life: Life) => Hooks = () => ({}),
  hostOptions: HostOptions = {},
  others: readonly HostedService[] = [],
): Scene {
  const log: string[] = [];
  const lives: Life[] = [];
  const worker = supervised("worker", {
    random: () => 0,
    make(context) {
      const work = new Gate();
      const number = lives.length + 1;
      const life = { context, work };
      lives.push(life);
      log.push(`make ${number}`);
      const own = hooks(number, life);
      const named = (name: keyof HostedLifecycleService) =>
      (
        ...args: [AbortSignal, ServiceContext]
      ): unknown => {
        log.push(`${name} ${number}`);
        return (own[name] as ((...args: unknown[]) => unknown) | undefined)?.(...args);
      };
      const service = backgroundService("inner", {
        starting: named("starting"),
        start: named("start"),
        started: named("started"),
        stopping: named("stopping"),
        stop: named("stop"),
        stopped: named("stopped"),
        execute: own.execute ?? ((signal) =>
          Promise.race([
            work.promise,
            new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
          ])),
      });
      return Object.assign(service, {
        health: own.health,
        [Symbol.asyncDispose]: async () => {
          log.push(`dispose ${number}`);
        },
      });
    },
    ...options,
  });
  const made = rig([worker, ...others], hostOptions);
  const restarting = (): ServiceRestartingEvent[] =>
    made.events.filter((it): it is ServiceRestartingEvent => it.type === "serviceRestarting");
  const said = (level: string): string[] =>
    made.lines.all.filter((it) => it.startsWith(level)).map((it) => it.slice(level.length + 2));
  return { ...made, said, log, lives, restarting };
}

const up = (number: number): string[] =>
  ["make", "starting", "start", "started"].map((it) => `${it} ${number}`);
const down = (number: number): string[] =>
  ["stopping", "stop", "stopped", "dispose"].map((it) => `${it} ${number}`);

test("supervised() runs one incarnation in the life of a host", async () => {
  const { host, log, clock, said } = scene();
  await host.start();
  assert.equal(log, up(1));
  await host.stop();
  assert.equal(log, [...up(1), ...down(1)]);
  assert.is(clock.pending, 0);
  assert.equal(said("warn"), []);
  assert.equal(said("error"), []);
});

test("supervised() makes another one when the work fails, after a delay", async () => {
  const { host, log, lives, clock, said, restarting } = scene();
  await host.start();
  const error = boom();
  lives[0]!.work.fail(error);
  await clock.advance(999);
  assert.equal(log, [...up(1), ...down(1)]);
  assert.equal(restarting().map(({ attempt, delay, error }) => ({ attempt, delay, error })), [
    { attempt: 1, delay: 1_000, error },
  ]);
  assert.is(said("warn").length, 1);
  assert.match(
    said("warn")[0]!,
    /^Service "worker" failed, and restarts in 1000 ms \(1 of 10\): Error: boom/,
  );
  await clock.advance(1);
  assert.equal(log, [...up(1), ...down(1), ...up(2)]);
  assert.is(host.state, "started");
  await host.stop();
  assert.equal(log.slice(-4), down(2));
  assert.is(clock.pending, 0);
});

test("supervised() makes another one after context.fail, of a service without work too", async () => {
  let made = 0;
  let stopped = 0;
  let context!: ServiceContext;
  const service = supervised("feed", {
    random: () => 0,
    make: (given) => {
      made++;
      context = given;
      return hostedService("feed", { stop: () => stopped++ });
    },
  });
  const { host, clock } = rig([service]);
  await host.start();
  assert.is(service.executeTask, undefined);
  const first = context;
  first.fail(boom());
  await clock.advance(1_000);
  assert.equal([made, stopped], [2, 1]);
  assert.not(context === first);
  await host.stop();
  assert.equal([made, stopped], [2, 2]);
});

test("supervised() doubles the delay up to the longest, each with its jitter", async () => {
  const { host, lives, clock, restarting } = scene({
    restart: { delay: 100, maxDelay: 500, jitter: 0.5 },
    random: () => 0.5,
  });
  await host.start();
  for (let i = 0; i < 5; i++) {
    lives[i]!.work.fail(boom());
    await clock.advance(500);
  }
  assert.equal(restarting().map(({ delay }) => delay), [75, 150, 300, 375, 375]);
  assert.equal(restarting().map(({ attempt }) => attempt), [1, 2, 3, 4, 5]);
  await host.stop();
});

test("supervised() has failed when its attempts are used up: the host stops with the last error", async () => {
  const { host, log, lives, clock } = scene({ restart: { attempts: 2, delay: 10 } });
  await host.start();
  const run = new Fate(host.run());
  const last = boom("last");
  for (const error of [boom(), boom(), last]) {
    lives.at(-1)!.work.fail(error);
    await clock.advance(100);
  }
  assert.is(run.state, "rejected");
  assert.is(run.reason, last);
  assert.is(lives.length, 3);
  assert.equal(log.slice(-4), down(3));
  assert.is(clock.pending, 0);
});

test('supervised() that has failed under "ignore" is left ended', async () => {
  const { host, log, lives, clock, said } = scene({
    restart: { attempts: 1, delay: 10 },
    backgroundServiceExceptionBehavior: "ignore",
  });
  await host.start();
  for (let i = 0; i < 2; i++) {
    lives[i]!.work.fail(boom());
    await clock.advance(100);
  }
  assert.is(host.state, "started");
  assert.is(host.services[0]!.state, "failed");
  assert.equal(log.slice(-4), down(2));
  assert.is(said("error").length, 1);
  await host.stop();
  assert.equal(log.slice(-4), down(2));
});

test("supervised() counts from one again after an incarnation that was up long enough", async () => {
  const { host, lives, clock, restarting } = scene({
    restart: { attempts: 1, delay: 10, resetAfter: 1_000 },
  });
  await host.start();
  for (let i = 0; i < 4; i++) {
    await clock.advance(1_000);
    lives[i]!.work.fail(boom());
    await clock.advance(10);
  }
  assert.equal(restarting().map(({ attempt }) => attempt), [1, 1, 1, 1]);
  const run = new Fate(host.waitForShutdown());
  await clock.advance(999);
  lives[4]!.work.fail(boom());
  await clock.advance(10);
  assert.is(run.state, "rejected");
});

test("supervised() leaves an incarnation whose work has ended where it is", async () => {
  const { host, log, lives, clock } = scene();
  await host.start();
  lives[0]!.work.open();
  await clock.advance(100_000);
  assert.equal(log, up(1));
  assert.is(host.services[0]!.state, "completed");
  await host.stop();
  assert.equal(log, [...up(1), ...down(1)]);
});

test('supervised() on "always" makes another one after a clean end, which costs no attempt', async () => {
  const { host, log, lives, clock, said, restarting } = scene({
    restart: { on: "always", attempts: 1, delay: 70 },
    random: () => 0.9,
  });
  await host.start();
  for (let i = 0; i < 3; i++) {
    lives[i]!.work.open();
    await clock.advance(69);
    assert.is(lives.length, i + 1);
    await clock.advance(1);
    assert.is(lives.length, i + 2);
  }
  assert.equal(log, [1, 2, 3].flatMap((it) => [...up(it), ...down(it)]).concat(up(4)));
  assert.equal(restarting().map(({ attempt, delay, error }) => [attempt, delay, error]), [
    [0, 70, undefined],
    [0, 70, undefined],
    [0, 70, undefined],
  ]);
  assert.equal(said("warn"), []);
  await host.stop();
});

test("supervised() ends a batch when its work has ended", async () => {
  const { host, lives, clock } = scene({}, undefined, { stopWhenIdle: true });
  const run = new Fate(host.run());
  await clock.advance(0);
  lives[0]!.work.fail(boom());
  await clock.advance(5_000);
  assert.is(run.state, "pending");
  assert.is(lives.length, 2);
  lives[1]!.work.open();
  await quiet();
  assert.is(run.state, "fulfilled");
});

// The first start.

test("supervised() fails the start of the host when that of its first incarnation fails", async () => {
  const error = boom();
  const { host, log, clock, restarting } = scene(
    {},
    () => ({ start: () => Promise.reject(error) }),
  );
  assert.is(await rejection(host.start()), error);
  assert.equal(log, ["make 1", "starting 1", "start 1", "dispose 1"]);
  assert.equal(restarting(), []);
  assert.is(clock.pending, 0);
});

test('supervised() stops a first incarnation whose "started" fails', async () => {
  const error = boom();
  const { host, log } = scene({}, () => ({ started: () => Promise.reject(error) }));
  assert.is(await rejection(host.start()), error);
  assert.equal(log, [...up(1), ...down(1)]);
});

test("supervised() fails the start with what make throws", async () => {
  const error = boom();
  const { host } = rig([supervised("a", {
    make: () => {
      throw error;
    },
  })]);
  assert.is(await rejection(host.start()), error);
});

test("supervised() takes work that fails at once for work, not for a start", async () => {
  const { host, lives, clock } = scene(
    {},
    (number) => number === 1 ? { execute: () => Promise.reject(boom()) } : {},
  );
  await host.start();
  await clock.advance(1_000);
  assert.is(lives.length, 2);
  await host.stop();
});

test("supervised() restarts nothing before the host has started", async () => {
  const gate = new Gate();
  const later = hostedService("later", { start: () => gate.promise });
  const { host, lives, clock, log } = scene({}, undefined, {}, [later]);
  const start = new Fate(host.start());
  await quiet();
  lives[0]!.work.fail(boom());
  await clock.advance(60_000);
  assert.equal(log, [...up(1), ...down(1)]);
  gate.open();
  await quiet();
  assert.is(start.state, "fulfilled");
  assert.equal(log, [...up(1), ...down(1), ...up(2)]);
  await host.stop();
});

test("supervised() waits for its delay, if that is longer than the start of the host", async () => {
  const gate = new Gate();
  const later = hostedService("later", { start: () => gate.promise });
  const { host, lives, clock } = scene({}, undefined, {}, [later]);
  const start = new Fate(host.start());
  await quiet();
  lives[0]!.work.fail(boom());
  await clock.advance(999);
  gate.open();
  await quiet();
  assert.equal([start.state, lives.length], ["fulfilled", 1]);
  await clock.advance(1);
  assert.is(lives.length, 2);
  await host.stop();
});

test("supervised() makes none when the host fails to start meanwhile", async () => {
  const gate = new Gate();
  const later = hostedService("later", { start: () => gate.promise });
  const { host, lives, clock, log } = scene({}, undefined, {}, [later]);
  const start = new Fate(host.start());
  await quiet();
  lives[0]!.work.fail(boom());
  await clock.advance(60_000);
  gate.fail(boom("later"));
  await quiet();
  assert.is((start.reason as Error).message, "later");
  assert.equal(log, [...up(1), ...down(1)]);
  assert.is(clock.pending, 0);
});

test('supervised() on "always" waits for the host to have started', async () => {
  const gate = new Gate();
  const later = hostedService("later", { start: () => gate.promise });
  const { host, lives, clock } = scene(
    { restart: { on: "always", delay: 0 } },
    undefined,
    {},
    [later],
  );
  const start = new Fate(host.start());
  await quiet();
  lives[0]!.work.open();
  await clock.advance(1_000);
  assert.is(lives.length, 1);
  gate.open();
  await clock.advance(1);
  assert.is(start.state, "fulfilled");
  assert.is(lives.length, 2);
  await host.stop();
});

test('supervised() in the "background" starts at once, and restarts a first start that fails', async () => {
  const gate = new Gate();
  const { host, lives, clock, log } = scene({ firstStart: "background" }, (number) => ({
    start: () => number === 1 ? gate.promise : undefined,
  }));
  await host.start();
  assert.is(host.state, "started");
  assert.equal(log, ["make 1", "starting 1", "start 1"]);
  gate.fail(boom());
  await clock.advance(1_000);
  assert.equal(log, ["make 1", "starting 1", "start 1", "dispose 1", ...up(2)]);
  assert.is(lives.length, 2);
  await host.stop();
});

test('supervised() in the "background" makes again what could not be made, and a batch waits', async () => {
  let made = 0;
  let done = false;
  const worker = supervised("worker", {
    firstStart: "background",
    make() {
      if (++made === 1) throw boom();
      return backgroundService("worker", async () => {
        done = true;
      });
    },
  });
  const { host, clock } = rig([worker], { stopWhenIdle: true });
  const run = new Fate(host.run());
  await clock.advance(1_000);
  assert.is(run.state, "fulfilled");
  assert.is(done, true);
});

test("supervised() offers executeTask if its first incarnation is background work", async () => {
  const plain = supervised("plain", { make: () => hostedService("plain", {}) });
  const late = supervised("late", {
    firstStart: "background",
    make: () => hostedService("late", {}),
  });
  const { host } = rig([plain, late], { stopWhenIdle: true });
  await host.run(); // idle at once
  assert.is(plain.executeTask, undefined);
  assert.is(late.executeTask, undefined);
});

test("supervised() fails the start when context.fail is called in make", async () => {
  const error = boom();
  const { host } = rig([supervised("a", {
    make: ({ fail }) => {
      fail(error);
      return hostedService("a", {});
    },
  })]);
  assert.is(await rejection(host.start()), error);
});

// Limits.

test("supervised() aborts a start that takes too long, and stops it if it fulfils late", async () => {
  const gate = new Gate();
  let reason: unknown;
  const { host, lives, clock, log, restarting } = scene(
    { firstStart: "background", startTimeout: 500, stopTimeout: 1_000 },
    (number) => ({
      start: (signal) => {
        if (number > 1) return;
        signal.addEventListener("abort", () => (reason = signal.reason));
        return gate.promise;
      },
    }),
  );
  await host.start();
  await clock.advance(499);
  assert.is(reason, undefined);
  await clock.advance(1);
  assert.is((reason as Error).name, "AbortError");
  assert.match(
    String(restarting()[0]?.error),
    'Cannot start service "worker": still running after 500 ms',
  );
  await clock.advance(999);
  gate.open();
  await quiet();
  assert.equal(log, ["make 1", "starting 1", "start 1", ...down(1)]);
  await clock.advance(1_000);
  assert.is(lives.length, 2);
  assert.is(host.state, "started");
  await host.stop();
});

test("supervised() gives a start that fulfils late all of its grace", async () => {
  const gate = new Gate();
  let forcedAt: number | undefined;
  const { host, clock } = scene(
    { firstStart: "background", startTimeout: 500, stopTimeout: 1_000 },
    (number, { context }) => ({
      start: () => number === 1 ? gate.promise : undefined,
      stop: () =>
        new Promise<void>((resolve) => {
          context.forced.addEventListener("abort", () => {
            forcedAt ??= clock.now();
            resolve();
          });
        }),
    }),
  );
  await host.start();
  await clock.advance(1_400);
  gate.open();
  await clock.advance(2_000);
  assert.is(forcedAt, 2_400);
  assert.is(host.state, "started");
  const stop = new Fate(host.stop());
  await clock.advance(1_000);
  assert.is(stop.state, "fulfilled");
});

test('supervised() that gave one up under "ignore" makes no other', async () => {
  const gate = new Gate();
  const { host, lives, clock } = scene(
    { stopTimeout: 1_000, backgroundServiceExceptionBehavior: "ignore" },
    () => ({ stop: () => gate.promise }),
  );
  await host.start();
  lives[0]!.work.fail(boom());
  await clock.advance(60_000);
  gate.open();
  await clock.advance(60_000);
  assert.is(lives.length, 1);
  assert.is(host.services[0]!.state, "failed");
  await host.stop();
});

test("supervised() fails for good when a start is still pending after its limits", async () => {
  const gate = new Gate();
  const { host, lives, clock, log } = scene(
    { firstStart: "background", startTimeout: 500, stopTimeout: 1_000 },
    () => ({ start: () => gate.promise }),
  );
  const run = new Fate(host.run());
  await clock.advance(1_499);
  assert.is(host.state, "started");
  await clock.advance(1);
  assert.is(host.state, "stopping");
  await clock.advance(2_000); // and not the 25 s of the host: it is given up
  assert.is(run.state, "rejected");
  const errors = (run.reason as AggregateError).errors as Error[];
  assert.match(errors[1]!.message, 'Cannot start service "worker": still running after 1000 ms');
  assert.match(errors[0]!.message, /Cannot finish "waitUntil" of service "worker"/);
  assert.is(lives.length, 1);
  gate.open();
  await quiet();
  assert.equal(log, ["make 1", "starting 1", "start 1", ...down(1)]);
  assert.is(clock.pending, 0);
});

test("supervised() fails the start of the host when the first one is past its limits", async () => {
  const { host, clock, log } = scene(
    { startTimeout: 500, stopTimeout: 1_000 },
    () => ({ start: hang }),
  );
  const start = new Fate(host.start());
  await clock.advance(1_500);
  await clock.advance(2_000);
  assert.is(start.state, "rejected");
  const errors = (start.reason as AggregateError).errors as Error[];
  assert.match(errors[0]!.message, 'Cannot start service "worker": still running after 1000 ms');
  assert.equal(log, ["make 1", "starting 1", "start 1"]);
  assert.is(clock.pending, 0);
});

test("supervised() forces an incarnation after stopTimeout, and fails for good after abandonTimeout", async () => {
  let forcedAt: number | undefined;
  const { host, lives, clock } = scene({ stopTimeout: 3_000 }, (_, { context }) => ({
    stop: () => {
      context.forced.addEventListener("abort", () => (forcedAt = clock.now()));
      return hang();
    },
  }));
  const run = new Fate(host.run());
  await clock.advance(0);
  lives[0]!.work.fail(boom());
  await clock.advance(4_999);
  assert.is(forcedAt, 3_000);
  assert.is(host.state, "started");
  await clock.advance(1);
  assert.is(host.state, "stopping");
  await clock.advance(2_000);
  assert.is(run.state, "rejected");
  const errors = (run.reason as AggregateError).errors as Error[];
  assert.match(errors[1]!.message, 'Cannot stop service "worker": still running after 5000 ms');
  assert.is(lives.length, 1);
  assert.is(clock.pending, 0);
});

test("supervised() never has two incarnations at once, however slow the end of one", async () => {
  const gate = new Gate();
  const { host, lives, clock, log } = scene({ restart: { delay: 0 } }, (number) => ({
    stopped: () => number === 1 ? gate.promise : undefined,
  }));
  await host.start();
  lives[0]!.work.fail(boom());
  await clock.advance(9_000);
  assert.equal(log, [...up(1), "stopping 1", "stop 1", "stopped 1"]);
  gate.open();
  await clock.advance(0);
  assert.equal(log.slice(-5), ["dispose 1", ...up(2)]);
  await host.stop();
});

// The stop.

test("supervised() makes none any more once a stop is asked for: in the delay", async () => {
  const { host, lives, clock } = scene();
  const run = new Fate(host.run());
  await clock.advance(0);
  lives[0]!.work.fail(boom());
  await clock.advance(500);
  host.lifetime.stopApplication();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(lives.length, 1);
  assert.is(clock.pending, 0);
});

test("supervised() makes none any more once its stopping was called: in the delay", async () => {
  const { host, lives, clock } = scene();
  await host.start();
  lives[0]!.work.fail(boom());
  await clock.advance(500);
  await host.stop();
  assert.is(lives.length, 1);
  assert.is(clock.pending, 0);
});

test("supervised() makes none any more once a stop is asked for: while one ends", async () => {
  const gate = new Gate();
  const { host, lives, clock, log } = scene({}, () => ({ stop: () => gate.promise }), {
    drainDelay: 60_000,
    shutdownTimeout: 90_000,
  });
  const run = new Fate(host.run());
  await clock.advance(0);
  lives[0]!.work.fail(boom());
  await quiet();
  host.lifetime.stopApplication();
  gate.open();
  await clock.advance(50_000);
  assert.equal(log, [...up(1), ...down(1)]);
  await clock.advance(10_000);
  assert.is(run.state, "fulfilled");
});

test("supervised() aborts a start when a stop is asked for, and stops it if that fulfils", async () => {
  const gate = new Gate();
  let aborted: AbortSignal | undefined;
  const { host, lives, clock, log } = scene({ firstStart: "background" }, () => ({
    start: (signal) => {
      aborted = signal;
      return gate.promise;
    },
  }));
  const run = new Fate(host.run());
  await clock.advance(0);
  host.lifetime.stopApplication("enough");
  assert.is(aborted!.aborted, true);
  assert.is(aborted!.reason, host.lifetime.stopping.reason);
  await clock.advance(1_000);
  assert.is(run.state, "pending");
  gate.open();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.equal(log, ["make 1", "starting 1", "start 1", ...down(1)]);
  assert.is(lives.length, 1);
});

test("supervised() disposes what a stop was asked for in make, without starting it", async () => {
  const log: string[] = [];
  for (const firstStart of ["wait", "background"] as const) {
    const worker = supervised("worker", {
      firstStart,
      make({ lifetime }) {
        lifetime.stopApplication();
        return Object.assign(hostedService("worker", { start: () => log.push("start") }), {
          [Symbol.dispose]: () => log.push("dispose"),
        });
      },
    });
    const { host } = rig([worker]);
    await host.run();
  }
  assert.equal(log, ["dispose", "dispose"]);
});

test("supervised() passes a failure on, once a stop was asked for", async () => {
  const { host, lives, clock, restarting } = scene({}, undefined, { drainDelay: 1_000 });
  const run = new Fate(host.run());
  await clock.advance(0);
  host.lifetime.stopApplication();
  const error = boom();
  lives[0]!.work.fail(error);
  await clock.advance(1_000);
  assert.is(run.reason, error);
  assert.equal(restarting(), []);
});

test("supervised() takes work that ends because of the stop for a clean end", async () => {
  const { host } = scene({}, () => ({
    execute: (signal, { lifetime }) =>
      new Promise((_, reject) => {
        lifetime.stopping.addEventListener("abort", () => reject(lifetime.stopping.reason));
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  }));
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication();
  await quiet();
  assert.is(run.state, "fulfilled");
});

test("supervised() stops one whose work ended because of the stop when its turn comes", async () => {
  const order: string[] = [];
  const service = supervised("worker", {
    make: () =>
      backgroundService("worker", {
        execute: (_, { lifetime }) =>
          new Promise((_, reject) => {
            lifetime.stopping.addEventListener("abort", () => reject(lifetime.stopping.reason));
          }),
        stop: () => order.push("worker"),
      }),
  });
  const other = hostedService("other", { stop: () => order.push("other") });
  const { host, clock } = rig([service, other], { drainDelay: 1_000 });
  const run = new Fate(host.run());
  await quiet();
  host.lifetime.stopApplication();
  await clock.advance(1_000);
  assert.is(run.state, "fulfilled");
  assert.equal(order, ["other", "worker"]);
  assert.is(service.details.failures, 0);
});

test("supervised() takes an AbortError of somebody else for a failure", async () => {
  const { host, lives, clock, restarting } = scene();
  await host.start();
  lives[0]!.work.fail(new DOMException("Timeout", "AbortError"));
  await clock.advance(0);
  assert.is(restarting().length, 1);
  await host.stop();
});

test("supervised() rejects the stop with all that fails in the end of its incarnation", async () => {
  const [stop, stopped] = [boom("stop"), boom("stopped")];
  const { host } = scene({}, () => ({
    stop: () => Promise.reject(stop),
    stopped: () => Promise.reject(stopped),
  }));
  await host.start();
  const error = await rejection<AggregateError>(host.stop());
  assert.equal(error.errors, [stop, stopped]);
});

test("supervised() logs what fails in the end of an incarnation that is restarted", async () => {
  const rigged = scene({}, (number) => ({
    stop: () => number === 1 ? Promise.reject(boom("stop")) : undefined,
  }));
  await rigged.host.start();
  rigged.lives[0]!.work.fail(boom());
  await rigged.clock.advance(1_000);
  assert.is(rigged.said("error").length, 1);
  assert.match(
    rigged.said("error")[0]!,
    'Service "worker": stop of an incarnation failed: Error: stop',
  );
  assert.equal(rigged.log, [...up(1), ...down(1), ...up(2)]);
  await rigged.host.stop();
});

// Contexts.

test("supervised() gives each incarnation a context of its own, of the host around it", async () => {
  const { host, lives, clock, said } = scene();
  await host.start();
  const [first] = lives;
  assert.is(first!.context.host, host);
  assert.is(first!.context.lifetime, host.lifetime);
  assert.is(first!.context.name, "worker");
  assert.is(first!.context.clock, clock);
  first!.work.fail(boom());
  await clock.advance(1_000);
  const second = lives[1]!;
  assert.not(second.context === first!.context);
  assert.not(second.context.forced === first!.context.forced);
  const { fail } = first!.context;
  fail(boom("too late"));
  await clock.advance(5_000);
  assert.is(lives.length, 2);
  assert.match(
    said("error")[0]!,
    'Service "worker" reports a failure of an incarnation that has ended: Error: too late',
  );
  await host.stop();
});

test("supervised() is not failed by one that has ended cleanly", async () => {
  const { host, lives, clock, said } = scene({ restart: { on: "always" } });
  await host.start();
  lives[0]!.work.open();
  await clock.advance(1_000);
  lives[0]!.context.fail(boom());
  await clock.advance(10_000);
  assert.is(lives.length, 2);
  assert.is(host.state, "started");
  assert.is(said("error").length, 1);
  await host.stop();
});

test("supervised() ends an incarnation once, however often it fails", async () => {
  const { host, lives, clock, said, log, restarting } = scene();
  await host.start();
  const { context, work } = lives[0]!;
  context.fail(boom("first"));
  context.fail(boom("second"));
  work.fail(boom("third"));
  await clock.advance(1_000);
  assert.equal(log, [...up(1), ...down(1), ...up(2)]);
  assert.is(restarting().length, 1);
  assert.is((restarting()[0]!.error as Error).message, "first");
  assert.equal(said("error").map((it) => /Error: (\w+)/.exec(it)![1]), ["second", "third"]);
  await host.stop();
});

test("supervised() passes on what a service reports when its work is done", async () => {
  const { host, lives } = scene();
  const run = new Fate(host.run());
  await quiet();
  lives[0]!.work.open();
  await quiet();
  const error = boom();
  lives[0]!.context.fail(error);
  await quiet();
  assert.is(run.reason, error);
});

test("supervised() fails a start in which context.fail is called", async () => {
  const error = boom();
  let signal: AbortSignal | undefined;
  const { host, log } = scene({}, () => ({
    start: (given, { fail }) => {
      signal = given;
      fail(error);
    },
  }));
  assert.is(await rejection(host.start()), error);
  assert.is(signal!.aborted, true);
  assert.equal(log, ["make 1", "starting 1", "start 1", ...down(1)]);
});

test("supervised() waits for handed-over work in the end of its incarnation", async () => {
  const gate = new Gate();
  const { host, lives, clock, log, said } = scene();
  await host.start();
  const { context, work } = lives[0]!;
  context.waitUntil(gate.promise);
  work.fail(boom());
  await clock.advance(5_000);
  assert.equal(log, [...up(1), "stopping 1", "stop 1"]);
  gate.fail(boom("handed over"));
  await clock.advance(1_000);
  assert.equal(log, [...up(1), ...down(1), ...up(2)]);
  assert.match(said("error")[0]!, "waitUntil of an incarnation failed: Error: handed over");
  lives[0]!.context.waitUntil(Promise.resolve()); // the host's, by now
  await host.stop();
});

test("supervised() takes work whose start has failed with it", async () => {
  class Hasty extends BackgroundService {
    ended = false;
    override async start(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
      await super.start(signal, context);
      throw boom();
    }
    override execute(signal: AbortSignal): Promise<void> {
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          this.ended = true;
          resolve();
        })
      );
    }
  }
  const hasty = new Hasty();
  const { host } = rig([supervised("hasty", { make: () => hasty })]);
  await rejection(host.start());
  assert.is(hasty.ended, true);
});

test("supervised() ends the work of a service whose stop forgets it", async () => {
  let ended = 0;
  class Forgetful extends BackgroundService {
    override async stop(): Promise<void> {}
    override async execute(signal: AbortSignal): Promise<void> {
      if (!signal.aborted) {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      }
      ended++;
    }
  }
  let context!: ServiceContext;
  const service = supervised("forgetful", {
    make: (given) => {
      context = given;
      return new Forgetful();
    },
  });
  const { host, clock } = rig([service]);
  await host.start();
  await quiet();
  context.fail(boom());
  await clock.advance(1_000);
  assert.is(ended, 1);
  await host.stop();
  assert.is(ended, 2);
});

test("supervised() forwards stopping before any stop, once", async () => {
  const order: string[] = [];
  const inner = hostedService("inner", {
    stopping: () => order.push("inner stopping"),
    stop: () => order.push("inner stop"),
  });
  const other = hostedService("other", { stop: () => order.push("other stop") });
  const { host } = rig([supervised("inner", { make: () => inner }), other]);
  await host.start();
  await host.stop();
  assert.equal(order, ["inner stopping", "other stop", "inner stop"]);
});

test("supervised() forces its incarnation when the host's grace is over", async () => {
  const { host, clock } = scene({}, () => ({
    stop: (forced) =>
      new Promise<void>((resolve) => forced.addEventListener("abort", () => resolve())),
  }), { shutdownTimeout: 700 });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(699);
  assert.is(stop.state, "pending");
  await clock.advance(1);
  assert.is(stop.state, "fulfilled");
});

test("supervised() has its stopTimeout in the stop of the host as well", async () => {
  const { host, clock } = scene({ stopTimeout: 700 }, () => ({
    stop: (forced) =>
      new Promise<void>((resolve) => forced.addEventListener("abort", () => resolve())),
  }));
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(700);
  assert.is(stop.state, "fulfilled");
});

test("supervised() leaves no listener on the signals of the host", async () => {
  const { host, lives, clock } = scene({ firstStart: "background" });
  const { stopping, stopped, closing } = host.lifetime;
  const listeners = [stopping, stopped, closing].map((it) => new Listeners(it));
  await host.start();
  for (let i = 0; i < 5; i++) {
    lives[i]!.work.fail(boom());
    await clock.advance(30_000);
  }
  assert.ok(listeners.every(({ most }) => most <= 1));
  await host.stop();
  assert.ok(listeners.every(({ now }) => now === 0));
});

test("supervised() leaves no timer when its stop is abandoned", async () => {
  const { host, lives, clock } = scene({ stopTimeout: 60_000, startTimeout: 1e6 }, () => ({
    stop: hang,
  }), { shutdownTimeout: 500 });
  await host.start();
  lives[0]!.work.fail(boom());
  await clock.advance(100);
  const stop = new Fate(host.stop());
  await clock.advance(2_500);
  assert.is(stop.state, "rejected");
  assert.is(clock.pending, 0);
});

// Health, details.

test("supervised() forwards health, and is degraded while none is up", async () => {
  const { host, lives, clock } = scene({}, () => ({
    health: () => {
      throw boom("sick");
    },
  }));
  const check = async (): Promise<string> => {
    const { checks } = await health(host);
    await clock.advance(1_000);
    const { status, error } = checks.find(({ name }) => name === "worker")!;
    return `${status}: ${(error as Error)?.message}`;
  };
  await host.start();
  assert.is(await check(), "failed: sick");
  lives[0]!.work.fail(boom());
  await clock.advance(0);
  assert.is(await check(), "degraded: It restarts in 1000 ms");
  await host.stop();
});

test("supervised() beats itself while none is up, and the incarnation from then on", async () => {
  const { host, lives, clock } = scene({ heartbeat: 100, restart: { delay: 1_000 } });
  const alive = async (): Promise<boolean> => (await health(host)).live;
  await host.start();
  await clock.advance(50);
  lives[0]!.context.beat();
  lives[0]!.work.fail(boom());
  await clock.advance(900);
  assert.is(await alive(), true);
  await clock.advance(100);
  assert.is(lives.length, 2);
  await clock.advance(100);
  assert.is(await alive(), true);
  await clock.advance(1);
  assert.is(await alive(), false);
  lives[0]!.context.beat(); // it is dead
  assert.is(await alive(), false);
  lives[1]!.context.beat();
  assert.is(await alive(), true);
  await host.stop();
  assert.is(clock.pending, 0);
});

test("supervised() holds ready until an incarnation says so", async () => {
  const { host, lives } = scene({ holdsReady: true });
  await host.start();
  assert.is((await health(host)).ready, false);
  lives[0]!.context.ready();
  assert.is((await health(host)).ready, true);
  await host.stop();
});

test("supervised() tells how it stands", async () => {
  let context!: ServiceContext;
  const service = supervised("feed", {
    random: () => 0,
    make: (given) => {
      context = given;
      return hostedService("feed", { details: { items: 3 } });
    },
  });
  const { host, clock } = rig([service]);
  const calm = { restarts: 0, failures: 0, error: undefined, restartsIn: undefined };
  assert.equal(service.details, { ...calm, running: false, service: undefined });
  await host.start();
  assert.equal(host.services[0]!.details, { ...calm, running: true, service: { items: 3 } });
  const error = boom();
  context.fail(error);
  await clock.advance(300);
  assert.equal(service.details, {
    running: false,
    restarts: 0,
    failures: 1,
    error,
    restartsIn: 700,
    service: undefined,
  });
  await clock.advance(700);
  assert.is(service.details.restarts, 1);
  await host.stop();
});

// Several, and inside of others.

test("supervised() in a list in the list starts and stops with it", async () => {
  const gate = new Gate();
  const log: string[] = [];
  const inner = supervised("inner", {
    make: () =>
      hostedService("inner", { start: () => gate.promise, stop: () => log.push("inner") }),
  });
  const beside = hostedService("beside", { start: () => log.push("beside") });
  const after = hostedService("after", { start: () => log.push("after") });
  const host = createHost([[inner, beside], after], { hostLifetime: false });
  const start = host.start();
  await quiet();
  assert.equal(log, ["beside"]);
  gate.open();
  await start;
  await host.stop();
  assert.equal(log, ["beside", "after", "inner"]);
});

test("supervised() inside another one escalates to it", async () => {
  const contexts: ServiceContext[] = [];
  const outer = supervised("outer", {
    random: () => 0,
    restart: { delay: 100, attempts: 1 },
    make: () =>
      supervised("inner", {
        random: () => 0,
        restart: { delay: 10, attempts: 2 },
        make: (context) => {
          contexts.push(context);
          return hostedService("innermost", {});
        },
      }),
  });
  const { host, clock } = rig([outer]);
  const run = new Fate(host.run());
  await clock.advance(0);
  for (let i = 0; i < 6; i++) {
    assert.is(contexts.length, i + 1);
    contexts[i]!.fail(boom(String(i)));
    await clock.advance(200);
  }
  assert.is(run.state, "rejected");
  assert.is((run.reason as Error).message, "5");
  assert.is(contexts.length, 6);
});

test("supervised() inside another one that ends says nothing of a start that is cut", async () => {
  let fail!: (error: unknown) => void;
  let made = 0;
  const outer = supervised("outer", {
    random: () => 0,
    make: (context) => {
      ({ fail } = context);
      return supervised("inner", {
        firstStart: "background",
        make: () =>
          hostedService("innermost", {
            start: (signal) =>
              new Promise((resolve, reject) => {
                if (++made > 1) return resolve(undefined);
                signal.addEventListener("abort", () => reject(signal.reason));
              }),
          }),
      });
    },
  });
  const { host, clock, lines } = rig([outer]);
  await host.start();
  await quiet();
  fail(boom());
  await clock.advance(1_000);
  assert.is(made, 2);
  assert.equal(lines.all.filter((it) => it.startsWith("error")), []);
  await host.stop();
});

test("supervised() can be used by another host later", async () => {
  const service = supervised("a", { make: () => hostedService("a", {}) });
  for (let i = 0; i < 2; i++) {
    const { host } = rig([service]);
    await host.start();
    assert.is(service.details.running, true);
    await host.stop();
    assert.is(service.details.running, false);
  }
});

test("supervised() is told of the failure by events in order", async () => {
  const events: HostEvent["type"][] = [];
  const { host, lives, clock } = scene({}, undefined, {
    onEvent: ({ type }) => events.push(type),
  });
  await host.start();
  events.length = 0;
  lives[0]!.work.fail(boom());
  await clock.advance(1_000);
  assert.equal(events, ["serviceRestarting"]);
  await host.stop();
});

// Misuse.

test("supervised() is not started twice, in its delay neither", async () => {
  let made = 0;
  let context!: ServiceContext;
  const service = supervised("feed", {
    make: (given) => {
      made++;
      context = given;
      return hostedService("feed", {});
    },
  });
  const { host, clock } = rig([service]);
  const other = rig([service]).host;
  await host.start();
  context.fail(boom());
  await clock.advance(0);
  const error = await rejection<Error & { code: string }>(other.start());
  assert.is(error.code, "ERR_HOST_STATE");
  assert.is(made, 1);
  await clock.advance(1_000);
  assert.is(made, 2);
  await host.stop();
});

test("supervised() refuses the same instance twice, and fails for good", async () => {
  let context!: ServiceContext;
  const service = hostedService("a", {});
  const { host, clock } = rig([supervised("feed", {
    make: (given) => {
      context = given;
      return service;
    },
  })]);
  const run = new Fate(host.run());
  await quiet();
  context.fail(boom());
  await clock.advance(1_000);
  assert.instance(run.reason, TypeError);
  assert.is(
    (run.reason as Error).message,
    'Cannot use service "feed".make: it gave the same service twice',
  );
});

test("supervised() refuses what is no service", async () => {
  const messages: string[] = [];
  for (const made of [undefined, {}, Promise.reject(boom()), 7]) {
    const { host } = rig([supervised("feed", { make: () => made as never })]);
    messages.push((await rejection(host.start())).message);
    assert.is(host.services[0]!.state, "failed");
  }
  assert.equal(messages, [
    'Cannot use what service "feed".make gave: expected object, got undefined',
    'Cannot use what service "feed".make gave.start: expected function, got undefined',
    'Cannot use service "feed".make: got a promise; do asynchronous work in start',
    'Cannot use what service "feed".make gave: expected object, got number 7',
  ]);
});

test("supervised() refuses bad values with the name of the service", () => {
  const make = (): HostedService => hostedService("a", {});
  const bad: readonly [options: unknown, message: string][] = [
    [undefined, 'service "a": expected object, got undefined'],
    [{}, 'service "a".make: expected function, got undefined'],
    [{ make, startTimeout: -1 }, 'service "a".startTimeout: -1 is not 0 or more'],
    [{ make, stopTimeout: "1" }, 'service "a".stopTimeout: expected number, got string "1"'],
    [
      { make, firstStart: "no" },
      'service "a".firstStart: expected wait or background, got string "no"',
    ],
    [{ make, random: 1 }, 'service "a".random: expected function, got number 1'],
    [{ make, heartbeat: -1 }, 'service "a".heartbeat: -1 is not 0 or more'],
    [{ make, holdsReady: 1 }, 'service "a".holdsReady: expected boolean, got number 1'],
    [{ make, restart: 1 }, 'service "a".restart: expected object, got number 1'],
    [
      { make, restart: { attempts: 0 } },
      'service "a".restart.attempts: 0 is no whole number from 1',
    ],
    [{ make, restart: { delay: Infinity } }, 'service "a".restart.delay: Infinity is not finite'],
    [
      { make, restart: { delay: 9, maxDelay: 8 } },
      'service "a".restart.maxDelay: 8 is less than delay: 9',
    ],
    [{ make, restart: { jitter: 2 } }, 'service "a".restart.jitter: 2 is more than 1'],
    [
      { make, restart: { resetAfter: NaN } },
      'service "a".restart.resetAfter: NaN is not 0 or more',
    ],
    [
      { make, restart: { on: "success" } },
      'service "a".restart.on: expected failure or always, got string "success"',
    ],
    [
      { make, backgroundServiceExceptionBehavior: "x" },
      'service "a".backgroundServiceExceptionBehavior: expected stopHost or ignore, got string "x"',
    ],
  ];
  for (const [options, message] of bad) {
    const error = thrown(() => supervised("a", options as SupervisedOptions));
    assert.is(error.message, `Cannot use ${message}`);
  }
  assert.is(
    thrown(() => supervised(1 as never, { make })).message,
    "Cannot use the name of a service: expected string, got number 1",
  );
});

test.run();
