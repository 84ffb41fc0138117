/**
 * At least once, never lost: random consumers over a source that fails, lags and redelivers, stopped
 * at a random moment.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost, type Logger, type ServiceContext } from "../mod.ts";
import { consumer } from "../src/consumers/mod.ts";
import { FakeClock } from "../src/testing/mod.ts";
import { Fate } from "./_fate.ts";
import { type FuzzyDelivery, FuzzySource, type Message } from "./_fuzzy_source.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { playLives } from "./fuzz/lives.ts";
import { Random } from "./fuzz/random.ts";

guard(test);

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** One random life of a consumer; throws when a promise is broken. */
async function live(seed: number): Promise<string> {
  const random = new Random(seed);
  const clock = new FakeClock();
  const hostClock = clock.apart();
  const concurrency = 1 + random.below(4);
  const source = new FuzzySource(random, clock, concurrency);
  const attempts = 1 + random.below(4);
  const timeout = random.pick([Infinity, 60]);
  const stubborn = random.chance(0.3);
  const patient = random.chance(0.3); // stopped only when there is nothing left

  source.isDone = (delivery) => fulfilled.has(delivery) && !running.has(delivery);

  /** How many deliveries have reached a handler, those before them included. */
  let handled = 0;
  const running = new Set<FuzzyDelivery>();
  const fulfilled = new Set<FuzzyDelivery>();
  const buried = new Set<FuzzyDelivery>();
  let forced: Listeners | undefined;
  let context: ServiceContext | undefined;
  let closed = false;

  const handle = async (
    _message: Message,
    signal: AbortSignal,
    delivery: FuzzyDelivery,
  ): Promise<void> => {
    const ms = random.pick([0, 5, 50, 400, 3_000]);
    await new Promise<void>((resolve, reject) => {
      const timer = clock.setTimeout(resolve, ms);
      if (stubborn && random.chance(0.5)) return;
      const drop = (): void => {
        clock.clearTimeout(timer);
        reject(random.chance(0.8) ? signal.reason : new Error("It failed while it was dropped"));
      };
      if (signal.aborted) drop();
      else signal.addEventListener("abort", drop);
    });
    if (random.chance(source.calm ? 0.1 : 0.4)) {
      throw new Error(random.chance(0.1) ? "The handler failed for good" : "The handler failed");
    }
    fulfilled.add(delivery);
  };

  const worker = consumer<Message>("fuzzy", {
    source,
    concurrency,
    timeout,
    retry: {
      attempts,
      delay: 20,
      maxDelay: 500,
      retryable: (error) => !(error as Error).message.includes("for good"),
    },
    receiveRetry: random.pick([undefined, { delay: 50, maxDelay: 200 }]),
    input: random.chance(0.5) ? undefined : (message) => {
      if (!message.legible) throw new Error("It cannot be read");
      return message;
    },
    around: random.chance(0.5) ? undefined : async (next) => {
      if (random.chance(0.05)) throw new Error("Something around it failed");
      await next();
    },
    pollInterval: 30,
    random: () => random.next(),
    start: (_signal, given) => {
      context = given;
      given.forced.addEventListener("abort", () => {
        clock.setTimeout(() => {
          for (const { id, settled } of source.deliveries.slice(0, handled)) {
            if (!settled.length) source.complaints.push(`delivery ${id} is held after the grace`);
          }
        }, 1);
      });
      forced = new Listeners(given.forced);
    },
    stopping: () => {
      closed = true;
    },
    handle(message, signal, { delivery: given, attempt }) {
      const delivery = given as FuzzyDelivery;
      const counted = delivery.attempt ?? 1;
      handled = Math.max(handled, delivery.id + 1);
      if (attempt < counted) source.complaints.push("an attempt not counted");
      if (attempt > Math.max(attempts, counted)) source.complaints.push("an attempt too many");
      if (closed || context?.forced.aborted) source.complaints.push("an attempt after the stop");
      if (delivery.settled.length) source.complaints.push("handled after it was settled");
      if (delivery.toldLost) source.complaints.push("handled after it was lost");
      if (running.has(delivery)) source.complaints.push("two handlers for one delivery");
      running.add(delivery);
      if (running.size > concurrency) source.complaints.push("more handlers than allowed");
      if (random.chance(0.1)) {
        running.delete(delivery);
        throw new Error("The handler threw");
      }
      return handle(message, signal, delivery).finally(() => running.delete(delivery));
    },
    async onDeadLetter(message, error, { delivery, attempt }) {
      const final = /for good|cannot be read/.test((error as Error).message);
      if (attempt < attempts && !final) source.complaints.push("a dead letter too early");
      if (message !== delivery.value) source.complaints.push("a dead letter of another value");
      if (context?.forced.aborted) source.complaints.push("a dead letter after the grace");
      if ((delivery as FuzzyDelivery).toldLost) {
        source.complaints.push("a dead letter after the loss");
      }
      if (!source.calm && random.chance(0.2)) throw new Error("The morgue is closed");
      buried.add(delivery as FuzzyDelivery);
    },
  });

  const host = createHost([worker], {
    clock: hostClock,
    logger: silent,
    shutdownTimeout: random.pick([0, 30, 1_000, 10_000]),
    abandonTimeout: 10_000, // longer than any handler: nothing is abandoned
  });
  await host.start();
  await clock.advance(random.below(3_000));
  if (patient) {
    source.calm = true;
    const { messages } = source;
    const open = (): boolean => messages.some(({ fate }) => fate === "ready" || fate === "out");
    for (let turn = 0; turn < 1_000 && open(); turn++) await clock.advance(1_000);
    assert.is(open(), false, "a message is never done");
    const idle = new Fate(worker.onIdle({ quiet: 100 }));
    await clock.advance(10_000);
    assert.is(idle.state, "fulfilled", "never idle");
  }

  const begun = clock.now();
  const early = new Fate(worker.onIdle({ quiet: 1_000_000 }));
  let left = 0;
  const stopped = new Fate(host.stop().then(() => (left = running.size)));
  if (random.chance(0.2)) await clock.advance(random.below(100));
  if (random.chance(0.2)) host.abort();
  await clock.advance(60_000);
  if (stopped.state === "rejected") {
    // Only host.abort() abandons here; what it left has ended meanwhile.
    assert.is(
      (stopped.reason as { code?: string }).code,
      "ERR_FORCED_STOP",
      String(stopped.reason),
    );
  } else {
    assert.is(stopped.state, "fulfilled");
  }

  assert.equal(source.complaints, []);
  assert.is(left, 0, "handlers outlived the stop");
  assert.is(running.size, 0);
  assert.is(hostClock.pending, 0, "a timer is left");
  assert.is(forced?.now, 0, "a listener is left");
  assert.is(early.state, "fulfilled", "onIdle() outlived the stop");
  assert.ok(context);
  assert.equal(source.life, { starts: 1, stoppings: 1, stops: 1 });
  for (const { id, hold, settled } of source.deliveries) {
    const acks = hold === "lease" && settled.every((how) => how === "ack");
    const once = acks ? settled.length > 0 : settled.length === 1;
    assert.ok(once, `delivery ${id} was settled by [${settled}]`);
  }
  for (const delivery of source.deliveries) {
    const [how] = delivery.settled;
    if (how === "ack") assert.ok(fulfilled.has(delivery), "acked, but not done");
    if (how === "reject") assert.ok(buried.has(delivery), "rejected, but nobody took note");
  }
  for (const { id, fate } of source.messages) {
    assert.ok(["acked", "dead", "ready"].includes(fate), `message ${id} is lost: ${fate}`);
  }
  const { received, done, unacked, released, deadLettered, active, ...rest } = worker.details;
  assert.is(active, 0);
  assert.is(received, source.deliveries.length);
  assert.is(received, done + unacked + released + deadLettered);
  assert.ok(rest.failed >= rest.retried + deadLettered);
  assert.ok(done <= source.deliveries.filter(({ acked }) => acked).length, "done, but not acked");
  const finished = source.deliveries.filter(({ settled }) => settled[0] === "ack").length;
  assert.is(done + unacked, finished, "what was done has another end");
  return `${clock.now() - begun} ${JSON.stringify(worker.details)}`;
}

const runs = 1_000;

test(`consumer() loses nothing in ${runs} random lives`, () => playLives(runs, live));

test("consumer() lives the same life again with the same seed", async () => {
  assert.is(await live(7), await live(7));
});

test.run();
