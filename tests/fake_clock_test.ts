import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost, delay, every, hostedService } from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { ReplacedTimers } from "./_replaced_timers.ts";

guard(test);

/** A clock, and what its timers did. */
function bench(): { clock: FakeClock; log: string[]; set(name: string, ms: number): unknown } {
  const clock = new FakeClock();
  const log: string[] = [];
  const set = (name: string, ms: number): unknown =>
    clock.setTimeout(() => log.push(`${name} at ${clock.now()}`), ms);
  return { clock, log, set };
}

test("FakeClock fires timers in the order of their time, then of setTimeout", async () => {
  const { clock, log, set } = bench();
  set("late", 30);
  set("first", 10);
  set("second", 10);
  set("now", 0);
  assert.equal([clock.now(), clock.next, clock.pending], [0, 0, 4]);
  await clock.advance(20);
  assert.equal(log, ["now at 0", "first at 10", "second at 10"]);
  assert.equal([clock.now(), clock.next, clock.pending], [20, 30, 1]);
  await clock.advanceTo(30);
  assert.equal(log.at(-1), "late at 30");
  assert.equal([clock.next, clock.pending], [undefined, 0]);
});

test("FakeClock fires what is set meanwhile, if it falls due", async () => {
  const { clock, log, set } = bench();
  clock.setTimeout(() => set("inner", 5), 10);
  clock.setTimeout(() => set("too late", 50), 10);
  await clock.advance(20);
  assert.equal(log, ["inner at 15"]);
  assert.is(clock.pending, 1);
});

test("FakeClock begins where it is told to", async () => {
  const clock = new FakeClock(1_000);
  clock.setTimeout(() => {}, 5);
  assert.equal([clock.now(), clock.next], [1_000, 1_005]);
});

test("FakeClock clears timers, also those that have fired", async () => {
  const { clock, log, set } = bench();
  const [first, second] = [set("first", 10), set("second", 10)];
  clock.clearTimeout(first);
  await clock.advance(10);
  clock.clearTimeout(second);
  clock.clearTimeout(second);
  clock.clearTimeout(undefined);
  assert.equal([log, clock.pending], [["second at 10"], 0]);
});

test("FakeClock refuses a delay that a real timer would not keep", () => {
  const clock = new FakeClock();
  for (const ms of [-1, NaN, 2 ** 31, Infinity]) {
    const error = thrown(() => clock.setTimeout(() => {}, ms));
    assert.instance(error, RangeError);
    assert.is(error.message, `Cannot set a timer: ${ms} ms is not between 0 and 2147483647`);
  }
  assert.is(clock.pending, 0);
});

test("FakeClock does not go back, and says which await is missing", async () => {
  const clock = new FakeClock(5);
  assert.instance(await rejection(clock.advance(-1)), RangeError);
  assert.instance(await rejection(clock.advanceTo(NaN)), RangeError);
  const first = clock.advance(1);
  assert.match((await rejection(clock.advance(1))).message, "is being advanced already; await");
  assert.match((await rejection(clock.runAll())).message, "is being advanced already; await");
  await first;
  await clock.advance(1);
  assert.is(clock.now(), 7);
});

test("FakeClock rejects with what a timer throws, and goes on after that", async () => {
  const { clock, log, set } = bench();
  const boom = new Error("boom");
  clock.setTimeout(() => {
    throw boom;
  }, 10);
  set("next", 20);
  assert.is(await rejection(clock.advance(30)), boom);
  assert.equal([clock.now(), log], [10, []]);
  await clock.advance(10);
  assert.equal(log, ["next at 20"]);
});

test("FakeClock.advance() waits for what its timers cause, real turns included", async () => {
  const clock = new FakeClock();
  const seen: number[] = [];
  const loop = (async () => {
    for (let i = 0; i < 3; i++) {
      await delay(10, { clock });
      await quiet(); // what a loop of the package does that has run for long
      seen.push(clock.now());
    }
  })();
  await clock.advance(10);
  await quiet();
  assert.equal(seen, [10]);
  await clock.advance(10);
  await quiet();
  await clock.advance(10);
  await loop;
  assert.equal(seen, [10, 20, 30]);
});

test("FakeClock.advance() lets two turns pass after each timer: a loop that gives one is done", async () => {
  const clock = new FakeClock();
  let turns = 0;
  clock.setTimeout(() => {
    setImmediate(() => {
      turns++;
      setImmediate(() => turns++);
    });
  }, 10);
  await clock.advance(10);
  assert.is(turns, 2);
});

test("FakeClock.apart() counts the timers of one user", async () => {
  const clock = new FakeClock();
  const [mine, other] = [clock.apart(), clock.apart()];
  const timer = mine.setTimeout(() => {}, 10);
  other.setTimeout(() => {}, 20);
  assert.equal([mine.pending, other.pending, clock.pending], [1, 1, 2]);
  mine.clearTimeout(timer);
  await clock.advance(15);
  assert.equal([mine.now(), mine.pending, other.pending], [15, 0, 1]);
});

test("FakeClock.runAll() runs until nothing is left but what keeps a process alive", async () => {
  const clock = new FakeClock();
  const host = createHost([hostedService("a", {})], { clock, hostLifetime: false, logger: false });
  const run = host.run();
  let over = 0;
  void delay(1_000, { clock }).then(() => delay(500, { clock })).then(() => over = clock.now());
  await clock.runAll();
  assert.equal([over, clock.now(), clock.pending], [1_500, 1_500, 1]);
  host.lifetime.stopApplication();
  await run;
  assert.is(clock.pending, 0);
});

test("FakeClock.runAll() gives up what ticks for ever, and says where it was set", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const { signal } = controller;
  const ticks = (async () => {
    for await (const _ of every(1_000, { clock, signal }));
  })();
  const { message } = await rejection(clock.runAll());
  assert.match(
    message,
    "Cannot run all timers: 10000 have fired, and 1 are set, the next one for 10001000 ms",
  );
  assert.match(message, /\n.*every|periodic_timer/);
  controller.abort();
  await ticks;
});

test("FakeClock and quiet() work beside timers that a test tool has replaced", async () => {
  const timers = new ReplacedTimers();
  try {
    const clock = new FakeClock();
    const waits = new Fate(delay(1_000, { clock }));
    await quiet();
    assert.is(waits.state, "pending");
    await clock.advance(1_000);
    assert.is(waits.state, "fulfilled");
    assert.is(timers.pending, 0);
  } finally {
    timers.remove();
  }
});

test.run();
