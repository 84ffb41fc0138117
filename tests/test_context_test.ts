import { test } from "uvu";
import * as assert from "uvu/assert";
import { BackgroundService, delay, hostedService, type ServiceContext } from "../mod.ts";
import { FakeClock, testContext } from "../src/testing/mod.ts";
import { rejection } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";

guard(test);

const { signal } = new AbortController();

test("testContext() records what a service calls, also detached", async () => {
  const context = testContext({ name: "mails" });
  const error = new Error("Refused");
  const service = hostedService("any", {
    async start(_signal, { name, logger, clock, fail, beat, ready, waitUntil }: ServiceContext) {
      logger.warn(name);
      beat();
      fail(error);
      await delay(10, { clock });
      beat();
      ready();
      waitUntil(Promise.resolve("work"));
    },
  });
  assert.equal([context.isReady, context.forced.aborted], [false, false]);
  const start = service.start(signal, context);
  await context.clock.advance(10);
  await start;
  assert.equal(context.lines, ["warn: mails"]);
  assert.equal(context.failures, [error]);
  assert.equal([context.isReady, context.beats], [true, [0, 10]]);
  assert.is(await context.work[0], "work");
  assert.is(context.host.state, "created", "nothing happens because of it");
});

test("testContext() drives a background service", async () => {
  class Worker extends BackgroundService {
    forced: AbortSignal | undefined;
    override async execute(signal: AbortSignal, { clock, forced }: ServiceContext): Promise<void> {
      this.forced = forced;
      await delay(60_000, { signal, clock });
    }
  }
  const worker = new Worker();
  const context = testContext();
  await worker.start(signal, context);
  await context.clock.advance(60_000);
  await worker.executeTask;
  await worker.stop(context.forced, context);
  assert.is(worker.forced, context.forced);
});

test("testContext().force() ends the grace", () => {
  const context = testContext();
  const reason = new Error("Now");
  context.force(reason);
  assert.is(context.forced.reason, reason);
  const other = testContext();
  other.force();
  assert.is((other.forced.reason as Error).name, "AbortError");
});

test("testContext().settled() waits for all that was handed over, and tells the first failure", async () => {
  const context = testContext();
  const { waitUntil, clock } = context;
  const log: string[] = [];
  waitUntil(
    delay(10, { clock }).then(() => waitUntil(delay(10, { clock }).then(() => log.push("late")))),
  );
  const settled = context.settled();
  await clock.advance(20);
  await settled;
  assert.equal(log, ["late"]);
  const error = new Error("Refused");
  waitUntil(Promise.reject(error));
  waitUntil(Promise.reject(new Error("Later")));
  assert.is(await rejection(context.settled()), error);
});

test("testContext() has a host of its own, whose life a test plays", async () => {
  const { host, lifetime, lines } = testContext();
  await host.start();
  assert.is(lifetime.started.aborted, true);
  await host.stop();
  assert.equal([lifetime.closing.aborted, lifetime.stopped.aborted], [true, true]);
  assert.is(host.lifetime, lifetime);
  assert.equal(lines, []);
});

test("testContext() takes a clock and a logger", () => {
  const clock = new FakeClock(7);
  const logger = new Lines();
  const context = testContext({ clock, logger });
  context.logger.info("Hello");
  context.beat();
  assert.equal([context.name, context.beats, logger.all], ["test", [7], ["info: Hello"]]);
  assert.is(context.clock, clock);
});

test.run();
