import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BackgroundService,
  backgroundService,
  delay,
  every,
  hostedService,
  type HostEvent,
  type Services,
} from "../mod.ts";
import { healthHandler } from "../src/health/mod.ts";
import { FakeClock, quiet, testHost, type TestHostOptions } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";

guard(test);

const hangs = (): Promise<never> => new Promise<never>(() => {});

/** What the end of a block with `await using` rejects with; nothing if it does not. */
async function endOf(
  services: Services,
  options: TestHostOptions = {},
  body: (host: ReturnType<typeof testHost>) => unknown = (host) => host.start(),
): Promise<Error | undefined> {
  try {
    await using host = testHost(services, options);
    await body(host);
  } catch (error) {
    return error as Error;
  }
  return undefined;
}

test("testHost() is a host whose time, log and events a test sees", async () => {
  let ticks = 0;
  const worker = backgroundService("worker", async (signal, { clock, logger }) => {
    logger.info("begins");
    for await (const _ of every(1_000, { signal, clock })) ticks++;
  });
  await using host = testHost([worker]);
  await host.start();
  await host.clock.advance(2_500);
  assert.is(ticks, 2);
  assert.equal(host.lines, ["info: begins"]);
  await host.stop();
  assert.is(host.clock.now(), 2_500, "a stop that waits for nothing takes no time");
  const types = host.events.map(({ type }) => type);
  assert.equal([types[0], types.at(-1)], ["hostStarting", "hostStopped"]);
});

test("testHost() is the host that its services and probes see", async () => {
  let seen: unknown;
  const service = hostedService("a", { start: (_signal, context) => void (seen = context.host) });
  await using host = testHost([service]);
  await host.start();
  assert.is(seen, host);
  const response = await healthHandler(host)(new Request("http://localhost/readyz"));
  assert.is(response.status, 200);
});

test("testHost() takes the options of a host, a clock and a logger besides its own", async () => {
  const clock = new FakeClock(100);
  const logger = new Lines();
  const events: HostEvent[] = [];
  const fails = hostedService("fails", { stop: () => Promise.reject(new Error("Refused")) });
  const host = testHost([fails], { clock, logger, onEvent: (event) => events.push(event) });
  assert.is(host.clock, clock);
  await host.start();
  assert.is((await rejection(host.stop())).message, "Refused");
  assert.equal(events, host.events);
  assert.equal(logger.all, host.lines);
  assert.is(host.lines.length, 1);
  const error = thrown(() => testHost([], { clock: { ...new FakeClock().apart() } as never }));
  assert.instance(error, TypeError);
  assert.match(error.message, "Cannot use clock: ");
});

for (const how of ["stop", "run", "waitForShutdown", "dispose"] as const) {
  test(`testHost() moves its clock while ${how} waits for a service that hangs`, async () => {
    const host = testHost([hostedService("hangs", { stop: hangs })]);
    if (how !== "run") await host.start();
    const call = how === "dispose" ? host[Symbol.asyncDispose]() : host[how]();
    if (how === "run" || how === "waitForShutdown") {
      await quiet();
      assert.is(host.clock.now(), 0, "nothing moves before the stop");
      host.lifetime.stopApplication();
    }
    assert.match((await rejection(call)).message, /hangs|did not end/);
    assert.is(host.clock.now(), 27_000);
    assert.is(host.state, "stopped");
  });
}

test("testHost() moves its clock while a start is rolled back", async () => {
  const host = testHost([
    hostedService("hangs", { stop: hangs }),
    hostedService("fails", { start: () => Promise.reject(new Error("Refused")) }),
  ], { shutdownTimeout: 500, abandonTimeout: 100 });
  assert.instance(await rejection(host.start()), AggregateError);
  assert.is(host.clock.now(), 600);
});

test("testHost() does not move its clock by itself if it is told so", async () => {
  const host = testHost([hostedService("hangs", { stop: hangs })], { advancesInStop: false });
  await host.start();
  const stop = new Fate(host.stop());
  await quiet();
  assert.equal([stop.state, host.clock.now()], ["pending", 0]);
  await host.clock.advance(27_000);
  assert.is(stop.state, "rejected");
});

