import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  backgroundService,
  type HostedLifecycleService,
  hostedService,
  type HostEvent,
  type HostOptions,
  type ServiceContext,
} from "../mod.ts";
import { health } from "../src/health/mod.ts";
import {
  leader,
  type LeaderOptions,
  type Leadership,
  type Lease,
  supervised,
} from "../src/supervision/mod.ts";
import { FakeClock, FakeLease, quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { type Rig, rig } from "./_rig.ts";

guard(test);

const boom = (what = "boom"): Error => new Error(what);

/** One incarnation, as its test sees it. */
interface Life extends Leadership {
  readonly context: ServiceContext;
  readonly work: Gate;
}

interface Scene extends Rig {
  readonly lease: FakeLease;
  readonly clock: FakeClock;
  /** What was called, with the number of the incarnation. */
  readonly log: string[];
  readonly lives: Life[];
  readonly told: () => readonly string[];
  readonly said: (level: "warn" | "error") => readonly string[];
  /** What a clock on the wall is ahead of the other one. */
  wall: number;
}

type Hooks = Partial<HostedLifecycleService> & {
  readonly execute?: (signal: AbortSignal, context: ServiceContext) => Promise<unknown>;
};

/** A host with a leader whose work ends as the test says. */
function scene(
  options: Partial<LeaderOptions> = {},
  hooks: (life: Life) => Hooks = () => ({}),
  hostOptions: HostOptions = {},
): Scene {
  const clock = new FakeClock();
  const lease = new FakeLease({ clock });
  const log: string[] = [];
  const lives: Life[] = [];
  const service = leader("nightly", {
    lease,
    random: () => 0,
    now: () => clock.now() + made.wall,
    make(context, { token, leading }) {
      const work = new Gate();
      const life = { context, work, token, leading };
      lives.push(life);
      const own = hooks(life);
      const named = (name: keyof HostedLifecycleService) =>
      (
        ...args: [AbortSignal, ServiceContext]
      ): unknown => {
        log.push(`${name} ${token}`);
        return (own[name] as ((...args: unknown[]) => unknown) | undefined)?.(...args);
      };
      return backgroundService("inner", {
        start: named("start"),
        stopping: named("stopping"),
        stop: named("stop"),
        execute: own.execute ?? ((signal) =>
          Promise.race([
            work.promise,
            new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
          ])),
      });
    },
    ...options,
  });
  const plain = rig([service], { clock, ...hostOptions });
  const told = (): string[] =>
    plain.events.flatMap((it: HostEvent) =>
      it.type === "leaderElected" || it.type === "leaderLost"
        ? [`${it.type} ${it.token}${it.type === "leaderLost" ? ` ${it.reason}` : ""}`]
        : []
    );
  const said = (level: string): string[] =>
    plain.lines.all.filter((it) => it.startsWith(level)).map((it) => it.slice(level.length + 2));
  const made: Scene = { ...plain, clock, lease, log, lives, told, said, wall: 0 };
  return made;
}

test("leader() runs its service while it has the lease, and gives it back after the stop", async () => {
  const stopping = new Gate();
  const { host, clock, lease, log, lives, told } = scene(
    {},
    () => ({ stop: () => stopping.promise }),
  );
  await host.start();
  await clock.advance(0);
  assert.equal(log, ["start 1"]);
  assert.match(lease.holder!, /^nightly-[0-9a-f-]{36}$/);
  assert.equal([lives[0]!.token, lives[0]!.leading()], [1, true]);
  assert.equal(told(), ["leaderElected 1"]);
  const { leading, since, token, service } = host.services[0]!.details as Record<string, unknown>;
  assert.equal([leading, since, token, service], [true, 0, 1, undefined]);
  const stop = new Fate(host.stop());
  await clock.advance(9_000);
  assert.ok(lease.holder, "renewed while the incarnation ends");
  assert.equal(told(), ["leaderElected 1"]);
  stopping.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
  assert.is(lease.holder, undefined);
  assert.is(lease.log.at(-1)!.endsWith(": done"), true);
  assert.equal(told(), ["leaderElected 1", "leaderLost 1 released"]);
  assert.is(lives[0]!.leading(), false);
  assert.is(clock.pending, 0);
});

test("leader() asks every retryPeriod, though its random throws or gives no number from 0 to 1", async () => {
  const failing = (): never => {
    throw boom();
  };
  for (const random of [() => NaN, () => -1_000, () => Infinity, failing]) {
    let asked = 0;
    const lease: Lease = {
      async acquire() {
        asked++;
        return undefined;
      },
    };
    const { host, clock } = scene({ lease, random });
    await host.start();
    await clock.advance(10_000);
    assert.is(asked, 6);
    assert.is(host.state, "started");
    await host.stop();
  }
});

test("leader() renews every retryPeriod", async () => {
  const { host, clock, lease } = scene();
  await host.start();
  await clock.advance(100_000);
  assert.is(lease.log.filter((it) => it.includes("renew")).length, 50);
  assert.is(lease.token, 1);
  await host.stop();
});

test("leader() stands by while somebody else leads: healthy, ready, not too often", async () => {
  const { host, clock, lease, log } = scene({ random: () => 0.5, heartbeat: 1_000 });
  lease.steal("another", 21_000);
  await host.start();
  await clock.advance(20_000);
  assert.equal(log, []);
  assert.is(lease.log.length, 10); // every 2.2 s
  const { ready, live, checks } = await health(host);
  assert.equal([ready, live], [true, true]);
  assert.is(checks.find(({ name }) => name === "nightly")!.status, "ok");
  assert.equal(host.services[0]!.details, {
    leading: false,
    since: undefined,
    token: undefined,
    service: undefined,
  });
  await clock.advance(2_000);
  assert.equal(log, ["start 2"]);
  await host.stop();
  assert.is(clock.pending, 0);
});

test("leader() of two hosts: the other one takes over after a stop, with a greater token", async () => {
  const clock = new FakeClock();
  const lease = new FakeLease({ clock });
  const log: string[] = [];
  const hosts = ["a", "b"].map((name) =>
    rig([leader("one", {
      lease,
      now: () => clock.now(),
      make: (_, { token }) =>
        hostedService(name, {
          start: () => log.push(`${name} ${token}`),
          stop: () => log.push(`${name} ends`),
        }),
    })], { clock }).host
  );
  await hosts[0]!.start();
  await clock.advance(0);
  await hosts[1]!.start();
  await clock.advance(30_000);
  assert.equal(log, ["a 1"]);
  await hosts[0]!.stop();
  await clock.advance(2_400);
  assert.equal(log, ["a 1", "a ends", "b 2"]);
  await hosts[1]!.stop();
  assert.equal(lease.holder, undefined);
});

// Losing it.

test("leader() stops at the deadline when nothing is known, with what is left of the duration", async () => {
  let forcedAt: number | undefined;
  const { host, clock, lease, log, lives, told, said } = scene({}, ({ context }) => ({
    stop: () =>
      new Promise<void>((resolve) => {
        context.forced.addEventListener("abort", () => {
          forcedAt = clock.now();
          resolve();
        });
      }),
  }));
  await host.start();
  await clock.advance(2_000); // renewed: the deadline counts from here
  lease.trouble("renew", { error: boom("Refused"), times: 100 });
  await clock.advance(9_999);
  assert.equal([log, lives[0]!.leading()], [["start 1"], true]);
  await clock.advance(1);
  assert.equal([log, lives[0]!.leading()], [["start 1", "stopping 1", "stop 1"], false]);
  assert.equal(told(), ["leaderElected 1", "leaderLost 1 undecided"]);
  await clock.advance(4_999);
  assert.is(forcedAt, undefined);
  await clock.advance(1);
  assert.is(forcedAt, 17_000);
  assert.is(host.state, "started");
  assert.equal(said("warn").map((it) => it.split("\n")[0]), [
    'Service "nightly": its lease cannot be renewed: Error: Refused',
    'Service "nightly" leads no longer: its lease could not be renewed in time',
  ]);
  await clock.advance(2_000);
  assert.equal(log.at(-1), "start 2"); // it stood by again, and the lease had run out
  const stop = new Fate(host.stop());
  await clock.advance(10_000);
  assert.is(stop.state, "fulfilled");
  assert.is(clock.pending, 0);
});

test("leader() goes on renewing while it stops, and gives the lease back", async () => {
  const gate = new Gate();
  const { host, clock, lease, log } = scene({}, () => ({ stop: () => gate.promise }));
  await host.start();
  await clock.advance(0);
  lease.trouble("renew", { error: boom(), times: 5 });
  await clock.advance(10_000);
  assert.equal(log, ["start 1", "stopping 1", "stop 1"]);
  await clock.advance(2_000);
  assert.is(lease.log.at(-1)!.endsWith(": true"), true);
  await clock.advance(10_000); // beyond the first duration: it is held, and the stop goes on
  assert.is(host.state, "started");
  assert.ok(lease.holder);
  gate.open();
  await quiet();
  assert.match(lease.log.at(-1)!, /^release .*: done$/);
  await host.stop();
});

test("leader() forces at once when somebody else has the lease, and does not release", async () => {
  const { host, clock, lease, log, lives, told } = scene({}, ({ context }) => ({
    stop: () => void log.push(`forced ${context.forced.aborted}`),
  }));
  await host.start();
  await clock.advance(0);
  lease.steal("another", 3_000);
  await clock.advance(2_000);
  assert.is(lives[0]!.leading(), false);
  assert.equal(log, ["start 1", "stopping 1", "stop 1", "forced true"]);
  assert.equal(told(), ["leaderElected 1", "leaderLost 1 refused"]);
  assert.is(lease.log.some((it) => it.includes("release")), false);
  await clock.advance(2_000);
  assert.equal(log.at(-1), "start 3");
  await host.stop();
});

test("leader() forces when the answer false comes after the deadline", async () => {
  const { host, clock, lease, lives } = scene({}, () => ({
    stop: (forced) =>
      new Promise<void>((resolve) => forced.addEventListener("abort", () => resolve())),
  }));
  await host.start();
  await clock.advance(0);
  lease.trouble("renew", { error: boom(), times: 5 });
  await clock.advance(11_000);
  assert.is(lives[0]!.context.forced.aborted, false);
  lease.steal();
  await clock.advance(1_000);
  assert.is(lives[0]!.context.forced.aborted, true);
  await host.stop();
});

test("leader() fails when its incarnation has not ended by the duration; the lease is left alone", async () => {
  const gate = new Gate();
  const { host, clock, lease, lives } = scene({}, () => ({ stop: () => gate.promise }));
  const run = new Fate(host.run());
  await clock.advance(0);
  lease.trouble("renew", { error: boom(), times: 7 });
  await clock.advance(14_999);
  assert.is(host.state, "started");
  await clock.advance(1);
  assert.is(host.state, "stopping");
  assert.is(lives[0]!.context.forced.aborted, true);
  const calls = lease.log.length;
  await clock.advance(2_000); // not the 25 s of the host
  assert.is(run.state, "rejected");
  const errors = (run.reason as AggregateError).errors as Error[];
  assert.match(
    errors.at(-1)!.message,
    'Cannot stop service "nightly": still running after 5000 ms',
  );
  gate.open();
  await clock.advance(20_000);
  assert.is(lease.log.length, calls);
  assert.is(clock.pending, 0);
});

test("leader() whose incarnation hangs for another reason holds the lease until that has ended", async () => {
  const gate = new Gate();
  const { host, clock, lease, lives } = scene(
    { stopTimeout: 1_000, backgroundServiceExceptionBehavior: "ignore" },
    () => ({ stop: () => gate.promise }),
  );
  await host.start();
  await clock.advance(0);
  lives[0]!.work.fail(boom());
  await clock.advance(60_000);
  assert.ok(lease.holder);
  assert.is(lease.token, 1);
  gate.open();
  await quiet();
  assert.is(lease.holder, undefined);
  await host.stop();
});

test("leader() cancels a start when the lease is lost, and stops it if it fulfils", async () => {
  const gate = new Gate();
  let aborted: AbortSignal | undefined;
  const { host, clock, lease, log } = scene({}, () => ({
    start: (signal) => {
      aborted = signal;
      return gate.promise;
    },
  }));
  await host.start();
  await clock.advance(0);
  lease.steal();
  await clock.advance(2_000);
  assert.is(aborted!.aborted, true);
  assert.equal(log, ["start 1"]);
  await clock.advance(1_000);
  gate.open();
  await quiet();
  assert.equal(log, ["start 1", "stopping 1", "stop 1"]);
  assert.is(host.state, "started");
  await host.stop();
});

test("leader() counts its deadline from before the request", async () => {
  const { host, clock, lease, lives } = scene();
  lease.trouble("acquire", { delay: 4_000 });
  lease.trouble("renew", { error: boom(), times: 100 });
  await host.start();
  await clock.advance(9_999);
  assert.is(lives[0]!.leading(), true);
  await clock.advance(1);
  assert.is(lives[0]!.leading(), false);
  await host.stop();
});

test("leader() counts its deadline from before the request to renew, too", async () => {
  const { host, clock, lease, lives } = scene();
  await host.start();
  await clock.advance(0);
  lease.trouble("renew", { delay: 1_500 });
  lease.trouble("renew", { error: boom(), times: 100 });
  await clock.advance(11_999);
  assert.is(lives[0]!.leading(), true);
  await clock.advance(1);
  assert.is(lives[0]!.leading(), false);
  await host.stop();
});

test("leader() knows by the wall clock that the machine slept, before any timer", async () => {
  const it = scene();
  const { host, clock, lease, lives, log } = it;
  await host.start();
  await clock.advance(1_000);
  assert.is(lives[0]!.leading(), true);
  it.wall = 3_600_000; // the other clock stood still
  lease.lose();
  assert.is(lives[0]!.leading(), false);
  assert.is((host.services[0]!.details as { leading: boolean }).leading, false);
  assert.equal(log, ["start 1"]);
  await clock.advance(1_000); // the next request
  assert.equal(log, ["start 1", "stopping 1", "stop 1"]);
  await clock.advance(2_000);
  assert.equal(log.at(-1), "start 2");
  assert.is(host.state, "started");
  await host.stop();
});

test("leader() knows by the monotonic clock when the wall clock was set back", async () => {
  const it = scene();
  const { host, clock, lease, lives } = it;
  await host.start();
  await clock.advance(0);
  it.wall = -3_600_000;
  lease.trouble("renew", { error: boom(), times: 100 });
  await clock.advance(9_999);
  assert.is(lives[0]!.leading(), true);
  await clock.advance(1);
  assert.is(lives[0]!.leading(), false);
  await host.stop();
});

test("leader() gives what slept for too long abandonTimeout to end, and fails then", async () => {
  const it = scene({}, () => ({ stop: hang }));
  const { host, clock, lease } = it;
  const run = new Fate(host.run());
  await clock.advance(1_000);
  it.wall = 3_600_000;
  lease.lose();
  await clock.advance(1_000);
  await clock.advance(1_999);
  assert.is(host.state, "started");
  await clock.advance(1);
  assert.is(host.state, "stopping");
  await clock.advance(2_000);
  assert.is(run.state, "rejected");
});

test("leader() does not lead by an answer that is older than the deadline", async () => {
  const it = scene();
  const { host, clock, lease, log } = it;
  lease.trouble("acquire", { delay: 1_000 });
  await host.start();
  it.wall = 60_000;
  await clock.advance(1_000);
  assert.equal(log, []);
  assert.match(lease.log.at(-1)!, /^release/);
  await clock.advance(2_000);
  assert.equal(log, ["start 2"]);
  await host.stop();
});

// Calls.

test("leader() limits a renew that hangs, and tries again", async () => {
  const { host, clock, lease, lives } = scene();
  await host.start();
  await clock.advance(0);
  lease.trouble("renew", { delay: Infinity });
  await clock.advance(8_999); // asked at 2 s, given up at 7 s, asked again at 9 s
  assert.is(lease.log.filter((it) => it.endsWith(": true")).length, 0);
  await clock.advance(1);
  assert.is(lease.log.filter((it) => it.endsWith(": true")).length, 1);
  await clock.advance(9_000);
  assert.is(lives[0]!.leading(), true);
  await host.stop();
});

test("leader() releases what an acquire that was given up gets late", async () => {
  const { host, clock, lease, log } = scene();
  lease.trouble("acquire", { delay: 6_000, late: true });
  await host.start();
  await clock.advance(6_000);
  assert.equal(lease.log.map((it) => it.replace(/nightly-[^:]+/, "x")), [
    "acquire x: 1",
    "release x: done",
  ]);
  assert.equal(log, []);
  await clock.advance(1_000);
  assert.equal(log, ["start 2"]);
  await host.stop();
});

test("leader() says once that its lease does not answer, and asks on", async () => {
  const { host, clock, lease, log, said } = scene();
  lease.trouble("acquire", { error: boom("Refused"), times: 5 });
  await host.start();
  await clock.advance(9_999);
  assert.is(said("warn").length, 1);
  assert.match(
    said("warn")[0]!,
    'Service "nightly": its lease cannot be asked for: Error: Refused',
  );
  await clock.advance(1);
  assert.equal(log, ["start 1"]);
  await host.stop();
});

test("leader() refuses a token that is no whole number", async () => {
  const lease: Lease = {
    acquire: () =>
      Promise.resolve({
        token: "1" as never,
        renew: () => Promise.resolve(true),
        release: () => Promise.resolve(),
      }),
  };
  const { host, said, log } = scene({ lease });
  await host.start();
  await quiet();
  assert.equal(log, []);
  assert.match(
    said("warn")[0]!,
    'Cannot use the token of the lease of service "nightly": expected number, got string "1"',
  );
  await host.stop();
});

test("leader() takes a lease that throws for one that rejects", async () => {
  const { host, said } = scene({
    lease: {
      acquire() {
        throw boom();
      },
    },
  });
  await host.start();
  await quiet();
  assert.is(said("warn").length, 1);
  await host.stop();
});

// The stop.

test("leader() ends an acquire when a stop is asked for", async () => {
  const { host, clock, lease } = scene();
  lease.trouble("acquire", { delay: Infinity });
  const run = new Fate(host.run());
  await clock.advance(100);
  host.lifetime.stopApplication();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(clock.pending, 0);
});

test("leader() releases what an acquire answers after the stop was asked for", async () => {
  const { host, clock, lease, log, told } = scene();
  lease.trouble("acquire", { delay: 1_000, late: true });
  const run = new Fate(host.run());
  await clock.advance(500);
  host.lifetime.stopApplication();
  await clock.advance(499);
  assert.is(run.state, "pending");
  await clock.advance(1);
  assert.is(run.state, "fulfilled");
  assert.equal([lease.holder, log, told()], [undefined, [], []]);
  assert.is(clock.pending, 0);
});

test("leader() waits for a renew in flight before it releases", async () => {
  const { host, clock, lease } = scene();
  await host.start();
  await clock.advance(0);
  lease.trouble("renew", { delay: 1_000 });
  await clock.advance(2_500);
  const stop = new Fate(host.stop());
  await clock.advance(499);
  assert.is(stop.state, "pending");
  assert.ok(lease.holder);
  await clock.advance(1);
  assert.is(stop.state, "fulfilled");
  const answers = lease.log.map((it) => it.replace(/nightly-[^:]+/, "x"));
  assert.equal(answers, ["acquire x: 1", "renew x: true", "release x: done"]);
  assert.is(clock.pending, 0);
});

test("leader() does not release what the renew in flight says is lost", async () => {
  const { host, clock, lease, told } = scene();
  await host.start();
  await clock.advance(0);
  lease.trouble("renew", { delay: 1_000 });
  await clock.advance(2_500);
  lease.steal();
  const stop = new Fate(host.stop());
  await clock.advance(500);
  assert.is(stop.state, "fulfilled");
  assert.is(lease.log.some((it) => it.includes("release")), false);
  assert.equal(told(), ["leaderElected 1", "leaderLost 1 released"]);
});

test("leader() limits a release that hangs", async () => {
  const { host, clock, lease, said } = scene();
  await host.start();
  await clock.advance(0);
  lease.trouble("release", { delay: Infinity, late: true });
  const stop = new Fate(host.stop());
  await clock.advance(5_000);
  assert.is(stop.state, "fulfilled");
  assert.match(
    said("warn")[0]!,
    "its lease cannot be released: AbortError: The lease has not answered",
  );
  assert.is(clock.pending, 0);
});

test("leader() stops its incarnation in the turn of its own stop, not when that is asked for", async () => {
  const order: string[] = [];
  const clock = new FakeClock();
  const lease = new FakeLease({ clock });
  const { host } = rig([
    leader("one", {
      lease,
      make: () =>
        hostedService("one", {
          stopping: () => order.push("stopping one"),
          stop: () => order.push("stop one"),
        }),
    }),
    hostedService("other", { stop: () => order.push("stop other") }),
  ], { clock, drainDelay: 20_000 });
  const run = new Fate(host.run());
  await clock.advance(0);
  host.lifetime.stopApplication();
  await clock.advance(19_999);
  assert.equal(order, []);
  assert.ok(lease.holder, "renewed in the drain delay");
  await clock.advance(1);
  assert.is(run.state, "fulfilled");
  assert.equal(order, ["stopping one", "stop other", "stop one"]);
});

test("leader() leaves no timer when its stop is abandoned", async () => {
  const { host, clock } = scene({}, () => ({ stop: hang }), { shutdownTimeout: 500 });
  await host.start();
  await clock.advance(0);
  const stop = new Fate(host.stop());
  await clock.advance(2_500);
  assert.is(stop.state, "rejected");
  assert.is(clock.pending, 0);
});

test("leader() leaves no timer when the start of the host fails", async () => {
  const clock = new FakeClock();
  const lease = new FakeLease({ clock });
  const error = boom();
  const { host } = rig([
    leader("one", { lease, make: () => hostedService("one", {}) }),
    hostedService("other", {
      start: async () => {
        await clock.advance(3_000);
        throw error;
      },
    }),
  ], { clock });
  assert.is(await rejection(host.start()), error);
  assert.is(lease.holder, undefined);
  assert.is(lease.token, 1);
  assert.is(clock.pending, 0);
});

// Its end.

test("leader() gives the lease back when the work has ended, and leads no more", async () => {
  const { host, clock, lease, lives, log } = scene({}, undefined, { stopWhenIdle: true });
  const run = new Fate(host.run());
  await clock.advance(0);
  lives[0]!.work.open();
  await quiet();
  assert.equal(log, ["start 1", "stopping 1", "stop 1"]);
  assert.is(lease.holder, undefined);
  assert.is(run.state, "fulfilled");
  assert.is(lease.token, 1);
});

test("leader() fails with its incarnation, and gives the lease back", async () => {
  for (const how of ["work", "fail", "start"] as const) {
    const error = boom(how);
    const { host, clock, lease, lives } = scene({}, () => ({
      start: () => how === "start" ? Promise.reject(error) : undefined,
    }));
    const run = new Fate(host.run());
    await clock.advance(0);
    if (how === "work") lives[0]!.work.fail(error);
    if (how === "fail") lives[0]!.context.fail(error);
    await quiet();
    assert.is(run.reason, error);
    assert.is(lease.holder, undefined);
    assert.is(lease.token, 1);
    assert.is(clock.pending, 0);
  }
});

test('leader() that has failed under "ignore" leads no more', async () => {
  const { host, clock, lease, lives } = scene({ backgroundServiceExceptionBehavior: "ignore" });
  await host.start();
  await clock.advance(0);
  lives[0]!.work.fail(boom());
  await clock.advance(60_000);
  assert.is(lives.length, 1);
  assert.is(lease.holder, undefined);
  assert.is(host.services[0]!.state, "failed");
  await host.stop();
});

test("leader() fails with what make throws, and with what it makes", async () => {
  const error = boom();
  const same = hostedService("same", {});
  for (
    const [make, message] of [
      [() => {
        throw error;
      }, "boom"],
      [
        () => undefined,
        'Cannot use what service "nightly".make gave: expected object, got undefined',
      ],
      [() => same, undefined],
    ] as const
  ) {
    const { host, clock, lease } = scene({ make: make as never });
    const run = new Fate(host.run());
    await clock.advance(0);
    assert.is((run.reason as Error | undefined)?.message, message);
    if (run.state === "pending") {
      assert.ok(lease.holder);
      await host.stop();
    }
    assert.is(lease.holder, undefined);
  }
});

test("leader() has a supervised service inside, which is restarted in one term", async () => {
  const contexts: ServiceContext[] = [];
  const make: LeaderOptions["make"] = () =>
    supervised("inner", {
      random: () => 0,
      make: (context) => {
        contexts.push(context);
        return hostedService("inner", {});
      },
    });
  const { host, clock, lease } = scene({ make });
  await host.start();
  await clock.advance(0);
  contexts[0]!.fail(boom());
  await clock.advance(1_000);
  assert.is(contexts.length, 2);
  assert.is(lease.token, 1);
  lease.lose();
  await clock.advance(1_000);
  contexts[1]!.fail(boom("late")); // it has been stopped
  await clock.advance(10_000);
  assert.is(contexts.length, 3);
  assert.is(lease.token, 2);
  await host.stop();
});

test("leader() forwards the health of its incarnation", async () => {
  const { host, clock } = scene({
    make: () => Object.assign(hostedService("x", {}), { health: () => "degraded" }),
  });
  await host.start();
  await clock.advance(0);
  const { checks } = await health(host);
  assert.is(checks.find(({ name }) => name === "nightly")!.status, "degraded");
  await host.stop();
});

test("leader() may be used by another host later, with another holder", async () => {
  const clock = new FakeClock();
  const lease = new FakeLease({ clock });
  const holders = new Set<string>();
  const service = leader("one", { lease, make: () => hostedService("one", {}) });
  for (let i = 0; i < 2; i++) {
    const { host } = rig([service], { clock });
    await host.start();
    await clock.advance(0);
    holders.add(lease.holder!);
    await host.stop();
  }
  assert.is(holders.size, 2);
});

test("leader() refuses bad values with the name of the service", () => {
  const lease = new FakeLease();
  const make = (): ReturnType<typeof hostedService> => hostedService("a", {});
  const good = { lease, make };
  const bad: readonly [options: unknown, message: string][] = [
    [{ make }, 'service "a".lease: expected object, got undefined'],
    [{ lease }, 'service "a".make: expected function, got undefined'],
    [{ make, lease: {} }, 'service "a".lease.acquire: expected function, got undefined'],
    [{ ...good, duration: 0 }, 'service "a".duration: 0 is not positive'],
    [{ ...good, duration: Infinity }, 'service "a".duration: Infinity is not finite'],
    [{ ...good, retryPeriod: -1 }, 'service "a".retryPeriod: -1 is not 0 or more'],
    [{ ...good, renewDeadline: "1" }, 'service "a".renewDeadline: expected number, got string "1"'],
    [
      { ...good, duration: 10_000 },
      'service "a".duration: 10000 is not more than renewDeadline: 10000',
    ],
    [
      { ...good, renewDeadline: 2_400 },
      'service "a".renewDeadline: 2400 is not more than 1.2 times retryPeriod: 2000',
    ],
    [{ ...good, now: 1 }, 'service "a".now: expected function, got number 1'],
    [{ ...good, random: 1 }, 'service "a".random: expected function, got number 1'],
    [{ ...good, stopTimeout: -1 }, 'service "a".stopTimeout: -1 is not 0 or more'],
  ];
  for (const [options, message] of bad) {
    assert.is(thrown(() => leader("a", options as LeaderOptions)).message, `Cannot use ${message}`);
  }
  leader("a", { ...good, renewDeadline: 2_401 });
});

test.run();
