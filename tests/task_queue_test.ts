import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, type HostedService } from "../mod.ts";
import { ChannelClosedError, type Task, TaskQueue } from "../src/consumers/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { heapInUse } from "./_heap.ts";
import { Listeners } from "./_listeners.ts";
import { rig } from "./_rig.ts";

guard(test);

const none = { queued: 0, active: 0, done: 0, failed: 0, unfinished: 0 };

test("TaskQueue runs tasks in order, one at a time", async () => {
  const queue = new TaskQueue("q", { capacity: 10 });
  const { host } = rig([queue]);
  await host.start();
  const log: string[] = [];
  const gates = [new Gate(), new Gate()];
  for (const [index, gate] of gates.entries()) {
    await queue.enqueue(async () => {
      log.push(`begin ${index}`);
      await gate.promise;
      log.push(`end ${index}`);
    });
  }
  await quiet();
  assert.equal(log, ["begin 0"]);
  assert.equal(queue.details, { ...none, queued: 1, active: 1 });
  for (const gate of gates) gate.open();
  await queue.onIdle();
  assert.equal(log, ["begin 0", "end 0", "begin 1", "end 1"]);
  assert.equal(queue.details, { ...none, done: 2 });
  assert.equal(host.services[0]?.details, queue.details);
  await host.stop();
});

test("TaskQueue takes the settings and hooks of every service, which enclose its own", async () => {
  const log: string[] = [];
  const queue = new TaskQueue("q", {
    capacity: 5,
    holdsReady: true,
    heartbeat: 1_000,
    backgroundServiceExceptionBehavior: "ignore",
    health: () => false,
    starting: () => log.push("starting"),
    start: () => log.push("start"),
    started: () => log.push("started"),
    stopping: () => log.push("stopping"),
    stop: () => log.push("stop"),
    stopped: () => log.push("stopped"),
  });
  const service: HostedService = queue;
  assert.is(service.holdsReady, true);
  assert.is(service.heartbeat, 1_000);
  assert.is(service.backgroundServiceExceptionBehavior, "ignore");
  assert.is(service.health?.(new AbortController().signal), false);
  const { host } = rig([queue]);
  queue.tryEnqueue(async () => log.push("task 1"));
  await host.start();
  await queue.onIdle();
  await queue.enqueue(async () => (await quiet(), log.push("task 2")));
  await host.stop();
  assert.equal(log, [
    "starting",
    "start",
    "task 1",
    "started",
    "stopping",
    "task 2",
    "stop",
    "stopped",
  ]);
});

test("TaskQueue runs as many at once as it may", async () => {
  const queue = new TaskQueue("queue", { capacity: Infinity, concurrency: 3 });
  const { host } = rig([queue]);
  let running = 0;
  let most = 0;
  const task = async (): Promise<void> => {
    most = Math.max(most, ++running);
    await quiet();
    running--;
  };
  for (let count = 0; count < 20; count++) await queue.enqueue(task);
  await host.start();
  await queue.onIdle();
  assert.is(most, 3);
  assert.is(queue.details.done, 20);
  await host.stop();
});

test("TaskQueue takes no more out of the queue than it runs", async () => {
  const queue = new TaskQueue("queue", { capacity: 5, concurrency: 2 });
  const { host } = rig([queue]);
  const gate = new Gate();
  for (let count = 0; count < 5; count++) await queue.enqueue(() => gate.promise);
  await host.start();
  await quiet();
  assert.equal(queue.details, { ...none, queued: 3, active: 2 });
  gate.open();
  await host.stop();
});

test("TaskQueue keeps tasks that were queued before the start", async () => {
  const queue = new TaskQueue("queue", { capacity: 1 });
  const { host } = rig([queue]);
  await queue.onIdle(); // nothing to wait for
  let ran = false;
  await queue.enqueue(async () => (ran = true));
  const idle = new Fate(queue.onIdle());
  await quiet();
  assert.is(queue.count, 1);
  assert.is(idle.state, "pending");
  await host.start();
  await quiet();
  assert.is(ran, true);
  assert.is(idle.state, "fulfilled");
  await host.stop();
  assert.is(host.services[0]?.name, "queue");
});