test("testHost() does not move its clock before the stop", async () => {
  let ticks = 0;
  const worker = backgroundService("worker", async (signal, { clock }) => {
    for await (const _ of every(100, { signal, clock })) ticks++;
  });
  await using host = testHost([worker]);
  const run = host.run();
  for (let i = 0; i < 20; i++) {
    await quiet();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal([ticks, host.clock.now()], [0, 0]);
  host.lifetime.stopApplication();
  await run;
});

test("a test may move the clock while a testHost moves it, too", async () => {
  const host = testHost([hostedService("hangs", { stop: hangs })]);
  await host.start();
  const stop = rejection(host.stop());
  await host.clock.advance(10_000);
  assert.ok(host.clock.now() >= 10_000);
  assert.match((await stop).message, "hangs");
});

test("a stop that waits for something real has real time", async () => {
  const real = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
  await using host = testHost([hostedService("real", { stop: real })]);
  await host.start();
  await host.stop();
  assert.equal(host.events.filter(({ type }) => type === "serviceAbandoned"), []);
});

test("a stop that waits for something real and then for the clock has both", async () => {
  const log: string[] = [];
  const service = hostedService("both", {
    async stop(_signal, { clock }) {
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await delay(100, { clock });
      }
      log.push(`stopped at ${clock.now()}`);
    },
  });
  await using host = testHost([service]);
  await host.start();
  await host.stop();
  assert.equal(log, ["stopped at 300"]);
});

test("the end of a testHost says nothing if nothing is left", async () => {
  assert.is(await endOf([]), undefined);
  assert.is(await endOf([], {}, () => {}), undefined, "it was never started");
  assert.is(
    await endOf([hostedService("a", {})], {}, (host) => host.run(AbortSignal.abort())),
    undefined,
  );
});

test("the end of a testHost names a timer that is left, and where it was set", async () => {
  function forgetful(clock: FakeClock): void {
    clock.setTimeout(() => {}, 5_000);
  }
  const clock = new FakeClock();
  const error = await endOf([hostedService("leaks", { start: () => forgetful(clock) })], { clock });
  assert.match(
    error!.message,
    /^Expected that nothing is left of the host, but:\n- a timer of 5000 ms is still set, for 5000 ms/,
  );
  assert.match(error!.message, "test_host_test");
  assert.match(error!.message, "host.events");
});

test("the end of a testHost names a service that was abandoned", async () => {
  class Deaf extends BackgroundService {
    readonly name = "deaf";
    override execute(): Promise<void> {
      return hangs();
    }
  }
  const error = await endOf([new Deaf()]);
  assert.instance(error, AggregateError);
  const [stop, left] = (error as AggregateError).errors as Error[];
  assert.match(stop!.message, "deaf");
  assert.match(left!.message, '- execute of "deaf" was abandoned, and has not ended\n');
});

test("the end of a testHost repeats no failure that the test was told of", async () => {
  const services = [hostedService("fails", { stop: () => Promise.reject(new Error("Refused")) })];
  assert.is((await endOf(services))?.message, "Refused");
  const told = async (host: ReturnType<typeof testHost>): Promise<void> => {
    await host.start();
    assert.is((await rejection(host.stop())).message, "Refused");
  };
  assert.is(await endOf(services, {}, told), undefined);
});

test("the end of a testHost names what was handed over and goes on", async () => {
  const error = await endOf([], {}, async (host) => {
    await host.start();
    host.waitUntil(hangs());
  });
  const [, left] = (error as AggregateError).errors as Error[];
  assert.match(left!.message, '- waitUntil of "host" was abandoned');
});

test("the end of a testHost does not name what has ended late", async () => {
  let end = (): void => {};
  const late = hostedService("late", { stop: () => new Promise<void>((resolve) => end = resolve) });
  const told = async (host: ReturnType<typeof testHost>): Promise<void> => {
    await host.start();
    assert.match((await rejection(host.stop())).message, "late");
    end();
    await quiet();
  };
  assert.is(await endOf([late], {}, told), undefined);
});

test("the end of a testHost tells what a timer has thrown in the stop", async () => {
  const boom = new Error("boom");
  const stop = (
    _signal: AbortSignal,
    { clock }: { clock: { setTimeout(f: () => void, ms: number): unknown } },
  ) =>
    new Promise<void>((resolve) => {
      clock.setTimeout(() => {
        resolve();
        throw boom;
      }, 10);
    });
  const hung = hostedService("hangs", { stop: hangs });
  const error = await endOf([hung, hostedService("throws", { stop })]);
  assert.ok((error as AggregateError).errors.includes(boom));
  assert.match((error as AggregateError).errors[0].message, "hangs", "the clock went on");
});

test.run();
