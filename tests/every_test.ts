import { test } from "uvu";
import * as assert from "uvu/assert";
import { every } from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { FastClock } from "./_fast_clock.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { heapInUse } from "./_heap.ts";
import { Listeners } from "./_listeners.ts";
import { ReplacedTimers } from "./_replaced_timers.ts";
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

for (const [what, first, others] of [["each body", 150, 150], ["the first", 199, 99]] as const) {
  test(`every() leaves others a turn before each tick that waited for it (${what} is late)`, async () => {
    let spent = 0;
    const clock = { now: () => spent, setTimeout: () => undefined, clearTimeout: () => {} };
    const controller = new AbortController();
    let ticks = 0;
    const loop = async (): Promise<void> => {
      for await (const _ of every(100, { clock, immediate: true, signal: controller.signal })) {
        spent += ticks++ === 0 ? first : others;
      }
    };
    const done = new Fate(loop());
    for (let turn = 0; turn < 90; turn++) {
      const before = ticks;
      await new Promise((resolve) => setImmediate(resolve)); // one turn, and no more
      assert.ok(ticks - before <= 1, `${ticks - before} ticks in one turn`);
    }
    assert.ok(ticks > 80, `${ticks} ticks`);
    controller.abort();
    for (let turn = 0; done.state === "pending" && turn < 10; turn++) await quiet();
    assert.is(done.state, "fulfilled");
  });
}

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

for (
  const [options, message] of [
    [
      { signal: new AbortController() },
      "Cannot use signal: expected an AbortSignal, got object AbortController",
    ],
    [{ immediate: 1 }, "Cannot use immediate: expected boolean, got number 1"],
    [{ clock: null }, "Cannot use clock: expected object, got null"],
    [null, "Cannot use the options of every(): expected object, got null"],
  ] as const
) {
  test(`every() throws "${message}", when it is called`, () => {
    const error = thrown(() => every(1, options as never));
    assert.instance(error, TypeError);
    assert.is(error.message, message);
  });
}

test("every() without a clock uses the global timers, as they are when it waits", async () => {
  const timers = new ReplacedTimers();
  try {
    let ticks = 0;
    const loop = async (): Promise<void> => {
      for await (const _ of every(60_000)) if (++ticks === 2) break;
    };
    const done = new Fate(loop());
    for (const expected of [0, 1, 2]) {
      await quiet();
      assert.is(ticks, expected);
      timers.tick(60_000);
    }
    await quiet();
    assert.is(done.state, "fulfilled");
    assert.is(timers.pending, 0);
  } finally {
    timers.remove();
  }
});

for (const signal of [undefined, new AbortController().signal]) {
  test(`every() passes on an error of its clock (${signal ? "with" : "without"} a signal)`, async () => {
    const boom = new Error("boom");
    let broken = false;
    const clock = new FastClock();
    const now = clock.now.bind(clock);
    clock.now = () => {
      if (broken) throw boom;
      return now();
    };
    const loop = async (): Promise<void> => {
      for await (const _ of every(10, { clock, signal })) broken = true;
    };
    assert.is(await rejection(loop()), boom);
  });
}

test("every() passes on what is thrown into it, also when its signal has aborted", async () => {
  const boom = new Error("boom");
  const controller = new AbortController();
  const clock = new FakeClock();
  const ticks = every(10, { clock, signal: controller.signal, immediate: true });
  const iterator = ticks[Symbol.asyncIterator]();
  await iterator.next();
  controller.abort();
  assert.is(await rejection(iterator.throw?.(boom) as Promise<unknown>), boom);
});

test("every() 300 000 times on one signal leaves no listener, and memory is flat", async () => {
  const clock = new FastClock();
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  let warm = 0;
  let ticks = 0;
  for await (const _ of every(10, { clock, signal })) {
    if (listeners.now > 0) assert.unreachable(`wait ${ticks} left a listener`);
    if (ticks === 50_000) warm = heapInUse();
    if (++ticks === 300_000) break;
  }
  assert.is(listeners.added, 300_000, "each wait listened");
  assert.is(listeners.most, 1);
  assert.is(listeners.now, 0);
  const growth = heapInUse() - warm;
  assert.ok(growth < 2_000_000, `the heap grew by ${growth} bytes`);
});

test.run();