test("TaskQueue holds back whoever queues into a full one", async () => {
  const queue = new TaskQueue("queue", { capacity: 1 });
  const { host } = rig([queue]);
  await host.start();
  const gate = new Gate();
  await queue.enqueue(() => gate.promise);
  await quiet();
  assert.is(queue.tryEnqueue(() => gate.promise), true);
  assert.is(queue.tryEnqueue(async () => {}), false);
  const controller = new AbortController();
  const gone = new Fate(queue.enqueue(hang, controller.signal));
  const waiting = new Fate(queue.enqueue(async () => {}));
  const idle = new Fate(queue.onIdle());
  controller.abort("changed my mind");
  await quiet();
  assert.is(gone.reason, "changed my mind");
  assert.is(waiting.state, "pending");
  gate.open();
  await quiet();
  assert.is(waiting.state, "fulfilled");
  assert.is(idle.state, "fulfilled");
  assert.is(queue.details.done, 3);
  await host.stop();
});

test("TaskQueue logs and counts a task that fails, and goes on", async () => {
  const queue = new TaskQueue("q", { capacity: 5 });
  const { host, lines } = rig([queue]);
  await host.start();
  await queue.enqueue(() => {
    throw new Error("Thrown");
  });
  await queue.enqueue(() => Promise.reject(new Error("Rejected")));
  await queue.enqueue(() => "no promise");
  await queue.onIdle();
  assert.equal(queue.details, { ...none, done: 1, failed: 2 });
  assert.equal(lines.heads, [
    'error: Service "q" failed to handle an item (attempt 1 of 1): Error: Thrown',
    'error: Service "q" failed to handle an item (attempt 1 of 1): Error: Rejected',
  ]);
  await host.stop();
});

