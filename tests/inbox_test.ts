import { test } from "uvu";
import * as assert from "uvu/assert";
import { consumer, type Delivery, Inbox } from "../src/consumers/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { rig } from "./_rig.ts";

guard(test);

const log: string[] = [];
test.before.each(() => {
  log.length = 0;
});

function delivery(value: string, more: Partial<Delivery<string>> = {}): Delivery<string> {
  return {
    value,
    ack: () => log.push(`ack ${value}`),
    release: (options) => log.push(`release ${value} ${JSON.stringify(options)}`),
    reject: () => log.push(`reject ${value}`),
    ...more,
  };
}

const { signal } = new AbortController();
const values = (deliveries: readonly Delivery<string>[]): string[] =>
  deliveries.map(({ value }) => value);

test("Inbox answers with what was pushed, in order, and no more than was asked for", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  for (const value of ["a", "b", "c"]) assert.is(inbox.push(delivery(value)), true);
  assert.is(inbox.count, 3);
  assert.equal(values(await inbox.receive(signal, { max: 2 })), ["a", "b"]);
  assert.equal(values(await inbox.receive(signal, { max: 2 })), ["c"]);
  assert.equal([inbox.count, log], [0, []]);
});

test("Inbox waits until something is pushed, and leaves no listener", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  const answer = inbox.receive(signal, { max: 2 });
  const fate = new Fate(answer);
  await quiet();
  assert.equal([fate.state, listeners.now], ["pending", 1]);
  inbox.push(delivery("a"));
  assert.equal(values(await answer), ["a"]);
  assert.is(listeners.now, 0);
});

test("Inbox gives back what it has no room for", async () => {
  const inbox = new Inbox<string>({ capacity: 1 });
  assert.is(inbox.push(delivery("a")), true);
  assert.is(inbox.push(delivery("b")), false);
  const fails = (): never => {
    throw new Error("Closed");
  };
  assert.is(inbox.push(delivery("c", { release: fails })), false); // and nothing is left unhandled
  await quiet();
  assert.equal(log, ['release b {"delay":0}']);
  assert.equal(values(await inbox.receive(signal, { max: 9 })), ["a"]);
});

test("Inbox fails once, after what it has", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  inbox.push(delivery("a"));
  const error = new Error("Closed");
  inbox.fail(error);
  inbox.fail(new Error("Closed even more"));
  assert.equal(values(await inbox.receive(signal, { max: 9 })), ["a"]);
  assert.is(await rejection(inbox.receive(signal, { max: 9 })), error);
  const next = inbox.receive(signal, { max: 9 });
  inbox.push(delivery("b"));
  assert.equal(values(await next), ["b"]);
  const pending = new Fate(inbox.receive(signal, { max: 9 }));
  inbox.fail(undefined);
  await quiet();
  assert.equal([pending.state, pending.reason], ["rejected", undefined]);
});

test("Inbox drops what was lost while it waited", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  const lost = new AbortController();
  inbox.push(delivery("a", { lost: lost.signal }));
  inbox.push(delivery("b"));
  inbox.push(delivery("c", { lost: lost.signal }));
  lost.abort();
  assert.equal(values(await inbox.receive(signal, { max: 1 })), ["b"]);
  inbox.push(delivery("d", { lost: lost.signal }));
  await inbox.stopping();
  assert.equal(log, []);
});

test("Inbox ends its wait with the signal", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const pending = new Fate(inbox.receive(controller.signal, { max: 1 }));
  await quiet();
  const reason = new Error("Enough");
  controller.abort(reason);
  await quiet();
  assert.is(pending.reason, reason);
  assert.is(listeners.now, 0);
  inbox.push(delivery("a"));
  assert.is(await rejection(inbox.receive(controller.signal, { max: 1 })), reason);
  assert.is(inbox.count, 1); // for `stopping`
});

test("Inbox gives back what waits when it is told to stop, and all that comes later", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  const gate = new Gate();
  inbox.push(delivery("a", { release: () => gate.promise.then(() => log.push("release a")) }));
  inbox.push(delivery("b"));
  const stopped = new Fate(inbox.stopping());
  assert.is(inbox.push(delivery("c")), false);
  inbox.fail(new Error("Closed"));
  await quiet();
  assert.is(stopped.state, "pending");
  gate.open();
  await quiet();
  assert.is(stopped.state, "fulfilled");
  assert.equal(log, ['release b {"delay":0}', 'release c {"delay":0}', "release a"]);
  assert.equal(await inbox.receive(signal, { max: 1 }), []);
});

test("Inbox ends a pending receive when it is told to stop", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  const answer = inbox.receive(signal, { max: 1 });
  await inbox.stopping();
  assert.equal(await answer, []);
});

test("Inbox says what it could not give back", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  const error = new Error("Closed");
  inbox.push(delivery("a", { release: () => Promise.reject(error) }));
  inbox.push(delivery("b"));
  const failure = await rejection<AggregateError>(inbox.stopping());
  assert.equal(failure.errors, [error]);
  assert.equal(log, ['release b {"delay":0}']);
});

test("Inbox hands on what is no delivery, and loses none of its neighbours", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  const closed = Object.defineProperty(delivery("closed"), "lost", {
    get() {
      throw new Error("Closed");
    },
  });
  const worker = consumer<string>("w", {
    source: { receive: (signal, options) => inbox.receive(signal, options) },
    concurrency: 5,
    handle() {},
  });
  const { host, lines } = rig([worker]);
  await host.start();
  for (const pushed of [delivery("a"), null, undefined, closed, delivery("b")]) {
    assert.is(inbox.push(pushed as never), true);
  }
  await quiet();
  assert.equal(log.filter((line) => line.startsWith("ack")), ["ack a", "ack b"]);
  assert.is(worker.details.receiveErrors, 3);
  assert.is(lines.heads.filter((line) => line.includes("cannot be used")).length, 3);
  await host.stop();
});

test("Inbox gives back all it holds, whatever else was pushed", async () => {
  const inbox = new Inbox<string>({ capacity: 5 });
  for (const pushed of [delivery("a"), null, delivery("b")]) inbox.push(pushed as never);
  const failure = await rejection<AggregateError>(inbox.stopping());
  assert.is(failure.errors.length, 1);
  assert.equal(log, ['release a {"delay":0}', 'release b {"delay":0}']);
});

test("Inbox names what is wrong", () => {
  const wrong = (options?: unknown): string =>
    thrown(() => new Inbox(options as never)).message.replace("Cannot use ", "");
  assert.is(wrong(), "Inbox options: expected object, got undefined");
  assert.is(wrong({}), "Inbox options.capacity: expected number, got undefined");
  for (const capacity of [0, 1.5, Infinity]) {
    assert.is(wrong({ capacity }), `Inbox options.capacity: ${capacity} is no whole number from 1`);
  }
});

test("consumer() loses nothing of what was pushed when it stops", async () => {
  const inbox = new Inbox<string>({ capacity: 3 });
  const gate = new Gate();
  const worker = consumer<string>("w", {
    source: {
      receive: (signal, options) => inbox.receive(signal, options),
      stopping: () => inbox.stopping(),
    },
    handle: () => gate.promise,
  });
  const { host } = rig([worker]);
  await host.start();
  for (const value of ["a", "b", "c"]) inbox.push(delivery(value));
  await quiet();
  const stopped = host.stop();
  await quiet();
  inbox.push(delivery("d"));
  await quiet();
  assert.equal(log, ["b", "c", "d"].map((value) => `release ${value} {"delay":0}`));
  gate.open();
  await stopped;
  assert.is(log.at(-1), "ack a");
});

test.run();
