import { test } from "uvu";
import * as assert from "uvu/assert";
import { delay } from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { ReplacedTimers } from "./_replaced_timers.ts";
import { warnings } from "./_warnings.ts";

guard(test);

test("delay() resolves after its time", async () => {
  const clock = new FakeClock();
  const fate = new Fate(delay(100, { clock }));
  await clock.advance(99);
  assert.is(fate.state, "pending");
  await clock.advance(1);
  assert.is(fate.state, "fulfilled");
  assert.is(clock.pending, 0);
});

test("delay() without a clock uses the global timers, as they are when it is called", async () => {
  const timers = new ReplacedTimers();
  try {
    const fate = new Fate(delay(50));
    timers.tick(49);
    await quiet();
    assert.equal([fate.state, timers.pending], ["pending", 1]);
    timers.tick(1);
    await quiet();
    assert.equal([fate.state, timers.pending], ["fulfilled", 0]);
  } finally {
    timers.remove();
  }
});

test("delay(0) still takes a turn", async () => {
  const clock = new FakeClock();
  const fate = new Fate(delay(0, { clock }));
  await quiet();
  assert.is(fate.state, "pending");
  await clock.advance(0);
  assert.is(fate.state, "fulfilled");
});

test("delay() rejects with the reason when its signal aborts, and clears its timer", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const fate = new Fate(delay(100, { clock, signal: controller.signal }));
  await clock.advance(50);
  assert.is(listeners.now, 1);
  const reason = { custom: "reason" };
  controller.abort(reason);
  await quiet();
  assert.is(fate.reason, reason);
  assert.is(clock.pending, 0);
  assert.is(listeners.now, 0);
});

test("delay() rejects at once if its signal has aborted, and sets no timer", async () => {
  const clock = new FakeClock();
  const signal = AbortSignal.abort("over");
  const listeners = new Listeners(signal);
  assert.is(await rejection(delay(100, { clock, signal })), "over");
  assert.is(clock.pending, 0);
  assert.is(listeners.added, 0);
});

test("delay() leaves no listener once it has resolved", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const waiting = delay(100, { clock, signal: controller.signal });
  await clock.advance(100);
  await waiting;
  assert.is(listeners.now, 0);
  controller.abort();
});

test("delay() longer than 2^31-1 ms is split", async () => {
  const clock = new FakeClock();
  const ms = 3 * 2 ** 31;
  const fate = new Fate(delay(ms, { clock }));
  await clock.advance(ms - 1);
  assert.is(fate.state, "pending");
  await clock.advance(1);
  assert.is(fate.state, "fulfilled");
});

test("delay() that is split can be aborted in any part", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const fate = new Fate(delay(3 * 2 ** 31, { clock, signal: controller.signal }));
  await clock.advance(2 ** 32);
  controller.abort("over");
  await quiet();
  assert.is(fate.reason, "over");
  assert.is(clock.pending, 0);
});

test("delay(Infinity) ends only by its signal", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const fate = new Fate(delay(Infinity, { clock, signal: controller.signal }));
  await clock.advance(2 ** 40);
  assert.is(fate.state, "pending");
  controller.abort("over");
  await quiet();
  assert.is(fate.reason, "over");
});

test("delay() refuses times that are none, by name", () => {
  for (const ms of [-1, NaN, -Infinity]) {
    const error = thrown(() => delay(ms));
    assert.instance(error, RangeError);
    assert.is(error.message, `Cannot use ms: ${ms} is not 0 or more`);
  }
  for (const [ms, got] of [["5", 'string "5"'], [null, "null"], [{}, "object Object"]] as const) {
    const error = thrown(() => delay(ms as never));
    assert.instance(error, TypeError);
    assert.is(error.message, `Cannot use ms: expected number, got ${got}`);
  }
});

test("delay() refuses to be called without a time", () => {
  const error = thrown(() => delay(undefined as never));
  assert.instance(error, TypeError);
  assert.is(error.message, "Cannot use ms: expected number, got undefined");
});

for (
  const [options, message] of [
    [
      { signal: new AbortController() },
      "Cannot use signal: expected an AbortSignal, got object AbortController",
    ],
    [{ signal: null }, "Cannot use signal: expected an AbortSignal, got null"],
    [{ signal: "stop" }, 'Cannot use signal: expected an AbortSignal, got string "stop"'],
    [{ clock: {} }, "Cannot use clock.now: expected function, got undefined"],
    [null, "Cannot use the options of delay(): expected object, got null"],
    [5, "Cannot use the options of delay(): expected object, got number 5"],
  ] as const
) {
  test(`delay() rejects with "${message}", and sets no timer`, async () => {
    const timers = new ReplacedTimers();
    try {
      const error = await rejection(delay(100, options as never));
      assert.instance(error, TypeError);
      assert.is(error.message, message);
      assert.is(timers.pending, 0);
    } finally {
      timers.remove();
    }
  });
}

test("delay() warns once of an option whose name is wrong in case only", async () => {
  const lines = await warnings(async () => {
    for (const _ of [1, 2]) await delay(0, { Signal: undefined } as object);
  });
  assert.equal(lines, [
    'Cannot use the options of delay(): there is no "Signal", did you mean "signal"',
  ]);
});

test.run();
