import { test } from "uvu";
import * as assert from "uvu/assert";
import { Channel, ChannelClosedError, type ChannelOptions } from "../src/channels/mod.ts";
import { Waiters } from "../src/channels/_waiters.ts";
import { playChannelRun } from "./_channel_run.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { heapInUse } from "./_heap.ts";
import { Listeners } from "./_listeners.ts";
import { playLives } from "./fuzz/lives.ts";

guard(test);

/** Writes without waiting; fails if that is not possible. */
function fill<T>(channel: Channel<T>, ...items: readonly T[]): void {
  for (const item of items) assert.ok(channel.tryWrite(item), `no room for ${item}`);
}

/** Takes all there is. */
function drain<T>(channel: Channel<T>): T[] {
  const items: T[] = [];
  for (let item; (item = channel.tryRead()) !== undefined;) items.push(item);
  return items;
}

test("Channel gives items in the order they were written, across growth and wrapping", () => {
  const channel = new Channel<number>();
  let written = 0;
  let read = 0;
  for (const size of [3, 16, 5, 17, 40, 1, 1000, 33]) {
    for (let i = 0; i < size; i++) fill(channel, ++written);
    assert.is(channel.count, written - read);
    for (let i = 0; i < size / 2; i++) assert.is(channel.tryRead(), ++read);
  }
  assert.equal(drain(channel), Array.from({ length: written - read }, (_, i) => read + i + 1));
  assert.is(channel.count, 0);
});

test("Channel without a capacity never makes a writer wait", async () => {
  const channel = new Channel<number>();
  for (let i = 0; i < 100_000; i++) fill(channel, i);
  assert.is(await channel.waitToWrite(), true);
  assert.is(channel.count, 100_000);
});

test("Channel takes null and other falsy items, and peeks at them", async () => {
  const channel = new Channel<unknown>({ capacity: 4 });
  const items = [null, 0, "", false];
  fill(channel, ...items);
  const written = channel.write("more");
  assert.is(channel.tryPeek(), null);
  assert.is(channel.tryPeek(), null, "it stays");
  for (const item of items) assert.is(channel.tryRead(), item);
  await written;
  assert.is(await channel.read(), "more");
  assert.is(channel.tryPeek(), undefined);
});

test("Channel refuses undefined", async () => {
  const channel = new Channel<unknown>();
  const message = "Cannot write to the channel: undefined is no item";
  for (
    const error of [
      thrown(() => channel.tryWrite(undefined)),
      await rejection(channel.write(undefined)),
    ]
  ) {
    assert.instance(error, TypeError);
    assert.is(error.message, message);
  }
  channel.complete();
  assert.instance(thrown(() => channel.tryWrite(undefined)), TypeError);
});

test("Channel checks its options", () => {
  const refuse = (options: unknown, type: typeof Error, message: string): void => {
    const error = thrown(() => new Channel(options as ChannelOptions<unknown>));
    assert.instance(error, type);
    assert.is(error.message, message);
  };
  refuse(null, TypeError, "Cannot use Channel options: expected object, got null");
  refuse(
    { capacity: "1" },
    TypeError,
    'Cannot use Channel options.capacity: expected number, got string "1"',
  );
  refuse({ capacity: -1 }, RangeError, "Cannot use Channel options.capacity: -1 is not 0 or more");
  refuse(
    { capacity: NaN },
    RangeError,
    "Cannot use Channel options.capacity: NaN is not 0 or more",
  );
  refuse(
    { capacity: 1.5 },
    RangeError,
    "Cannot use Channel options.capacity: 1.5 is no whole number from 0",
  );
  refuse(
    { fullMode: "drop" },
    TypeError,
    "Cannot use Channel options.fullMode: expected wait or dropNewest or dropOldest or dropWrite, " +
      'got string "drop"',
  );
  refuse(
    { onDropped: 1 },
    TypeError,
    "Cannot use Channel options.onDropped: expected function, got number 1",
  );
  const options = { capacity: undefined, fullMode: undefined, onDropped: undefined };
  fill(new Channel<number>(options), 1, 2, 3);
});

