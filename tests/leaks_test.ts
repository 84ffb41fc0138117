import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  backgroundService,
  createHost,
  delay,
  every,
  type Host,
  hostedService,
} from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate } from "./_fate.ts";
import { hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { rig } from "./_rig.ts";

guard(test);

/** What a caller does with its signal, and whether that has settled. */
const calls: readonly (readonly [
  what: string,
  act: (host: Host, signal: AbortSignal) => Promise<unknown>,
])[] = [
  ["start()", (host, signal) => host.start(signal)],
  ["start() twice", (host, signal) => Promise.all([host.start(signal), host.start(signal)])],
  ["start() of a host that has started", async (host, signal) => {
    await host.start();
    await host.start(signal);
  }],
  ["start() that is refused", async (host, signal) => {
    await host.stop();
    await host.start(signal).catch(() => {});
  }],
  ["stop()", async (host, signal) => {
    await host.start();
    await host.stop(signal);
  }],
  ["stop() of a host that never started", (host, signal) => host.stop(signal)],
  ["stop() during the start", async (host, signal) => {
    const start = host.start().catch(() => {});
    await host.stop(signal);
    await start;
  }],
  ["stop() twice", async (host, signal) => {
    await host.start();
    await Promise.all([host.stop(signal), host.stop(signal)]);
  }],
  ["stop() of a host that has stopped", async (host, signal) => {
    await host.stop();
    await host.stop(signal);
  }],
  ["run()", async (host, signal) => {
    const run = host.run(signal);
    await quiet();
    host.lifetime.stopApplication();
    await run;
  }],
  ["run() that is refused", async (host, signal) => {
    await host.stop();
    await host.run(signal).catch(() => {});
  }],
  ["waitForShutdown()", async (host, signal) => {
    await host.start();
    const shutdown = host.waitForShutdown(signal);
    await host.stop();
    await shutdown;
  }],
];

for (const [what, act] of calls) {
  test(`${what} leaves no listener on its signal and no timer`, async () => {
    const { host, clock } = rig([hostedService("a", {}), backgroundService("worker", aborted)]);
    const { signal } = new AbortController();
    const listeners = new Listeners(signal);
    await act(host, signal);
    assert.is(listeners.now, 0);
    assert.is(clock.pending, 0);
    await host.stop();
  });
}

test("a start that fails leaves no listener on its signal and no timer", async () => {
  const { host, clock } = rig([
    hostedService("a", { start: () => Promise.reject(new Error("boom")) }),
  ], { startupTimeout: 1_000 });
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  await host.start(signal).catch(() => {});
  assert.is(listeners.added, 1);
  assert.is(listeners.now, 0);
  assert.is(clock.pending, 0);
});

test("a stop that abandons leaves no listener on its signal and no timer", async () => {
  const { host, clock } = rig([hostedService("a", { stop: hang })]);
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  await host.start();
  const stop = new Fate(host.stop(signal));
  await clock.advance(27_000);
  assert.is(stop.state, "rejected");
  assert.is(listeners.now, 0);
  assert.is(clock.pending, 0);
});

test("the start's own limit is gone when the host has started", async () => {
  const { host, clock } = rig([hostedService("a", {})], { startupTimeout: 60_000 });
  await host.start();
  assert.is(clock.pending, 0);
  await host.stop();
});

test("run() holds one timer while it waits, and clears it last", async () => {
  const { host, clock } = rig([hostedService("a", {})]);
  const run = host.run();
  await quiet();
  assert.is(clock.pending, 1);
  const seen: number[] = [];
  host.lifetime.stopped.addEventListener("abort", () => seen.push(clock.pending));
  host.lifetime.stopApplication();
  await run;
  assert.ok((seen[0] as number) >= 1, "it was there to the end");
  assert.is(clock.pending, 0);
});

test("1 000 hosts on one signal leave no listener on it", async () => {
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  for (let index = 0; index < 1_000; index++) {
    const host = createHost([hostedService("a", {})], { clock: new FakeClock() });
    await host.start(signal);
    const shutdown = host.waitForShutdown(signal);
    await host.stop(signal);
    await shutdown;
  }
  assert.is(listeners.now, 0);
  assert.ok(listeners.most <= 2);
});

test("each service has signals of its own, so none collects the listeners of all", async () => {
  const starts = new Set<AbortSignal>();
  const works = new Set<AbortSignal>();
  const stops = new Set<AbortSignal>();
  const services = Array.from({ length: 50 }, (_, index) =>
    backgroundService(`worker ${index}`, {
      start: (signal) => starts.add(signal),
      execute: (signal) => {
        works.add(signal);
        return aborted(signal);
      },
      stop: (signal) => stops.add(signal),
    }));
  const { host } = rig(services);
  await host.start();
  await quiet();
  await host.stop();
  assert.equal([starts.size, works.size, stops.size], [50, 50, 50]);
});

test("each service has signals of its own, also when only one of its hooks takes one", async () => {
  const starts = new Set<AbortSignal>();
  const stops = new Set<AbortSignal>();
  const services = Array.from({ length: 50 }, (_, index) =>
    hostedService(`service ${index}`, {
      starting: () => {},
      start: (signal) => starts.add(signal),
      stopping: () => {},
      stop: (signal) => stops.add(signal),
    }));
  const { host } = rig(services);
  await host.start();
  await host.stop();
  assert.equal([starts.size, stops.size], [50, 50]);
});

test("nothing of a host's life is left in the global timers", async () => {
  const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  const alive = new Set<unknown>();
  const set = (callback: () => void, ms?: number): unknown => {
    const timer = real.setTimeout(() => {
      alive.delete(timer);
      callback();
    }, ms);
    alive.add(timer);
    return timer;
  };
  const clear = (timer: ReturnType<typeof real.setTimeout>): void => {
    alive.delete(timer);
    real.clearTimeout(timer);
  };
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  try {
    let loops = 0;
    const host = createHost([
      backgroundService("ticker", async (signal) => {
        for await (const _ of every(1, { signal })) loops++;
      }),
      backgroundService("sleeper", async (signal) => {
        await delay(60_000, { signal });
      }),
      hostedService("slow", { stop: () => delay(1), stopTimeout: 5_000 }),
    ], { startupTimeout: 60_000, logger: false });
    const run = host.run();
    while (loops < 3) await new Promise((go) => real.setTimeout(go, 1));
    assert.ok(alive.size > 0, "they are counted");
    host.lifetime.stopApplication();
    await run;
  } finally {
    Object.assign(globalThis, real);
  }
  assert.is(alive.size, 0);
});

test.run();
