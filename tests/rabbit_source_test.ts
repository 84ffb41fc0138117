/** What a `rabbitSource` does with connections that fail; with a real server it is run in engines/. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type RabbitChannel, type RabbitConnection, rabbitSource } from "../src/rabbitmq/mod.ts";
import { FakeClock, quiet, testContext } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";

guard(test);

/** A connection on which no channel can be opened, and how often it was closed. */
function connection(
  createChannel: () => Promise<RabbitChannel>,
): RabbitConnection & { closed: number } {
  const made = {
    closed: 0,
    on: () => {},
    createChannel,
    createConfirmChannel: createChannel as never,
    async close() {
      made.closed++;
    },
  };
  return made;
}

test("rabbitSource() closes a connection on which it gets no channel", async () => {
  const made = connection(() => Promise.reject(new Error("No more channels")));
  const source = rabbitSource({ connect: async () => made, queue: "orders" });
  const { signal } = new AbortController();
  const started = Promise.resolve(source.start!(signal, testContext()));
  assert.match((await rejection(started)).message, "No more channels");
  await quiet();
  assert.is(made.closed, 1);
});

test("rabbitSource() gives up a connection that comes too late, and closes it when it comes", async () => {
  const clock = new FakeClock();
  const late = new Gate();
  const made = connection(() => Promise.reject(new Error("No more channels")));
  const source = rabbitSource({
    async connect() {
      await late.promise;
      return made;
    },
    queue: "orders",
  });
  const { signal } = new AbortController();
  const start = new Fate(Promise.resolve(source.start!(signal, { ...testContext(), clock })));
  await clock.advance(10_000);
  assert.match(
    (start.reason as Error).message,
    /Waited 10000 ms .*: is it running, and is the address right\?$/,
  );
  late.open();
  await quiet();
  assert.is(made.closed, 1);
});

test("rabbitSource() closes a connection that nobody waits for any more", async () => {
  const late = new Gate();
  const made = connection(() => Promise.reject(new Error("No more channels")));
  const source = rabbitSource({
    async connect() {
      await late.promise;
      return made;
    },
    queue: "orders",
  });
  const controller = new AbortController();
  const start = new Fate(Promise.resolve(source.start!(controller.signal, testContext())));
  controller.abort(new Error("The start was cancelled"));
  await quiet();
  assert.is(start.reason, controller.signal.reason);
  late.open();
  await quiet();
  assert.is(made.closed, 1);
});

test.run();