test("TaskQueue gives tasks a signal of their own, and its context", async () => {
  const queue = new TaskQueue("q", { capacity: 5, concurrency: 2, timeout: 100 });
  const { host, clock } = rig([queue]);
  await host.start();
  const signals: AbortSignal[] = [];
  const task: Task = (signal, context) => {
    assert.is(context.name, "q");
    signals.push(signal);
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  };
  await queue.enqueue(task);
  await clock.advance(50);
  await queue.enqueue(task);
  await clock.advance(50);
  assert.equal(signals.map(({ aborted }) => aborted), [true, false]);
  await clock.advance(50);
  assert.is(queue.details.failed, 2);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("TaskQueue works off what is queued when it is stopped", async () => {
  const queue = new TaskQueue("queue", { capacity: 5 });
  const { host, clock, lines } = rig([queue]);
  await host.start();
  const done: number[] = [];
  for (const id of [1, 2, 3]) {
    await queue.enqueue(async () => {
      await new Promise<void>((go) => clock.setTimeout(go, 100));
      done.push(id);
    });
  }
  const stopped = new Fate(host.stop());
  await clock.advance(299);
  assert.is(stopped.state, "pending");
  await clock.advance(1);
  assert.is(stopped.state, "fulfilled");
  assert.equal(done, [1, 2, 3]);
  assert.equal(queue.unfinished, []);
  assert.equal(lines.all, []);
  assert.is(clock.pending, 0);
});

test("TaskQueue takes tasks until those after it have stopped", async () => {
  const queue = new TaskQueue("queue", { capacity: 1 });
  const drained = new Gate();
  const server = {
    name: "server",
    start() {},
    stopping: () => queue.enqueue(async () => {}),
    stop: () => drained.promise,
  };
  const { host } = rig([queue, server]);
  await host.start();
  const stopped = host.stop();
  await quiet();
  const gate = new Gate();
  await queue.enqueue(() => gate.promise);
  await quiet();
  assert.is(queue.tryEnqueue(async () => {}), true);
  const waiting = new Fate(queue.enqueue(async () => {}));
  drained.open();
  await quiet();
  assert.instance(waiting.reason, ChannelClosedError);
  assert.instance(await rejection(queue.enqueue(async () => {})), ChannelClosedError);
  assert.is(queue.tryEnqueue(async () => {}), false);
  gate.open();
  await stopped;
  assert.is(queue.details.done, 3);
});

test("TaskQueue returns and names what it could not finish", async () => {
  const queue = new TaskQueue("q", { capacity: 5, concurrency: 2, stopTimeout: 100 });
  const { host, clock, lines } = rig([queue]);
  await host.start();
  const obeys: Task = (signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const makesIt: Task = (signal) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const later: Task = async () => {};
  for (const task of [obeys, makesIt, later, later]) await queue.enqueue(task);
  await quiet();
  const idle = new Fate(queue.onIdle());
  const stopped = new Fate(host.stop());
  await clock.advance(99);
  assert.is(idle.state, "pending");
  assert.equal(queue.unfinished, []);
  await clock.advance(2);
  assert.is(stopped.state, "fulfilled");
  assert.is(idle.state, "fulfilled");
  assert.equal(queue.unfinished, [obeys, later, later]);
  assert.equal(queue.details, { ...none, done: 1, unfinished: 3 });
  assert.equal(lines.all.filter((line) => line.includes("left")), [
    'warn: Service "q" stopped with tasks left: 3, see its "unfinished"',
  ]);
  assert.is(clock.pending, 0);
});

test("TaskQueue stops in order with a logger that fails", async () => {
  const queue = new TaskQueue("queue", { capacity: 5, stopTimeout: 0 });
  const warn = (): never => {
    throw new Error("The disk is full");
  };
  const logger = { debug() {}, info() {}, warn, error() {} };
  const { host, clock } = rig([queue], { logger });
  await host.start();
  await queue.enqueue((signal) => aborted(signal).then(() => signal.throwIfAborted()));
  const stopped = new Fate(host.stop());
  await clock.advance(100);
  assert.is(stopped.state, "fulfilled");
  assert.is(queue.unfinished.length, 1);
});

test("TaskQueue counts a task that ignores its signal as unfinished, and is named for it", async () => {
  const queue = new TaskQueue("q", { capacity: 5 });
  const { host, clock, lines } = rig([queue], { shutdownTimeout: 100, abandonTimeout: 100 });
  await host.start();
  const gate = new Gate();
  const hangs: Task = () => gate.promise;
  const later: Task = async () => {};
  await queue.enqueue(hangs);
  await queue.enqueue(later);
  const stopped = new Fate(host.stop());
  await clock.advance(101);
  assert.equal(queue.unfinished, [hangs, later]);
  assert.is(lines.all.filter((line) => line.includes("tasks left: 2")).length, 1);
  await clock.advance(1_000);
  assert.is((stopped.reason as { service: string }).service, "q");
  gate.open();
  await quiet();
  assert.equal(queue.details, { ...none, unfinished: 2 });
  assert.is(clock.pending, 0);
});

test("TaskQueue counts a task that fails after the grace as unfinished alone", async () => {
  const queue = new TaskQueue("queue", { capacity: 5, stopTimeout: 0 });
  const { host, clock } = rig([queue]);
  await host.start();
  const gate = new Gate();
  await queue.enqueue(() => gate.promise);
  const stopped = host.stop();
  await clock.advance(1);
  gate.fail(new Error("Late"));
  await stopped;
  assert.equal(queue.details, { ...none, unfinished: 1 });
});

test("TaskQueue leaves all when its start is cancelled", async () => {
  const queue = new TaskQueue("queue", { capacity: 5, concurrency: 1 });
  const bad = { name: "bad", start: () => Promise.reject(new Error("no")), stop() {} };
  const { host, clock } = rig([queue, bad]);
  const task: Task = () => hang();
  await queue.enqueue(task);
  await queue.enqueue(task);
  const started = new Fate(host.start());
  await clock.advance(60_000);
  assert.is(started.state, "rejected");
  assert.equal(queue.unfinished.length, 2);
  await queue.onIdle();
});

test("TaskQueue may be driven without a host", async () => {
  const queue = new TaskQueue("queue", { capacity: 5 });
  const { host, clock } = rig([]);
  const forced = new AbortController();
  const context = { host, clock, forced: forced.signal, name: "q" } as never;
  let done = 0;
  await queue.start(undefined, context);
  for (let count = 0; count < 3; count++) await queue.enqueue(async () => done++);
  const listeners = new Listeners(forced.signal);
  await queue.stop(forced.signal);
  assert.is(done, 3);
  assert.is(listeners.now, 0);

  const cold = new TaskQueue("queue", { capacity: 5 });
  await cold.enqueue(hang);
  await cold.stop();
  assert.is(cold.unfinished.length, 1);
});

for (const timeout of [100, Infinity]) {
  const end = timeout === Infinity ? "end of the grace" : "timeout";

  test(`TaskQueue tells a task of the ${end}, however its function is written`, async () => {
    const queue = new TaskQueue("queue", {
      capacity: 20,
      concurrency: 20,
      timeout,
      stopTimeout: timeout === Infinity ? 100 : Infinity,
    });
    const { host, clock } = rig([queue]);
    await host.start();
    const told: string[] = [];
    const signals = new Set<AbortSignal>();
    const wait = (name: string, signal: AbortSignal): Promise<void> => {
      signals.add(signal);
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          told.push(name);
          resolve();
        });
      });
    };
    const wrap = (task: Task): Task => (...args) => task(...args);
    const none = new AbortController().signal;
    const tasks: Record<string, Task> = {
      plain: (signal) => wait("plain", signal),
      rest: (...args) => wait("rest", args[0]),
      default: (signal = none) => wait("default", signal),
      arguments: function () {
        return wait("arguments", arguments[0]);
      },
      wrapped: wrap((signal) => wait("wrapped", signal)),
      bound: (function (this: string, signal: AbortSignal) {
        return wait(this, signal);
      }).bind("bound"),
    };
    for (const task of Object.values(tasks)) await queue.enqueue(task);
    await quiet();
    assert.is(signals.size, 6, "They share a signal");
    const stopped = timeout === Infinity ? host.stop() : undefined;
    await clock.advance(99);
    assert.equal(told, []);
    await clock.advance(1);
    assert.equal(told, Object.keys(tasks));
    await (stopped ?? host.stop());
  });
}

