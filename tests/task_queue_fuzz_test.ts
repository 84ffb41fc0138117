/**
 * Every task a queue has taken ends once, and begins in its turn: random queues and producers, stopped
 * at a random moment.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost, type Logger } from "../mod.ts";
import { type Task, TaskQueue } from "../src/consumers/mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { playLives } from "./fuzz/lives.ts";
import { Random } from "./fuzz/random.ts";

guard(test);

/** What has become of a task. */
interface Entry {
  readonly task: Task;
  taken: boolean;
  begun: number;
  ended: "done" | "failed" | undefined;
}

/** One random life of a queue; throws when a promise is broken. */
async function live(seed: number): Promise<string> {
  const random = new Random(seed);
  const clock = new FakeClock();
  const hostClock = clock.apart();
  const complaints: string[] = [];
  const records: Entry[] = [];
  const warnings: string[] = [];
  const concurrency = 1 + random.below(3);
  const capacity = random.pick([0, 1, 3, Infinity]);
  const queue = new TaskQueue("queue", {
    capacity,
    concurrency,
    timeout: random.pick([Infinity, 80]),
  });
  let running = 0;

  const pause = (ms: number): Promise<void> => new Promise((go) => clock.setTimeout(go, ms));

  function newTask(): Entry {
    const ms = random.pick([0, 5, 50, 300]);
    const [fails, stubborn] = [random.chance(0.2), random.chance(0.3)];
    const task: Task = async (signal) => {
      if (++record.begun > 1) complaints.push("a task ran twice");
      if (++running > concurrency) complaints.push("more tasks ran than allowed");
      const dropped = await new Promise<boolean>((resolve) => {
        clock.setTimeout(() => resolve(false), ms);
        if (!stubborn) signal.addEventListener("abort", () => resolve(true));
      });
      running--;
      record.ended = fails || dropped ? "failed" : "done";
      if (dropped) throw signal.reason;
      if (fails) throw new Error("The task failed");
    };
    const record: Entry = { task, taken: false, begun: 0, ended: undefined };
    records.push(record);
    return record;
  }

  async function produce(): Promise<void> {
    for (let count = random.below(8); count > 0; count--) {
      await pause(random.below(100));
      const record = newTask();
      if (random.chance(0.3)) {
        record.taken = queue.tryEnqueue(record.task);
        continue;
      }
      const controller = new AbortController();
      if (random.chance(0.3)) clock.setTimeout(() => controller.abort(), random.below(200));
      record.taken = await queue.enqueue(record.task, controller.signal).then(
        () => true,
        () => false,
      );
    }
  }

  const logger: Logger = { debug() {}, info() {}, warn: (it) => warnings.push(it), error() {} };
  const host = createHost([queue], {
    clock: hostClock,
    logger,
    shutdownTimeout: random.pick([0, 60, 1_000]),
    abandonTimeout: 10_000, // longer than any task: nothing is abandoned
  });
  const producers = Array.from({ length: 3 }, () => new Fate(produce()));
  await clock.advance(random.below(100));
  await host.start();
  await clock.advance(random.below(500));
  const idle = new Fate(queue.onIdle());
  const stopped = new Fate(host.stop());
  await clock.advance(20_000);

  assert.is(stopped.state, "fulfilled", String(stopped.reason));
  assert.is(idle.state, "fulfilled", "onIdle() outlived the stop");
  assert.equal(producers.map(({ state }) => state), producers.map(() => "fulfilled"));
  assert.equal(complaints, []);
  assert.is(hostClock.pending, 0, "a timer is left");

  const { queued, active, done, failed, unfinished } = queue.details;
  assert.equal([queued, active, running], [0, 0, 0]);
  const taken = records.filter((it) => it.taken);
  const left = new Set(queue.unfinished);
  assert.is(left.size, unfinished, "a task is left twice");
  assert.is(taken.length, done + failed + unfinished);
  for (const { task, taken, begun } of records) {
    if (!taken) assert.is(begun, 0, "a task ran that was not taken");
    else if (!left.has(task)) assert.is(begun, 1, "a task is neither run nor left");
  }
  // One that went on after the grace is left, however it ended.
  assert.ok(done <= taken.filter(({ ended }) => ended === "done").length);
  assert.ok(failed <= taken.filter(({ ended }) => ended === "failed").length);
  assert.is(warnings.some((it) => it.includes("tasks left")), unfinished > 0);
  return `${clock.now()} ${JSON.stringify(queue.details)}`;
}

const runs = 500;

test(`TaskQueue ends each task once in ${runs} random lives`, () => playLives(runs, live));

test("TaskQueue lives the same life again with the same seed", async () => {
  assert.is(await live(7), await live(7));
});

/** Lets as many microtasks pass. */
async function hops(count: number): Promise<void> {
  for (; count > 0; count--) await null;
}

/**
 * One random life of a queue whose tasks and producers take no more than some microtasks, so that
 * whatever may happen between two steps of the queue does. Throws when a task does not begin in its
 * turn.
 */
async function orderlyLife(seed: number): Promise<void> {
  const random = new Random(seed);
  const queue = new TaskQueue("queue", {
    capacity: random.pick([0, 1, 3, Infinity]),
    concurrency: random.pick([1, 1, 2, 3, 16]),
    timeout: random.pick([Infinity, 1_000]),
  });
  const host = createHost([queue], { logger: false, clock: new FakeClock() });
  const calls: { readonly task: Task; taken: boolean }[] = [];
  const begun: Task[] = [];

  async function produce(): Promise<void> {
    for (let count = random.below(8); count > 0; count--) {
      await hops(random.below(6));
      if (random.chance(0.1)) await quiet();
      const [length, fails, long] = [random.below(6), random.chance(0.2), random.chance(0.1)];
      const task: Task = async () => {
        begun.push(task);
        await hops(length);
        if (long) await quiet();
        if (fails) throw new Error("The task failed");
      };
      const call = { task, taken: false };
      calls.push(call);
      if (random.chance(0.4)) {
        call.taken = queue.tryEnqueue(task);
        continue;
      }
      const controller = new AbortController();
      const queued = queue.enqueue(task, controller.signal)
        .then(() => (call.taken = true), () => {});
      if (random.chance(0.2)) {
        await hops(random.below(4));
        controller.abort();
      }
      if (random.chance(0.5)) await queued;
    }
  }

  const producers = [produce(), produce(), produce()];
  await hops(random.below(5));
  await host.start();
  await hops(random.below(40));
  if (random.chance(0.7)) await Promise.all(producers);
  await host.stop();
  await Promise.all(producers);
  await quiet();
  const taken = calls.flatMap((call, index) => call.taken ? [index] : []);
  assert.equal(begun.map((task) => calls.findIndex((it) => it.task === task)), taken);
}

const orderlyLives = 2_000;

test(`TaskQueue begins tasks in the order they were queued in ${orderlyLives} random lives`, () =>
  playLives(orderlyLives, orderlyLife));

test.run();