test("Channel lets writers wait while it is full, and in, in the order they came", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  fill(channel, 1);
  assert.not(channel.tryWrite(9));
  const second = new Fate(channel.write(2));
  const third = new Fate(channel.write(3));
  await quiet();
  assert.is(second.state, "pending");
  assert.is(channel.count, 1, "who waits is not in it");
  assert.is(channel.tryRead(), 1);
  assert.not(channel.tryWrite(9), "the room went to who waited");
  await quiet();
  assert.is(second.state, "fulfilled");
  assert.is(third.state, "pending");
  assert.equal(drain(channel), [2, 3]);
});

test("Channel serves readers in the order they came, each with one item", async () => {
  const channel = new Channel<number>();
  const reads = [channel.read(), channel.read(), channel.read()];
  fill(channel, 1, 2, 3);
  assert.is(channel.count, 0, "they went straight to the readers");
  assert.equal(await Promise.all(reads), [1, 2, 3]);
});

test("Channel wakes all of waitToRead with one item, but not if a read takes it", async () => {
  const channel = new Channel<number>();
  const waits = [new Fate(channel.waitToRead()), new Fate(channel.waitToRead())];
  const read = channel.read();
  fill(channel, 1);
  assert.is(await read, 1);
  await quiet();
  assert.equal(waits.map(({ state }) => state), ["pending", "pending"]);
  fill(channel, 2);
  await quiet();
  assert.equal(waits.map(({ state }) => state), ["fulfilled", "fulfilled"]);
});

test("Channel wakes all of waitToWrite when there is room that no write takes", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  fill(channel, 1);
  const waits = [new Fate(channel.waitToWrite()), new Fate(channel.waitToWrite())];
  const written = channel.write(2);
  assert.is(channel.tryRead(), 1);
  await written;
  await quiet();
  assert.equal(waits.map(({ state }) => state), ["pending", "pending"]);
  assert.is(channel.tryRead(), 2);
  await quiet();
  assert.equal(waits.map(({ state }) => state), ["fulfilled", "fulfilled"]);
});

for (
  const [fullMode, kept, lost] of [
    ["dropNewest", [1, 4], [2, 3]],
    ["dropOldest", [3, 4], [1, 2]],
    ["dropWrite", [1, 2], [3, 4]],
  ] as const
) {
  test(`Channel with ${fullMode} drops, reports what, and never makes a writer wait`, async () => {
    const dropped: number[] = [];
    const onDropped = (item: number): unknown => dropped.push(item);
    const channel = new Channel<number>({ capacity: 2, fullMode, onDropped });
    fill(channel, 1, 2, 3);
    assert.is(await channel.waitToWrite(), true);
    await channel.write(4);
    assert.equal(dropped, lost);
    assert.equal(drain(channel), kept);
  });
}

test("Channel passes on what onDropped throws, and has changed already", async () => {
  const boom = new Error("boom");
  const onDropped = (): never => {
    throw boom;
  };
  const channel = new Channel<number>({ capacity: 1, fullMode: "dropOldest", onDropped });
  fill(channel, 1);
  assert.is(thrown(() => channel.tryWrite(2)), boom);
  assert.is(channel.tryPeek(), 2);
  assert.is(await rejection(channel.write(3)), boom);
  assert.equal(drain(channel), [3]);
});

test("Channel may be used from within onDropped", () => {
  const second = new Channel<number>();
  const first: Channel<number> = new Channel({
    capacity: 1,
    fullMode: "dropOldest",
    onDropped(item) {
      second.tryWrite(item);
      if (item === 1) first.tryWrite(3);
    },
  });
  fill(first, 1, 2);
  assert.equal(drain(first), [3]);
  assert.equal(drain(second), [1, 2]);
});