test("TaskQueue gives no task a signal on which another has left something", async () => {
  const queue = new TaskQueue("queue", { capacity: 10, stopTimeout: 100 });
  const { host, clock } = rig([queue]);
  await host.start();
  const told: string[] = [];
  const signals: AbortSignal[] = [];
  await queue.enqueue((signal) => {
    signals.push(signal);
    signal.addEventListener("abort", () => told.push("listener"));
  });
  await queue.enqueue((signal) => {
    signals.push(signal);
    signal.onabort = () => told.push("onabort");
    assert.type(signal.onabort, "function");
  });
  await queue.enqueue((signal) => void signals.push(signal));
  await queue.enqueue((signal) => {
    signals.push(signal);
    return new Promise<void>((resolve) => (signal.onabort = () => resolve()));
  });
  await quiet();
  assert.is(new Set(signals).size, 3, "One that was left untouched is used again");
  assert.is(signals[2], signals[3]);
  const stopped = host.stop();
  await clock.advance(100);
  await stopped;
  assert.equal(told, []);
  assert.equal(signals.map(({ aborted }) => aborted), [false, false, true, true]);
});

test("TaskQueue with a timeout aborts no signal but that of the task that takes too long", async () => {
  const queue = new TaskQueue("queue", { capacity: 10, timeout: 100 });
  const { host, clock } = rig([queue]);
  await host.start();
  const signals: AbortSignal[] = [];
  const gate = new Gate();
  queue.tryEnqueue((signal) => void signals.push(signal));
  queue.tryEnqueue((signal) => (signals.push(signal), gate.promise));
  await clock.advance(100);
  assert.equal(signals.map(({ aborted }) => aborted), [false, true]);
  gate.open();
  await host.stop();
});

test("TaskQueue lets the event loop have its turn while somebody queues without end", async () => {
  const queue = new TaskQueue("queue", { capacity: Infinity });
  let fired = false;
  setTimeout(() => (fired = true), 0);
  let queued = 0;
  for (; !fired && queued < 1_000_000; queued++) await queue.enqueue(() => {});
  assert.ok(fired, `${queued} tasks were queued meanwhile`);
});

test("TaskQueue uses a signal again a thousand times at most", async () => {
  const queue = new TaskQueue("queue", { capacity: Infinity });
  const { host } = rig([queue]);
  await host.start();
  const signals = new Set<AbortSignal>();
  for (let count = 0; count < 1_001; count++) {
    await queue.enqueue((signal) => void signals.add(signal));
  }
  await queue.onIdle();
  assert.is(signals.size, 2);
  await host.stop();
});

/** More tasks than any machine runs before a timer of 0 ms fires, if that gets its turn. */
const most = 5_000_000;

test("TaskQueue lets the event loop have its turn while there are always tasks", async () => {
  const queue = new TaskQueue("queue", { capacity: Infinity });
  const { host } = rig([queue]);
  let fired = false;
  let count = 0;
  const again = (): void => {
    if (!fired && ++count < most) queue.tryEnqueue(again);
  };
  for (let task = 0; task < 100; task++) queue.tryEnqueue(again);
  await host.start();
  setTimeout(() => (fired = true), 0);
  await queue.onIdle();
  assert.ok(fired, `The timer had not fired after ${count} tasks`);
  await host.stop();
});

test("TaskQueue lets the event loop have its turn while tasks always come", async () => {
  const queue = new TaskQueue("queue", { capacity: Infinity });
  const { host } = rig([queue]);
  await host.start();
  let fired = false;
  let count = 0;
  setTimeout(() => (fired = true), 0);
  while (!fired && ++count < most) await queue.enqueue(() => {});
  assert.ok(fired, `The timer had not fired after ${count} tasks`);
  await queue.onIdle();
  await host.stop();
});

