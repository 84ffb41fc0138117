import { test } from "uvu";
import * as assert from "uvu/assert";
import { consumer, type Delivery } from "../src/consumers/mod.ts";
import { FakeClock, FakeSource, quiet, testContext, testHost } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";

guard(test);

const { signal } = new AbortController();
const boom = new Error("boom");

async function one<T>(source: FakeSource<T>): Promise<Delivery<T>> {
  const [delivery] = await source.receive(signal, { max: 1 });
  return delivery as Delivery<T>;
}

test("FakeSource delivers what it was given, in order, and no more than was asked for", async () => {
  const source = new FakeSource(["a", "b"]);
  source.push("c");
  source.send("d", { headers: { id: 7 }, attempt: 3 });
  assert.equal(source.waiting, ["a", "b", "c", "d"]);
  const deliveries = await source.receive(signal, { max: 3 });
  assert.equal(deliveries.map(({ value, attempt }) => [value, attempt]), [["a", 1], ["b", 1], [
    "c",
    1,
  ]]);
  assert.equal([source.waiting, source.held, source.asked], [["d"], ["a", "b", "c"], [3]]);
  const { attempt, headers, hold, extendEvery } = await one(source);
  assert.equal([attempt, headers, hold, extendEvery], [3, { id: 7 }, undefined, undefined]);
  assert.is(source.signal, signal);
});

test("FakeSource waits until there is something, and leaves no listener", async () => {
  const source = new FakeSource<string>();
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const answer = source.receive(controller.signal, { max: 1 });
  const fate = new Fate(answer);
  await quiet();
  assert.equal([fate.state, listeners.now], ["pending", 1]);
  assert.match(
    (await rejection(source.receive(signal, { max: 1 }))).message,
    "an earlier call is pending",
  );
  source.push("a");
  assert.is((await answer)[0]?.value, "a");
  assert.is(listeners.now, 0);
  const next = source.receive(controller.signal, { max: 1 });
  controller.abort();
  source.push("b");
  assert.equal(await next, []);
  assert.equal(source.waiting, ["b"]);
});

test("FakeSource records what was settled and how", async () => {
  const source = new FakeSource(["a", "b", "c"]);
  const [a, b, c] = await source.receive(signal, { max: 3 });
  await a!.ack();
  await b!.release({ delay: 100, error: boom });
  await c!.extend?.();
  await c!.reject(boom);
  assert.equal(source.log, ["ack a", "release b 100", "extend c", "reject c: boom"]);
  assert.equal(source.settled, [
    { value: "a", attempt: 1, how: "ack" },
    { value: "b", attempt: 1, how: "release", delay: 100, error: boom },
    { value: "c", attempt: 1, how: "reject", error: boom },
  ]);
  assert.equal([source.waiting, source.held], [["b"], []]);
  assert.is((await one(source)).attempt, 2);
});

test("FakeSource keeps back what is released with a delay, on the clock of its host", async () => {
  const source = new FakeSource(["a"], { delays: true });
  const { clock, ...context } = testContext();
  await source.start(signal, { ...context, clock });
  await (await one(source)).release({ delay: 100 });
  await clock.advance(99);
  assert.equal(source.waiting, []);
  await clock.advance(1);
  assert.equal(source.waiting, ["a"]);
});

test("FakeSource says what kind of engine it stands for", async () => {
  const retry = { delay: 10 };
  const source = new FakeSource(["a"], {
    counts: false,
    hold: "connection",
    extendEvery: 20,
    pollInterval: 0,
    receiveRetry: retry,
  });
  assert.equal([source.delays, source.pollInterval, source.receiveRetry], [false, 0, retry]);
  const { attempt, hold, extendEvery } = await one(source);
  assert.equal([attempt, hold, extendEvery], [undefined, "connection", 20]);
});

test("FakeSource: a hold that is not extended runs out", async () => {
  const clock = new FakeClock();
  const source = new FakeSource(["a"], { clock, hold: "lease", holdTimeout: 300 });
  const first = await one(source);
  assert.is(first.extendEvery, 100);
  await clock.advance(299);
  assert.is(await first.extend?.(), true);
  await clock.advance(299);
  assert.equal(source.held, ["a"]);
  await clock.advance(1);
  assert.equal([source.held, source.waiting, first.lost?.aborted], [[], ["a"], true]);
  assert.is(await first.extend?.(), false);
  const second = await one(source);
  await first.ack();
  await first.release({ delay: 0 });
  assert.equal([source.held, source.waiting], [["a"], []], "the first has no say any more");
  await second.ack();
  assert.equal([source.held, clock.pending], [[], 0]);
});