test("Channel with a capacity of 0 hands over, and holds nothing", async () => {
  const channel = new Channel<number>({ capacity: 0 });
  assert.not(channel.tryWrite(1));
  const readable = channel.waitToRead();
  const written = new Fate(channel.write(2));
  assert.is(await readable, true);
  assert.is(written.state, "pending");
  assert.is(channel.count, 0);
  assert.is(channel.tryPeek(), 2);
  assert.is(await channel.read(), 2);
  await quiet();
  assert.is(written.state, "fulfilled");

  const writable = channel.waitToWrite();
  const read = channel.read();
  assert.is(await writable, true);
  assert.is(await channel.waitToWrite(), true);
  assert.ok(channel.tryWrite(3));
  assert.is(await read, 3);
});

test("Channel with a capacity of 0 that drops, drops unless somebody reads", async () => {
  const dropped: number[] = [];
  const onDropped = (item: number): unknown => dropped.push(item);
  for (const fullMode of ["dropNewest", "dropOldest", "dropWrite"] as const) {
    const channel = new Channel<number>({ capacity: 0, fullMode, onDropped });
    assert.is(await channel.waitToWrite(), true);
    fill(channel, 1);
    assert.equal(dropped.splice(0), [1]);
    const read = channel.read();
    fill(channel, 2);
    assert.is(await read, 2);
    assert.equal(dropped, []);
  }
});

test("complete() keeps what can be read, then every read says it is over", async () => {
  const channel = new Channel<number>();
  fill(channel, 1, 2);
  assert.ok(channel.complete());
  assert.not(channel.complete(new Error("too late")));
  const completion = new Fate(channel.completion);
  assert.not(channel.tryWrite(3));
  assert.is(await channel.waitToWrite(), false);
  assert.is(await channel.waitToRead(), true);
  assert.is(await channel.read(), 1);
  await quiet();
  assert.is(completion.state, "pending");
  assert.is(channel.tryRead(), 2);
  await quiet();
  assert.is(completion.state, "fulfilled");
  assert.is(await channel.waitToRead(), false);
  assert.is(channel.tryRead(), undefined);
  const error = await rejection<ChannelClosedError>(channel.read());
  assert.instance(error, ChannelClosedError);
  assert.is(error.name, "ChannelClosedError");
  assert.is(error.code, "ERR_CHANNEL_CLOSED");
  assert.is(error.message, "Cannot read from the channel: it is complete");
  assert.not("cause" in error);
  assert.is(
    (await rejection(channel.write(3))).message,
    "Cannot write to the channel: it is complete",
  );
});

test("complete() with an error is the cause of what fails from then on", async () => {
  const channel = new Channel<number>();
  const boom = new Error("boom");
  fill(channel, 1);
  channel.complete(boom);
  assert.is((await rejection(channel.write(2))).cause, boom);
  assert.is(await rejection(channel.waitToWrite()), boom);
  assert.is(await channel.waitToRead(), true);
  assert.is(await channel.read(), 1);
  assert.is((await rejection(channel.read())).cause, boom);
  assert.is(await rejection(channel.waitToRead()), boom);
  assert.is(await rejection(channel.completion), boom);
});

test("complete() fails the writers that wait; their items are not written", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  fill(channel, 1);
  const written = rejection(channel.write(2));
  const writable = channel.waitToWrite();
  channel.complete();
  assert.instance(await written, ChannelClosedError);
  assert.is(await writable, false);
  assert.equal(drain(channel), [1]);
  await channel.completion;
});

for (const boom of [undefined, new Error("boom")]) {
  test(`complete(${boom ? "error" : ""}) wakes everybody who waits for an item`, async () => {
    const channel = new Channel<number>();
    const read = rejection(channel.read());
    const readable = channel.waitToRead().catch((error) => error);
    const iterated = channel.readAll().next().catch((error) => error);
    channel.complete(boom);
    assert.is((await read).cause, boom);
    assert.is(await readable, boom ?? false);
    assert.equal(await iterated, boom ?? { value: undefined, done: true });
  });
}

