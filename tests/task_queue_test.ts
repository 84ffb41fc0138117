import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted } from "../mod.ts";
import { ChannelClosedError, type Task, TaskQueue } from "../src/consumers/mod.ts";
import { quiet } from "./_fake_clock.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { rig } from "./_rig.ts";

guard(test);

const none = { queued: 0, active: 0, done: 0, failed: 0, unfinished: 0 };

test("TaskQueue runs tasks in order, one at a time", async () => {
  const queue = new TaskQueue({ name: "q", capacity: 10 });
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

test("TaskQueue runs as many at once as it may", async () => {
  const queue = new TaskQueue({ capacity: Infinity, concurrency: 3 });
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
  const queue = new TaskQueue({ capacity: 5, concurrency: 2 });
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
  const queue = new TaskQueue({ capacity: 1 });
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
  assert.is(host.services[0]?.name, "TaskQueue");
});

test("TaskQueue holds back whoever queues into a full one", async () => {
  const queue = new TaskQueue({ capacity: 1 });
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
  const queue = new TaskQueue({ name: "q", capacity: 5 });
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
  const queue = new TaskQueue({ name: "q", capacity: 5, concurrency: 2, timeout: 100 });
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
  // One that declares no signal gets one that is as good as any, in case it looks.
  await queue.enqueue((...[signal]: unknown[]) => {
    assert.instance(signal, AbortSignal);
  });
  await queue.onIdle();
  assert.is(queue.details.done, 1);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("TaskQueue works off what is queued when it is stopped", async () => {
  const queue = new TaskQueue({ capacity: 5 });
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
  const queue = new TaskQueue({ capacity: 1 });
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
  const queue = new TaskQueue({ name: "q", capacity: 5, concurrency: 2, stopTimeout: 100 });
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
  const queue = new TaskQueue({ capacity: 5, stopTimeout: 0 });
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
  const queue = new TaskQueue({ name: "q", capacity: 5 });
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
  const queue = new TaskQueue({ capacity: 5, stopTimeout: 0 });
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
  const queue = new TaskQueue({ capacity: 5, concurrency: 1 });
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
  const queue = new TaskQueue({ capacity: 5 });
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

  const cold = new TaskQueue({ capacity: 5 });
  await cold.enqueue(hang);
  await cold.stop();
  assert.is(cold.unfinished.length, 1);
});

test("TaskQueue without room for any hands tasks straight over", async () => {
  const queue = new TaskQueue({ capacity: 0 });
  const { host } = rig([queue]);
  await host.start();
  let done = 0;
  const written = [1, 2, 3].map(() => queue.enqueue(async () => done++));
  await Promise.all(written);
  await queue.onIdle();
  assert.is(done, 3);
  await host.stop();
});

test("TaskQueue names what is wrong", async () => {
  const wrong = (options: object): string =>
    thrown(() => new TaskQueue({ capacity: 1, ...options })).message;
  assert.match(wrong({ capacity: undefined }), "options.capacity");
  assert.match(wrong({ capacity: -1 }), "capacity: -1");
  assert.match(wrong({ capacity: 1.5 }), "capacity: 1.5");
  assert.match(wrong({ concurrency: 0 }), "concurrency: 0");
  assert.match(wrong({ name: 5 }), "name");
  assert.match(wrong({ timeout: "5" }), "timeout");
  assert.match(thrown(() => new TaskQueue(undefined as never)).message, "options");
  const queue = new TaskQueue({ capacity: 1 });
  assert.instance(await rejection(queue.enqueue("task" as never)), TypeError);
  assert.instance(thrown(() => queue.tryEnqueue(undefined as never)), TypeError);
  await queue.onIdle();
});

test.run();