test("FakeSource.lose() gives a value to others, and says so", async () => {
  const source = new FakeSource(["a", "b", "c"]);
  const [a, b, c] = await source.receive(signal, { max: 3 });
  source.lose("b", boom);
  assert.equal([a!.lost?.aborted, b!.lost?.reason, source.waiting], [false, boom, ["b"]]);
  source.lose();
  assert.equal([a!.lost?.aborted, c!.lost?.aborted, source.held], [true, true, []]);
});

test("FakeSource.fail() lets the next calls fail, each once", async () => {
  const source = new FakeSource<string>();
  const pending = source.receive(signal, { max: 1 });
  await quiet();
  source.fail("receive", boom, 2);
  assert.is(await rejection(pending), boom);
  assert.is(await rejection(source.receive(signal, { max: 1 })), boom);
  source.push("a");
  const delivery = await one(source);
  for (const call of ["ack", "release", "reject", "extend"] as const) source.fail(call, boom);
  assert.is(await rejection(delivery.ack() as Promise<unknown>), boom);
  assert.is(await rejection(delivery.release({ delay: 0 }) as Promise<unknown>), boom);
  assert.is(await rejection(delivery.reject(boom) as Promise<unknown>), boom);
  assert.is(await rejection(delivery.extend?.() as Promise<unknown>), boom);
  assert.equal([source.log, source.held], [[], ["a"]]);
  await delivery.ack();
  for (const call of ["start", "stopping", "stop", "health"] as const) source.fail(call, boom);
  assert.is(await rejection(source.start(signal)), boom);
  assert.is(await rejection(source.stopping()), boom);
  assert.is(await rejection(source.stop()), boom);
  assert.is(await rejection(source.health()), boom);
  await source.health();
});

for (const hold of ["connection", "lease"] as const) {
  test(`FakeSource.breakDown() lets all fail until repair(), with a ${hold}`, async () => {
    const source = new FakeSource(["a"], { hold });
    const delivery = await one(source);
    source.breakDown(boom);
    assert.is(delivery.lost?.aborted, hold === "connection");
    assert.is(await rejection(source.receive(signal, { max: 1 })), boom);
    assert.is(await rejection(source.health()), boom);
    assert.is(await rejection(delivery.ack() as Promise<unknown>), boom);
    source.repair();
    await source.health();
    assert.equal([source.waiting, source.held], hold === "lease" ? [[], ["a"]] : [["a"], []]);
  });
}

test("FakeSource.another() is over the same values", async () => {
  const source = new FakeSource<string>();
  const other = source.another();
  const answer = other.receive(signal, { max: 1 });
  source.push("a");
  const [delivery] = await answer;
  await delivery!.ack();
  assert.equal([source.log, other.settled.length, other.asked], [["ack a"], 1, [1]]);
  assert.equal(source.asked, []);
});

test("FakeSource.alter changes what goes out", async () => {
  const source = new FakeSource(["a"]);
  source.alter = (delivery) => ({ ...delivery, attempt: 0.5 });
  assert.is((await one(source)).attempt, 0.5);
});

test("a consumer over a FakeSource: retries by the source, an outage, a loss", async () => {
  const source = new FakeSource(["fails", "lost"], { delays: true });
  const seen: string[] = [];
  const worker = consumer<string>("worker", {
    source,
    concurrency: 2,
    retry: { attempts: 2, delay: 1_000, jitter: 0 },
    receiveRetry: { delay: 100, jitter: 0 },
    async handle(value, signal, { attempt }) {
      seen.push(`${value} ${attempt}`);
      if (value === "fails" && attempt === 1) throw boom;
      if (value === "lost" && attempt === 1) {
        await new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason))
        );
      }
    },
  });
  await using host = testHost([worker]);
  await host.start();
  await host.clock.advance(0);
  source.lose("lost");
  await host.clock.advance(1_000);
  assert.equal(seen, ["fails 1", "lost 1", "lost 2", "fails 2"]);
  source.fail("receive", boom);
  await host.clock.advance(0);
  source.push("next");
  await host.clock.advance(100);
  assert.is(seen.at(-1), "next 1");
  assert.equal(source.log, [
    "release fails 1000",
    "release lost 0",
    "ack lost",
    "ack fails",
    "ack next",
  ]);
});

test.run();