test("completion that nobody looks at is no unhandled rejection", async () => {
  new Channel<number>().complete(new Error("boom"));
  await quiet(); // the guard of this file fails the test otherwise
});

test("a signal that has aborted rejects each call before it does anything", async () => {
  const channel = new Channel<number>({ capacity: 2 });
  fill(channel, 1);
  const signal = AbortSignal.abort("over");
  assert.is(await rejection(channel.write(2, signal)), "over");
  assert.is(await rejection(channel.waitToWrite(signal)), "over");
  assert.is(await rejection(channel.read(signal)), "over");
  assert.is(await rejection(channel.waitToRead(signal)), "over");
  assert.is(await rejection(channel.readAll(signal).next()), "over");
  assert.equal(drain(channel), [1]);
  channel.complete();
  assert.is(await rejection(channel.read(signal)), "over", "also after the end");
});

test("a cancelled read takes nothing, and the others keep their order", async () => {
  const channel = new Channel<number>();
  const controllers = [new AbortController(), new AbortController(), new AbortController()];
  const reads = controllers.map(({ signal }) => channel.read(signal).catch((reason) => reason));
  const last = channel.read();
  controllers[1]!.abort("second");
  fill(channel, 1);
  controllers[2]!.abort("third");
  fill(channel, 2);
  controllers[0]!.abort("too late");
  assert.equal(await Promise.all(reads), [1, "second", "third"]);
  assert.is(await last, 2);
});

test("a cancelled write is not written, and the others keep their order", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  fill(channel, 0);
  const controllers = [new AbortController(), new AbortController(), new AbortController()];
  const writes = controllers.map(({ signal }, index) =>
    channel.write(index + 1, signal).then(() => "written", (reason) => reason)
  );
  controllers[0]!.abort("first");
  controllers[2]!.abort("third");
  const last = channel.write(4);
  assert.equal(drain(channel), [0, 2, 4]);
  assert.equal(await Promise.all(writes), ["first", "written", "third"]);
  await last;
});

test("a cancelled waitToRead or waitToWrite leaves the others waiting", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  for (const wait of ["waitToRead", "waitToWrite"] as const) {
    const controller = new AbortController();
    const cancelled = rejection(channel[wait](controller.signal));
    const other = channel[wait]();
    controller.abort("over");
    assert.is(await cancelled, "over");
    if (wait === "waitToRead") fill(channel, 1);
    else channel.tryRead();
    assert.is(await other, true);
  }
});

test("for await takes every item and ends when the channel does", async () => {
  const channel = new Channel<number>({ capacity: 3 });
  const produce = async (): Promise<void> => {
    for (let item = 0; item < 100; item++) await channel.write(item);
    channel.complete();
  };
  const produced = produce();
  const items: number[] = [];
  for await (const item of channel) items.push(item);
  await produced;
  assert.equal(items, Array.from({ length: 100 }, (_, index) => index));
});

test("for await throws what the channel was completed with, after the items", async () => {
  const channel = new Channel<number>();
  const boom = new Error("boom");
  fill(channel, 1, 2);
  channel.complete(boom);
  const items: number[] = [];
  const loop = async (): Promise<void> => {
    for await (const item of channel) items.push(item);
  };
  assert.is(await rejection(loop()), boom);
  assert.equal(items, [1, 2]);
});

test("for await that is left leaves the rest in the channel", async () => {
  const channel = new Channel<number>();
  fill(channel, 1, 2, 3);
  for await (const item of channel) if (item === 2) break;
  assert.equal(drain(channel), [3]);
});

test("for await of several loops shares the items", async () => {
  const channel = new Channel<number>({ capacity: 2 });
  const items: number[] = [];
  const loops = Array.from({ length: 3 }, async () => {
    for await (const item of channel) items.push(item);
  });
  for (let item = 1; item <= 20; item++) await channel.write(item);
  channel.complete();
  await Promise.all(loops);
  assert.equal(items.sort((a, b) => a - b), Array.from({ length: 20 }, (_, index) => index + 1));
});

