/**
 * The timer beside what `conformance/timers.json` has recorded of .NET's.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PeriodicTimer } from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { FastClock } from "./_fast_clock.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { heapInUse } from "./_heap.ts";
import { Listeners } from "./_listeners.ts";
import { ReplacedTimers } from "./_replaced_timers.ts";

guard(test);

test("the clock starts at construction, not at the first wait", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  await clock.advance(60);
  const tick = new Fate(timer.waitForNextTick());
  await clock.advance(39);
  assert.is(tick.state, "pending");
  await clock.advance(1);
  assert.is(tick.state, "fulfilled");
});

test("ticks come at a fixed rate, whatever the work between them takes", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  const at: number[] = [];
  for (const work of [70, 30, 99]) {
    const tick = timer.waitForNextTick().then(() => at.push(clock.now()));
    await clock.advanceTo(Math.ceil((clock.now() + 1) / 100) * 100);
    await tick;
    await clock.advance(work);
  }
  assert.equal(at, [100, 200, 300]);
});

test("missed ticks become one", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  await clock.advance(550);
  assert.is(await timer.waitForNextTick(), true);
  const next = new Fate(timer.waitForNextTick());
  await quiet();
  assert.is(next.state, "pending");
  await clock.advance(50);
  assert.is(next.state, "fulfilled");
});

test("nothing is scheduled while nobody waits", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  assert.is(clock.pending, 0);
  const tick = timer.waitForNextTick();
  assert.is(clock.pending, 1);
  await clock.advance(100);
  await tick;
  assert.is(clock.pending, 0);
});

test("one waiter at a time: a second is refused, the first goes on", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  const first = new Fate(timer.waitForNextTick());
  const error = await rejection<Error & { code: string }>(timer.waitForNextTick());
  assert.is(error.name, "HostStateError");
  assert.is(error.code, "ERR_HOST_STATE");
  assert.is(error.message, "Cannot wait for a tick: somebody waits already");
  await clock.advance(100);
  assert.is(first.state, "fulfilled");
});

test("cancelling a wait stops neither the timer nor later waits", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  const controller = new AbortController();
  const reason = { custom: "reason" };
  const cancelled = new Fate(timer.waitForNextTick(controller.signal));
  await clock.advance(50);
  controller.abort(reason);
  await quiet();
  assert.is(cancelled.reason, reason);
  assert.is(clock.pending, 0);
  const tick = new Fate(timer.waitForNextTick());
  await clock.advance(50);
  assert.is(tick.state, "fulfilled");
});

test("a wait with a signal that has aborted keeps a missed tick", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  await clock.advance(150);
  assert.is(await rejection(timer.waitForNextTick(AbortSignal.abort("over"))), "over");
  assert.is(await timer.waitForNextTick(), true);
});

test("dispose ends a pending wait with false, and all later ones", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const pending = timer.waitForNextTick(controller.signal);
  timer[Symbol.dispose]();
  timer[Symbol.dispose]();
  assert.is(await pending, false);
  assert.is(clock.pending, 0);
  assert.is(listeners.now, 0);
  await clock.advance(500);
  assert.is(await timer.waitForNextTick(), false);
});

test("dispose voids a missed tick", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  await clock.advance(150);
  timer[Symbol.dispose]();
  assert.is(await timer.waitForNextTick(), false);
});

test("period can be set: a new period starts now, also for who waits", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(1_000, { clock });
  assert.is(timer.period, 1_000);
  const tick = new Fate(timer.waitForNextTick());
  await clock.advance(500);
  timer.period = 100;
  assert.is(timer.period, 100);
  await clock.advance(99);
  assert.is(tick.state, "pending");
  await clock.advance(1);
  assert.is(tick.state, "fulfilled");
  assert.is(clock.pending, 0);
});

test("period can be set longer than what is left", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  const tick = new Fate(timer.waitForNextTick());
  await clock.advance(90);
  timer.period = 1_000;
  await clock.advance(999);
  assert.is(tick.state, "pending");
  await clock.advance(1);
  assert.is(tick.state, "fulfilled");
});

test("period longer than 2^31-1 ms is split", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(2 ** 33, { clock });
  const tick = new Fate(timer.waitForNextTick());
  await clock.advance(2 ** 33 - 1);
  assert.is(tick.state, "pending");
  await clock.advance(1);
  assert.is(tick.state, "fulfilled");
});

test("period Infinity never ticks", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(Infinity, { clock });
  const tick = new Fate(timer.waitForNextTick());
  await clock.advance(2 ** 40);
  assert.is(tick.state, "pending");
  timer.period = 10;
  await clock.advance(10);
  assert.is(tick.state, "fulfilled");
});

test("period refuses what is none, by name, at construction and later", () => {
  const timer = new PeriodicTimer(1);
  for (const period of [0, 0.9, -1, NaN, -Infinity]) {
    const message = `Cannot use period: ${period} is not ${period >= 0 ? "1 ms" : "0"} or more`;
    for (
      const error of [
        thrown(() => new PeriodicTimer(period)),
        thrown(() => {
          timer.period = period;
        }),
      ]
    ) {
      assert.instance(error, RangeError);
      assert.is(error.message, message);
    }
  }
  for (
    const [period, got] of [["5", 'string "5"'], [null, "null"], [undefined, "undefined"]] as const
  ) {
    const error = thrown(() => new PeriodicTimer(period as never));
    assert.instance(error, TypeError);
    assert.is(error.message, `Cannot use period: expected number, got ${got}`);
  }
  assert.is(timer.period, 1);
});

test("a timer that fires a little early, as real ones do, is a tick, and the rate stays", async () => {
  const clock = new FakeClock();
  const early = {
    now: () => clock.now(),
    setTimeout: (callback: () => void, ms: number) => clock.setTimeout(callback, ms - 0.75),
    clearTimeout: (timer: unknown) => clock.clearTimeout(timer),
  };
  const timer = new PeriodicTimer(100, { clock: early });
  const at: number[] = [];
  for (let ticks = 0; ticks < 4; ticks++) {
    void timer.waitForNextTick().then(() => at.push(clock.now()));
    await clock.advance(100.25);
  }
  assert.equal(at.map((time) => Math.round(time / 100)), [1, 2, 3, 4]);
  assert.ok(at.every((time, index) => Math.abs(time - 100 * (index + 1)) < 1), at.join());
});

test("a timer that fires is a tick beside a clock that stands still, and makes no other", async () => {
  const timers = new FakeClock();
  const still = {
    now: () => 0,
    setTimeout: (callback: () => void, ms: number) => timers.setTimeout(callback, ms),
    clearTimeout: (timer: unknown) => timers.clearTimeout(timer),
  };
  for (const period of [1, 100]) {
    const timer = new PeriodicTimer(period, { clock: still });
    for (let ticks = 0; ticks < 3; ticks++) {
      const tick = new Fate(timer.waitForNextTick());
      await timers.advance(period - 0.5);
      assert.is(tick.state, "pending");
      await timers.advance(0.5);
      assert.is(tick.state, "fulfilled");
    }
  }
});

test("a missed tick is kept however often the period is set", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  await clock.advance(150);
  timer.period = 200;
  timer.period = 300;
  assert.is(await timer.waitForNextTick(), true);
  const next = new Fate(timer.waitForNextTick());
  await clock.advance(299);
  assert.is(next.state, "pending");
  await clock.advance(1);
  assert.is(next.state, "fulfilled");
});

test("a missed tick that comes late does not move the period that was set meanwhile", async () => {
  let time = 0;
  const timers: { readonly fire: () => void; readonly ms: number }[] = [];
  const clock = {
    now: () => time,
    setTimeout: (fire: () => void, ms: number) => timers.push({ fire, ms }),
    clearTimeout: () => {},
  };
  const timer = new PeriodicTimer(100, { clock });
  const missed = new Fate(timer.waitForNextTick());
  time = 150;
  timer.period = 200;
  time = 170;
  timers.at(-1)?.fire();
  await quiet();
  assert.is(missed.state, "fulfilled");
  time = 349;
  void timer.waitForNextTick();
  assert.equal(timers.map(({ ms }) => ms), [100, 0, 1]);
});

test("a controller in the place of a signal is refused, and the timer is as it was", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  const error = await rejection(timer.waitForNextTick(new AbortController() as never));
  assert.instance(error, TypeError);
  assert.match(error.message, /^Cannot use signal: .*AbortController$/);
  assert.is(clock.pending, 0);
  const tick = new Fate(timer.waitForNextTick());
  await clock.advance(100);
  assert.is(tick.state, "fulfilled");
});

test("options that are none are refused by name", () => {
  for (
    const [options, message] of [
      [null, "Cannot use the options of PeriodicTimer: expected object, got null"],
      [{ clock: { now() {} } }, "Cannot use clock.setTimeout: expected function, got undefined"],
    ] as const
  ) {
    const error = thrown(() => new PeriodicTimer(1, options as never));
    assert.instance(error, TypeError);
    assert.is(error.message, message);
  }
});

test("work that takes longer than the period leaves others a turn before the next tick", async () => {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(100, { clock });
  await clock.advance(150);
  let turned = false;
  setImmediate(() => turned = true);
  await timer.waitForNextTick();
  assert.ok(turned);
});

test("without a clock it uses the global timers, as they are when somebody waits", async () => {
  const timer = new PeriodicTimer(60_000);
  const timers = new ReplacedTimers();
  try {
    const tick = new Fate(timer.waitForNextTick());
    await quiet();
    assert.equal([tick.state, timers.pending], ["pending", 1]);
    timers.tick(60_000);
    await quiet();
    assert.is(tick.state, "fulfilled");
  } finally {
    timers.remove();
  }
});

test("300 000 ticks on one signal leave no listener, and memory is flat", async () => {
  const clock = new FastClock();
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  let warm = 0;
  const timer = new PeriodicTimer(10, { clock });
  for (let ticks = 0; ticks < 300_000; ticks++) {
    await timer.waitForNextTick(signal);
    if (listeners.now > 0) assert.unreachable(`wait ${ticks} left a listener`);
    if (ticks === 50_000) warm = heapInUse();
  }
  assert.is(clock.now(), 3_000_000, "each tick was waited for");
  assert.is(listeners.added, 300_000, "each wait listened");
  assert.is(listeners.most, 1);
  assert.is(listeners.now, 0);
  const growth = heapInUse() - warm;
  assert.ok(growth < 2_000_000, `the heap grew by ${growth} bytes`);
});

test.run();
