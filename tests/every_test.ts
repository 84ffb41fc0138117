import { test } from "uvu";
import * as assert from "uvu/assert";
import { every } from "../mod.ts";
import { FakeClock, quiet } from "./_fake_clock.ts";
import { FastClock } from "./_fast_clock.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { heapInUse } from "./_heap.ts";
import { Listeners } from "./_listeners.ts";
import { Trace } from "./_trace.ts";

guard(test);

test("every() iterates at a fixed rate, first after one period", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const at: number[] = [];
  const loop = async (): Promise<void> => {
    for await (const _ of every(100, { clock, signal: controller.signal })) {
      at.push(clock.now());
      await new Promise<void>((go) => clock.setTimeout(go, 30));
    }
  };
  const done = new Fate(loop());
  await clock.advance(350);
  assert.equal(at, [100, 200, 300]);
  controller.abort();
  await quiet();
  assert.is(done.state, "fulfilled");
});

test("every() with immediate iterates at once, then at the rate", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const at: number[] = [];
  const loop = async (): Promise<void> => {
    const ticks = every(100, { clock, signal: controller.signal, immediate: true });
    for await (const _ of ticks) at.push(clock.now());
  };
  const done = new Fate(loop());
  await clock.advance(200);
  assert.equal(at, [0, 100, 200]);
  controller.abort();
  await quiet();
  assert.is(done.state, "fulfilled");
});

test("every() never overlaps: what the body misses becomes one", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const trace = new Trace();
  const loop = async (): Promise<void> => {
    for await (const _ of every(100, { clock, signal: controller.signal })) {
      trace.note(`begin ${clock.now()}`);
      await new Promise<void>((go) => clock.setTimeout(go, 250));
      trace.note(`end ${clock.now()}`);
    }
  };
  const done = new Fate(loop());
  await clock.advance(600);
  controller.abort();
  await clock.advance(1_000);
  assert.equal(trace.take(), [
    "begin 100",
    "end 350",
    "begin 350",
    "end 600",
    "begin 600",
    "end 850",
  ]);
  assert.is(done.state, "fulfilled");
});

test("every() starves nobody, whatever its body computes", async () => {
  let turns = 0;
  const timer = setTimeout(() => turns++, 1);
  let ticks = 0;
  for await (const _ of every(1)) {
    for (const end = performance.now() + 3; performance.now() < end;);
    if (turns > 0 || ++ticks > 100) break;
  }
  clearTimeout(timer);
  assert.is(turns, 1);
});

test("every() ends quietly when its signal aborts while it waits", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const loop = async (): Promise<void> => {
    for await (const _ of every(100, { clock, signal: controller.signal }));
  };
  const done = new Fate(loop());
  await clock.advance(50);
  controller.abort(new Error("never thrown"));
  await quiet();
  assert.is(done.state, "fulfilled");
  assert.is(clock.pending, 0);
  assert.is(listeners.now, 0);
});

test("every() lets the body finish when its signal aborts meanwhile", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const trace = new Trace();
  const loop = async (): Promise<void> => {
    for await (const _ of every(100, { clock, signal: controller.signal })) {
      trace.note("begin");
      await new Promise<void>((go) => clock.setTimeout(go, 50));
      trace.note("end");
    }
    trace.note("over");
  };
  const done = new Fate(loop());
  await clock.advance(120);
  controller.abort();
  await clock.advance(30);
  assert.equal(trace.take(), ["begin", "end", "over"]);
  assert.is(done.state, "fulfilled");
});

for (const immediate of [false, true]) {
  test(`every() with a signal that has aborted does not iterate (immediate: ${immediate})`, async () => {
    const clock = new FakeClock();
    for await (const _ of every(100, { clock, signal: AbortSignal.abort(), immediate })) {
      assert.unreachable("it iterated");
    }
    assert.is(clock.pending, 0);
  });
}

test("every() left by break leaves neither timer nor listener", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const loop = async (): Promise<void> => {
    for await (const _ of every(100, { clock, signal: controller.signal })) break;
  };
  const done = loop();
  await clock.advance(100);
  await done;
  assert.is(clock.pending, 0);
  assert.is(listeners.now, 0);
});

test("every() passes on what the body throws", async () => {
  const clock = new FakeClock();
  const boom = new Error("boom");
  const loop = async (): Promise<void> => {
    for await (const _ of every(100, { clock, immediate: true })) throw boom;
  };
  assert.is(await rejection(loop()), boom);
  assert.is(clock.pending, 0);
});

test("every() without a signal goes on until it is left", async () => {
  const clock = new FastClock();
  let ticks = 0;
  for await (const _ of every(10, { clock })) if (++ticks === 5) break;
  assert.is(clock.now(), 50);
});

test("every() may be iterated twice, each with a clock of its own", async () => {
  const clock = new FastClock();
  const ticks = every(10, { clock });
  for (const expected of [10, 20]) {
    for await (const _ of ticks) break;
    assert.is(clock.now(), expected);
  }
});

test("every() refuses periods that are none, when it is called", () => {
  for (const period of [0, -1, NaN]) {
    const error = thrown(() => every(period));
    assert.instance(error, RangeError);
    assert.match(error.message, `Cannot use period: ${period} is not `);
  }
  assert.instance(thrown(() => every("5" as never)), TypeError);
});

test("every() without a clock uses the global timers", async () => {
  let ticks = 0;
  for await (const _ of every(1)) if (++ticks === 2) break;
});

test("every() 1 000 000 times on one signal leaves no listener, and memory is flat", async () => {
  const clock = new FastClock();
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  let warm = 0;
  let ticks = 0;
  for await (const _ of every(10, { clock, signal })) {
    if (listeners.now > 0) assert.unreachable(`wait ${ticks} left a listener`);
    if (ticks === 100_000) warm = heapInUse();
    if (++ticks === 1_000_000) break;
  }
  assert.is(listeners.added, 1_000_000, "each wait listened");
  assert.is(listeners.most, 1);
  assert.is(listeners.now, 0);
  const growth = heapInUse() - warm;
  assert.ok(growth < 2_000_000, `the heap grew by ${growth} bytes`);
});

test.run();