test("readAll() takes no item once its signal has aborted", async () => {
  const channel = new Channel<number>();
  const controller = new AbortController();
  const items: number[] = [];
  const loop = async (): Promise<void> => {
    for await (const item of channel.readAll(controller.signal)) {
      items.push(item);
      if (item === 2) controller.abort("over");
    }
  };
  fill(channel, 1, 2, 3);
  assert.is(await rejection(loop()), "over");
  assert.equal(items, [1, 2]);
  assert.equal(drain(channel), [3]);
});

test("readAll() takes no item when its signal aborts, or it is left, just after it was woken", async () => {
  const channel = new Channel<number>();
  const controller = new AbortController();
  const cancelled = channel.readAll(controller.signal).next();
  const left = channel.readAll();
  const next = left.next();
  fill(channel, 1);
  controller.abort("over");
  const returned = left.return?.();
  assert.is(await rejection(cancelled), "over");
  assert.equal(await next, { value: undefined, done: true });
  assert.equal(await returned, { value: undefined, done: true });
  assert.equal(await left.next(), { value: undefined, done: true });
  assert.equal(drain(channel), [1]);
});

test("readAll() may be asked for several items at once", async () => {
  const channel = new Channel<number>();
  const all = channel.readAll();
  const nexts = [all.next(), all.next(), all.next()];
  fill(channel, 1, 2);
  channel.complete();
  assert.equal(await Promise.all(nexts), [
    { value: 1, done: false },
    { value: 2, done: false },
    { value: undefined, done: true },
  ]);
});

test("Channel leaves no listener on a signal, whichever way a wait ends", async () => {
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  const waits = (channel: Channel<number>): Promise<unknown>[] =>
    [
      channel.read(signal),
      channel.waitToRead(signal),
      channel.readAll(signal).next(),
    ].map((wait) => wait.catch(() => {}));
  const served = new Channel<number>({ capacity: 1 });
  const settled = waits(served);
  assert.is(listeners.now, 3);
  fill(served, 1, 2);
  await Promise.all(settled);
  assert.is(listeners.now, 0);

  fill(served, 3);
  const writes = [served.write(4, signal), served.waitToWrite(signal)];
  assert.is(listeners.now, 2);
  drain(served);
  await Promise.all(writes);
  assert.is(listeners.now, 0);

  const ended = new Channel<number>();
  const failed = waits(ended);
  ended.complete(new Error("boom"));
  await Promise.all(failed);
  assert.is(listeners.now, 0);
});

test("Channel keeps nothing of 10 000 waits that were cancelled, each in constant time", async () => {
  const channel = new Channel<number>();
  const keep = channel.read();
  const cancelled = Array.from({ length: 10_000 }, () => {
    const controller = new AbortController();
    return { controller, read: channel.read(controller.signal).catch((reason) => reason) };
  });
  for (const { controller } of cancelled.reverse()) controller.abort("over");
  for (const { read } of cancelled) assert.is(await read, "over");
  fill(channel, 1);
  assert.is(await keep, 1);
  fill(channel, 2);
  assert.is(channel.count, 1, "nobody waits any more");
});

test("Channel 300 000 times read on one signal leaves no listener, and memory is flat", async () => {
  const channel = new Channel<number>({ capacity: 1 });
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  let warm = 0;
  for (let item = 0; item < 300_000; item++) {
    const read = channel.read(signal);
    fill(channel, item);
    if (await read !== item) assert.unreachable("another item");
    if (item === 50_000) warm = heapInUse();
  }
  assert.is(listeners.added, 300_000, "each wait listened");
  assert.is(listeners.most, 1);
  assert.is(listeners.now, 0);
  const growth = heapInUse() - warm;
  assert.ok(growth < 2_000_000, `the heap grew by ${growth} bytes`);
});