for (const capacity of [0, 1, 3]) {
  test(`TaskQueue with a capacity of ${capacity} takes what may run at once, and as many more`, async () => {
    const queue = new TaskQueue("queue", { capacity, concurrency: 4 });
    const { host } = rig([queue]);
    const gate = new Gate();
    const enqueue = (): boolean => queue.tryEnqueue(() => gate.promise);
    const took = (): number => [...Array(10)].filter(enqueue).length;
    assert.is(took(), capacity, "Nothing runs before the start");
    await host.start();
    assert.is(took(), 4, "In one go, while none of them has begun");
    await quiet();
    assert.is(took(), 0);
    assert.equal(queue.details, { ...none, queued: capacity, active: 4 });
    gate.open();
    await queue.onIdle();
    assert.is(took(), 4 + capacity);
    await host.stop();
    assert.is(queue.details.done, 8 + 2 * capacity);
  });
}

test("TaskQueue keeps the order when a place becomes free while tasks are on their way to another", async () => {
  for (let microtasks = 0; microtasks < 10; microtasks++) {
    const queue = new TaskQueue("q", { capacity: 10, concurrency: 2 });
    const { host } = rig([queue]);
    await host.start();
    const log: string[] = [];
    const gate = new Gate();
    queue.tryEnqueue(() => gate.promise);
    await quiet();
    queue.tryEnqueue(() => log.push("first"));
    queue.tryEnqueue(() => log.push("second"));
    for (let count = microtasks; count > 0; count--) await null;
    gate.open();
    await queue.onIdle();
    assert.equal(log, ["first", "second"], `the place became free after ${microtasks} microtasks`);
    await host.stop();
  }
});

test("TaskQueue lets in who waits for room, in order, as places become free", async () => {
  const queue = new TaskQueue("queue", { capacity: 0 });
  const { host } = rig([queue]);
  const gates = [new Gate(), new Gate(), new Gate()];
  const begun: number[] = [];
  const waits = gates.map(({ promise }, index) =>
    new Fate(queue.enqueue(() => (begun.push(index), promise)))
  );
  const states = async (): Promise<string[]> => {
    await quiet();
    return waits.map(({ state }) => state);
  };
  assert.equal(await states(), ["pending", "pending", "pending"]);
  await host.start();
  assert.equal(await states(), ["fulfilled", "pending", "pending"]);
  gates[0]!.open();
  assert.equal(await states(), ["fulfilled", "fulfilled", "pending"]);
  const stopped = host.stop();
  assert.equal(await states(), ["fulfilled", "fulfilled", "rejected"]);
  assert.instance(waits[2]!.reason, ChannelClosedError);
  gates[1]!.open();
  await stopped;
  assert.equal(begun, [0, 1]);
});

test("TaskQueue works again in a second host, and keeps what the first one left", async () => {
  const queue = new TaskQueue("queue", { capacity: 0, stopTimeout: 0 });
  const first = rig([queue]);
  await first.host.start();
  const left: Task = (signal) => aborted(signal).then(() => signal.throwIfAborted());
  await queue.enqueue(left);
  await quiet();
  const stopped = first.host.stop();
  await first.clock.advance(1);
  await stopped;
  assert.is(queue.tryEnqueue(async () => {}), false);

  const second = rig([queue]);
  await second.host.start();
  let ran = 0;
  assert.is(queue.tryEnqueue(() => ran++), true);
  await queue.enqueue(() => ran++);
  await queue.onIdle();
  assert.is(ran, 2);
  assert.equal(queue.unfinished, [left]);
  await second.host.stop();
  assert.is(queue.tryEnqueue(async () => {}), false);
  assert.equal(queue.details, { ...none, done: 2, unfinished: 1 });
});

test("TaskQueue does not start in a second host while the first one's tasks run", async () => {
  const queue = new TaskQueue("queue", { capacity: 5 });
  const first = rig([queue], { shutdownTimeout: 0, abandonTimeout: 0 });
  await first.host.start();
  const gate = new Gate();
  await queue.enqueue(() => gate.promise);
  const start = async (): Promise<unknown> => await rejection(rig([queue]).host.start());
  assert.is((await start() as { code: string }).code, "ERR_HOST_STATE");
  assert.is(queue.tryEnqueue(() => gate.promise), true, "The first host is not disturbed");
  const stopped = new Fate(first.host.stop());
  await first.clock.advance(10);
  assert.is(stopped.state, "rejected");
  assert.is((await start() as { code: string }).code, "ERR_HOST_STATE");
  assert.is(queue.tryEnqueue(async () => {}), false, "It is stopped as before");
  gate.open();
  await quiet();
  const last = rig([queue]);
  await last.host.start();
  await queue.enqueue(async () => {});
  await queue.onIdle();
  await last.host.stop();
});