test("Channel gives back the memory of a long queue once it is empty", () => {
  const channel = new Channel<number>();
  const before = heapInUse();
  for (let item = 0; item < 1_000_000; item++) fill(channel, item);
  const full = heapInUse();
  assert.ok(full - before > 4_000_000, `${full - before} bytes for 1 000 000 items`);
  for (let item = 0; item < 1_000_000; item++) channel.tryRead();
  const growth = heapInUse() - before;
  assert.ok(growth < 2_000_000, `the heap grew by ${growth} bytes`);
  fill(channel, 1);
  assert.is(channel.tryRead(), 1);
});

test("Channel keeps no item that has been read or dropped", () => {
  const channel = new Channel<number[]>({ capacity: 12, fullMode: "dropNewest" });
  const before = heapInUse();
  for (let item = 0; item < 14; item++) fill(channel, new Array<number>(100_000).fill(item));
  assert.ok(heapInUse() - before > 8_000_000);
  while (channel.tryRead());
  const growth = heapInUse() - before;
  assert.ok(growth < 4_000_000, `the heap grew by ${growth} bytes`);
});

for (
  const [how, talk] of Object.entries<(next: () => boolean) => Promise<unknown>>({
    "write() and read()": (next) => {
      const channel = new Channel<number>({ capacity: 4 });
      return both(next, () => channel.write(1), () => channel.read());
    },
    "write() and read(), handed over": (next) => {
      const channel = new Channel<number>({ capacity: 0 });
      return both(next, () => channel.write(1), () => channel.read());
    },
    "write() and for await": (next) => {
      const channel = new Channel<number>({ capacity: 4 });
      const items = channel.readAll();
      return both(next, () => channel.write(1), () => items.next());
    },
    "for await alone": async (next) => {
      const channel = new Channel<number>();
      channel.tryWrite(1);
      for await (const item of channel) {
        if (!next()) break;
        channel.tryWrite(item);
      }
    },
    "write() that drops": async (next) => {
      const channel = new Channel<number>({ capacity: 1, fullMode: "dropOldest" });
      while (next()) await channel.write(1);
    },
    "waitToWrite() and waitToRead()": (next) => {
      const channel = new Channel<number>({ capacity: 1 });
      return both(
        next,
        () => channel.waitToWrite().then(() => channel.tryWrite(1)),
        () => channel.waitToRead().then(() => channel.tryRead()),
      );
    },
    "waitToRead() alone": async (next) => {
      const channel = new Channel<number>();
      channel.tryWrite(1);
      while (next()) await channel.waitToRead();
    },
    "waitToWrite() alone": async (next) => {
      const channel = new Channel<number>();
      while (next()) await channel.waitToWrite();
    },
    "read() that always waits": (next) => {
      const [to, fro] = [new Channel<number>(), new Channel<number>()];
      return both(
        next,
        () => fro.read(void to.tryWrite(1)),
        () => to.read().then((item) => fro.tryWrite(item)),
      );
    },
  })
) {
  test(`Channel lets timers have their turn: ${how}`, async () => {
    let fired = false;
    const timer = setTimeout(() => (fired = true), 0);
    let left = 1_000_000; // would take a second, and no timer ever
    await talk(() => !fired && --left > 0);
    clearTimeout(timer);
    assert.ok(fired, "No timer fired");
  });
}

/** Two loops at the same time. */
async function both(
  next: () => boolean,
  ...steps: readonly (() => Promise<unknown>)[]
): Promise<void> {
  const over = new AbortController();
  const end = new Promise((resolve) => over.signal.addEventListener("abort", resolve));
  await Promise.all(steps.map(async (step) => {
    while (next()) await Promise.race([step(), end]);
    over.abort();
  }));
}

test("Channel keeps the order, and loses nothing, across the turns it gives", async () => {
  const channel = new Channel<number>({ capacity: 3 });
  const count = 30_000;
  const produced = (async () => {
    for (let item = 0; item < count; item++) await channel.write(item);
    channel.complete();
  })();
  const items: number[] = [];
  const settled: number[] = [];
  while (items.length < count) {
    const several = await Promise.all([0, 1, 2].map(async () => {
      const item = await channel.read();
      settled.push(item);
      return item;
    }));
    items.push(...several);
  }
  await produced;
  assert.ok(items.every((item, index) => item === index), "They were mixed up");
  assert.equal(settled, items, "They settled in another order");
});

test("a signal that aborts in a turn leaves every item in the channel", async () => {
  const channel = new Channel<number>();
  for (let item = 0; item < 20_000; item++) channel.tryWrite(item);
  const controller = new AbortController();
  const reading = channel.readAll(controller.signal);
  let expected = 0;
  // The turn that comes is one in which the signal aborts.
  setTimeout(() => controller.abort("enough"), 0);
  const reason = await (async () => {
    for await (const item of reading) assert.is(item, expected++);
  })().catch((reason) => reason);
  assert.is(reason, "enough");
  assert.ok(expected < 20_000);
  assert.is(channel.tryRead(), expected, "An item is gone");
});

test("read() that waits for a turn, too, rejects when its signal aborts", async () => {
  const channel = new Channel<number>();
  for (let round = 0; round < 100; round++) { // a turn is due in one of them
    const controller = new AbortController();
    const read = new Fate(channel.read(controller.signal));
    controller.abort("gone");
    await quiet();
    assert.is(read.reason, "gone");
  }
});

test("onDropped may be asynchronous: write() fails as it does, tryWrite() writes a line", async () => {
  const error = new Error("Nobody to tell");
  const channel = new Channel<number>({
    capacity: 1,
    fullMode: "dropOldest",
    onDropped: (item) => item < 3 ? Promise.reject(error) : Promise.resolve(),
  });
  const lines: unknown[] = [];
  const original = console.error;
  console.error = (line: unknown) => lines.push(line);
  try {
    for (const item of [1, 2]) assert.is(channel.tryWrite(item), true);
    await quiet();
    assert.is(await rejection(channel.write(3)), error);
    assert.is(await channel.write(4), undefined);
    await quiet();
  } finally {
    console.error = original;
  }
  assert.is(channel.tryRead(), 4);
  assert.is(lines.length, 1);
  assert.match(
    String(lines[0]),
    /^A channel failed to tell what it dropped: Error: Nobody to tell/,
  );
});

test("Channel says what is wrong with a signal, whether it would have to wait or not", async () => {
  const controller = new AbortController() as never;
  const message = "Cannot use Channel signal: expected an AbortSignal, got object AbortController";
  const channel = new Channel<number>({ capacity: 1 });
  for (let round = 0; round < 2; round++) {
    for (
      const call of [
        () => channel.write(1, controller),
        () => channel.read(controller),
        () => channel.waitToRead(controller),
        () => channel.waitToWrite(controller),
      ]
    ) {
      assert.is((await rejection(call()) as Error).message, message);
      assert.is(channel.count, round);
    }
    channel.tryWrite(1);
  }
  assert.is(thrown(() => channel.readAll(controller)).message, message);
  assert.match(
    (await rejection(channel.read("now" as never)) as Error).message,
    'got string "now"',
  );
});

const runs = 2_000;

test(`Channel breaks no invariant in ${runs} random runs`, () => playLives(runs, playChannelRun));

test("a waiter that has left the queue holds nobody who came after it", () => {
  const waiters = new Waiters<string>();
  for (let count = 0; count < 3; count++) void waiters.wait(undefined, undefined);
  const left = waiters.shift() as unknown as Readonly<Record<"previous" | "next", unknown>>;
  assert.equal([left.previous, left.next], [undefined, undefined]);
  waiters.resolve("over");
});

test.run();