test("TaskQueue without room for any hands tasks straight over", async () => {
  const queue = new TaskQueue("queue", { capacity: 0 });
  const { host } = rig([queue]);
  await host.start();
  let done = 0;
  const written = [1, 2, 3].map(() => queue.enqueue(async () => done++));
  await Promise.all(written);
  await queue.onIdle();
  assert.is(done, 3);
  await host.stop();
});

test("TaskQueue is idle when the last who waited for room has given that up", async () => {
  const queue = new TaskQueue("queue", { capacity: 0 });
  const controller = new AbortController();
  const waiting = new Fate(queue.enqueue(async () => {}, controller.signal));
  const idle = new Fate(queue.onIdle());
  await quiet();
  assert.is(idle.state, "pending");
  controller.abort("over");
  await quiet();
  assert.is(waiting.reason, "over");
  assert.is(idle.state, "fulfilled");
});

test("onIdle() of a TaskQueue leaves nothing of who has waited", async () => {
  const queue = new TaskQueue("queue", { capacity: 1 });
  const { host } = rig([queue]);
  await host.start();
  const before = heapInUse();
  for (let round = 0; round < 10; round++) {
    const gate = new Gate();
    await queue.enqueue(() => gate.promise);
    const waits = Array.from({ length: 10_000 }, () => queue.onIdle());
    gate.open();
    await Promise.all(waits);
  }
  const growth = heapInUse() - before;
  assert.ok(growth < 5_000_000, `the heap grew by ${growth} bytes`);
  await host.stop();
});

test("TaskQueue names what is wrong, and whose it is", async () => {
  const wrong = (options: object): string =>
    thrown(() => new TaskQueue("mails", { capacity: 1, ...options })).message;
  const mails = 'Cannot use service "mails"';
  for (
    const [options, message] of [
      [{ capacity: undefined }, `${mails}.capacity: expected number, got undefined`],
      [{ capacity: "5" }, `${mails}.capacity: expected number, got string "5"`],
      [{ capacity: -1 }, `${mails}.capacity: -1 is not 0 or more`],
      [{ capacity: 1.5 }, `${mails}.capacity: 1.5 is no whole number from 0`],
      [{ concurrency: 0 }, `${mails}.concurrency: 0 is no whole number from 1`],
      [{ concurrency: Infinity }, `${mails}.concurrency: Infinity is no whole number from 1`],
      [{ timeout: "5" }, `${mails}.timeout: expected number, got string "5"`],
      [{ stopTimeout: -1 }, `${mails}.stopTimeout: -1 is not 0 or more`],
    ] as const
  ) {
    assert.is(wrong(options), message);
  }
  for (const options of [undefined, null, "mails"]) {
    assert.match(
      thrown(() => new TaskQueue("mails", options as never)).message,
      /^Cannot use service "mails": expected object, got (undefined|null|string "mails")$/,
    );
  }
  const named = "Cannot use the name of a service: expected string, got object Object";
  assert.is(thrown(() => new TaskQueue({ capacity: 1 } as never, {} as never)).message, named);
  const queue = new TaskQueue("mails", { capacity: 1 });
  const task = 'Cannot use a task of service "mails": expected function, got string "task"';
  assert.is((await rejection(queue.enqueue("task" as never)) as Error).message, task);
  assert.is(thrown(() => queue.tryEnqueue("task" as never)).message, task);
  const controller = new AbortController() as never;
  assert.match(
    (await rejection(queue.enqueue(async () => {}, controller)) as Error).message,
    'Cannot use the signal of service "mails": expected an AbortSignal',
  );
  await queue.onIdle(); // nothing was taken
});

test("TaskQueue warns of an option whose name differs in case only", () => {
  const lines: unknown[] = [];
  const original = console.warn;
  console.warn = (line: unknown) => lines.push(line);
  try {
    const options = { capacity: 1, timeOut: 5 };
    new TaskQueue("letters", options);
  } finally {
    console.warn = original;
  }
  assert.equal(lines, [
    'Cannot use service "letters": there is no "timeOut", did you mean "timeout"',
  ]);
});

test.run();
