import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, createHost, type ServiceContext } from "../mod.ts";
import { consumer, type ConsumerDefinition, type Source } from "../src/consumers/mod.ts";
import { health, type HealthCheck } from "../src/health/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { ListSource } from "./_list_source.ts";
import { type Rig, rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

/** A source that fails as long as it is away. */
class Broker implements Source<string> {
  away = false;
  /** Whether it has something to say at all. */
  silent = false;
  readonly at: number[] = [];
  now: () => number = () => 0;
  health?: (signal: AbortSignal) => unknown;

  async receive(signal: AbortSignal): Promise<never[]> {
    this.at.push(this.now());
    if (this.away) throw new Error("Connection refused");
    if (!this.silent) return [];
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return [];
  }
}

async function over(
  source: Source<string>,
  definition: Partial<ConsumerDefinition<string>> = {},
): Promise<Rig> {
  const it = rig([consumer<string>("w", { random: () => 0, handle() {}, ...definition, source })]);
  if (source instanceof Broker) source.now = () => it.clock.now();
  await it.host.start();
  await quiet();
  return it;
}

async function healthOf(it: Rig): Promise<HealthCheck> {
  const { checks } = await health(it.host);
  return checks.find(({ name }) => name === "w")!;
}

test("consumer() calls no method of a source but those it is told of", async () => {
  let taken = 0;
  const source = Object.assign(new ListSource(["a", "b", "c"]), { take: () => void taken++ });
  const handled: string[] = [];
  const it = await over(source, { handle: (value) => handled.push(value) });
  await it.clock.advance(10_000);
  assert.equal([handled, taken], [["a", "b", "c"], 0]);
  await it.host.stop();
});

test("consumer() hands its source a signal, also when it is driven by hand without one", async () => {
  const aborted: boolean[] = [];
  const note = (signal: AbortSignal): unknown => aborted.push(signal.aborted);
  const source = Object.assign(new ListSource([]), { start: note, stop: note });
  const worker = consumer("w", { source, handle() {} });
  const { clock } = rig([]);
  const forced = new AbortController().signal;
  await worker.start(undefined, { name: "w", clock, forced } as never);
  await worker.stop();
  assert.equal(aborted, [false, false]);
});

// When it is asked.

test("consumer() asks again when the source says, unless it knows better", async () => {
  for (
    const [ofSource, own, at] of [
      [undefined, undefined, [0, 1_000, 2_000]],
      [500, undefined, [0, 500, 1_000, 1_500, 2_000]],
      [500, 900, [0, 900, 1_800]],
    ] as const
  ) {
    const source = Object.assign(new Broker(), { pollInterval: ofSource });
    const { clock, host } = await over(source, { pollInterval: own });
    await clock.advance(2_000);
    assert.equal(source.at, at);
    await host.stop();
  }
});

test("consumer() has no interval between the questions to a source that has waited itself", async () => {
  const at: number[] = [];
  const waits = [5_000, 400, 1_000, 0];
  const receive = async (): Promise<never[]> => {
    at.push(clock.now());
    const ms = waits.shift();
    if (ms) await new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
    return [];
  };
  const { clock, host } = rig([consumer<string>("w", { source: { receive }, handle() {} })]);
  await host.start();
  await clock.advance(8_000);
  assert.equal(at, [0, 5_000, 6_000, 7_000, 8_000]);
  await host.stop();
});

test("consumer() asks a source that fails when that says, unless it knows better", async () => {
  const seconds = (...them: number[]): number[] => them.map((it) => it * 1_000);
  for (
    const [ofSource, own, at] of [
      [undefined, undefined, seconds(0, 1, 3, 7, 11, 15)],
      [{ delay: 2_000 }, undefined, seconds(0, 2, 6, 10, 14)],
      [{ delay: 8_000 }, undefined, seconds(0, 8)],
      [{ delay: 8_000 }, { delay: 4_000, maxDelay: 5_000 }, seconds(0, 4, 9, 14)],
      [undefined, { maxDelay: 500 }, [...Array(31).keys()].map((it) => it * 500)],
    ] as const
  ) {
    const source = Object.assign(new Broker(), { away: true, receiveRetry: ofSource });
    const { clock, host } = await over(source, { receiveRetry: own });
    await clock.advance(15_000);
    assert.equal(source.at, at);
    await host.stop();
  }
});

test("consumer() is back within four seconds when its source is", async () => {
  const source = Object.assign(new Broker(), { away: true });
  const { clock, host } = await over(source);
  await clock.advance(3_600_000);
  source.away = false;
  const { length } = source.at;
  await clock.advance(4_000);
  assert.ok(source.at.length > length);
  await host.stop();
});

// How it is.

test("consumer() is degraded from ten seconds of failures on, until its source answers", async () => {
  const source = new Broker();
  const it = await over(source);
  assert.is((await healthOf(it)).status, "ok");
  source.away = true;
  await it.clock.advance(1_000); // the first failure
  await it.clock.advance(10_000);
  assert.is((await healthOf(it)).status, "ok");
  await it.clock.advance(1_001);
  const { status, error } = await healthOf(it);
  assert.equal([status, String(error)], ["degraded", "Error: Connection refused"]);
  assert.is((await health(it.host)).ready, true);
  source.away = false;
  await it.clock.advance(5_000);
  assert.is((await healthOf(it)).status, "ok");
  await it.host.stop();
});

test("consumer() stays degraded while nobody knows whether its source is back", async () => {
  const source = Object.assign(new Broker(), { away: true });
  const it = await over(source);
  await it.clock.advance(12_000);
  Object.assign(source, { away: false, silent: true });
  await it.clock.advance(60_000);
  assert.is((await healthOf(it)).status, "degraded");
  await it.host.stop();
});

test("consumer() is well while it waits for the answer after a single failure", async () => {
  const source = Object.assign(new Broker(), { away: true });
  const it = await over(source);
  Object.assign(source, { away: false, silent: true });
  await it.clock.advance(60_000);
  assert.is((await healthOf(it)).status, "ok");
  await it.host.stop();
});

test("consumer() asks its source how it is", async () => {
  const source = new Broker();
  const error = new Error("No leader");
  const answers: [() => unknown, string, string][] = [
    [() => {}, "ok", "undefined"],
    [() => false, "degraded", "Error: The source answered false"],
    [() => Promise.reject(error), "degraded", "Error: No leader"],
    [() => "degraded", "degraded", "Error: It answered degraded"],
    [() => ({ status: "degraded", error }), "degraded", "Error: No leader"],
  ];
  const signals: AbortSignal[] = [];
  const it = await over(source);
  for (const [answer, wanted, reason] of answers) {
    source.health = function (this: unknown, signal) {
      assert.is(this, source);
      signals.push(signal);
      return answer();
    };
    await it.clock.advance(1_000);
    const { status, error } = await healthOf(it);
    assert.equal([status, String(error)], [wanted, reason]);
  }
  assert.is(signals.length, answers.length);
  await it.host.stop();
});

test("consumer() counts an outage if it is told to", async () => {
  const source = new Broker();
  source.health = () => Promise.reject(new Error("No leader"));
  const it = await over(source, { outage: "unhealthy" });
  const { status, error } = await healthOf(it);
  assert.equal([status, String(error)], ["failed", "Error: No leader"]);
  assert.is((await health(it.host)).ready, false);
  delete (source as { health?: unknown }).health;
  source.away = true;
  await it.clock.advance(1_000);
  assert.is((await healthOf(it)).status, "ok");
  await it.clock.advance(11_000);
  assert.is((await healthOf(it)).status, "failed");
  await it.host.stop();
});

test("consumer() has the health of its definition as well", async () => {
  const source = new Broker();
  const definition = {
    says: (): unknown => undefined,
    health() {
      return this.says();
    },
  };
  const worker = consumer<string>("w", Object.assign(definition, { source, handle() {} }));
  const it = rig([worker]);
  await it.host.start();
  await quiet();
  const statuses: string[] = [];
  const look = async (): Promise<void> => {
    await it.clock.advance(1_000);
    statuses.push((await healthOf(it)).status);
  };
  await look();
  definition.says = () => false;
  await look();
  definition.says = () => Promise.reject(new Error("No disk"));
  await look();
  definition.says = () => "degraded";
  await look();
  source.health = () => false;
  definition.says = () => false;
  await look(); // the worse of both
  definition.says = () => true;
  await look();
  assert.equal(statuses, ["ok", "failed", "failed", "degraded", "failed", "degraded"]);
  await it.host.stop();
});

// How it ends.

/** A source that tells when it is told. */
function told(trace: Trace, more: Partial<Source<string>> = {}): ListSource<string> {
  const list = new ListSource(["a"]);
  return Object.assign(list, {
    start: () => trace.note("start"),
    stop: () => trace.note(`stop, ${list.log}`),
    stopping: (signal: AbortSignal, { name }: ServiceContext) =>
      trace.note(`stopping ${name}, closed ${list.signal?.aborted}, forced ${signal.aborted}`),
    ...more,
  });
}

test("consumer() tells its source when it takes no more, once, while it finishes", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const source = told(trace);
  const it = await over(source, { handle: () => gate.promise, concurrency: 2 });
  const stopped = new Fate(it.host.stop());
  await quiet();
  assert.equal(trace.take(), ["start", "stopping w, closed true, forced false"]);
  gate.open();
  await quiet();
  assert.is(stopped.state, "fulfilled");
  assert.equal(trace.take(), ["stop, ack a"]);
});

test("consumer() lets its source answer a pending receive by being told", async () => {
  let end = (_: never[]): void => {};
  const it = await over({
    receive: () => new Promise<never[]>((resolve) => (end = resolve)), // it ignores its signal
    stopping: () => end([]),
  });
  await it.host.stop();
  assert.equal(it.lines.all, []);
});

test("consumer() waits for what its source gives back before it stops that", async () => {
  const trace = new Trace();
  const gate = new Gate();
  const source = told(trace, { stopping: () => gate.promise.then(() => trace.note("given back")) });
  const it = await over(source);
  const stopped = new Fate(it.host.stop());
  await quiet();
  assert.equal([trace.take(), stopped.state], [["start"], "pending"]);
  gate.open();
  await quiet();
  assert.equal([trace.take(), stopped.state], [["given back", "stop, ack a"], "fulfilled"]);
});

test("consumer() waits no longer than the grace for what its source gives back", async () => {
  const trace = new Trace();
  let signal: AbortSignal | undefined;
  const source = told(trace, {
    stopping(given) {
      signal = given;
      return hang();
    },
  });
  const it = await over(source, { stopTimeout: 50 });
  const stopped = new Fate(it.host.stop());
  await it.clock.advance(49);
  assert.is(signal?.aborted, false);
  await it.clock.advance(1);
  assert.is(signal?.aborted, true);
  assert.is(stopped.state, "fulfilled");
  assert.equal(trace.take(), ["start", "stop, ack a"]);
  assert.is(it.clock.pending, 0);
});

test("consumer() waits for a source that answers to the end of the grace", async () => {
  const trace = new Trace();
  const source = told(trace, {
    stopping: (signal) =>
      new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => {
          trace.note("given back");
          resolve();
        })
      ),
  });
  const it = await over(source, { stopTimeout: 50 });
  const stopped = new Fate(it.host.stop());
  await it.clock.advance(50);
  assert.is(stopped.state, "fulfilled");
  assert.equal(trace.take(), ["start", "given back", "stop, ack a"]);
  assert.is(it.clock.pending, 0);
});

test("consumer() logs what its source fails to give back, and stops it all the same", async () => {
  for (
    const stopping of [() => Promise.reject(new Error("Closed")), () => {
      throw new Error("Closed");
    }]
  ) {
    const trace = new Trace();
    const it = await over(told(trace, { stopping }));
    await it.host.stop();
    assert.equal(trace.take(), ["start", "stop, ack a"]);
    assert.equal(it.lines.heads, [
      'error: Service "w" failed to have its source give back what it holds: Error: Closed',
    ]);
  }
});

test("consumer() tells a source that it never asked", async () => {
  const trace = new Trace();
  const worker = consumer("w", { source: told(trace), handle() {} });
  const forced = new AbortController().signal;
  await worker.start(AbortSignal.abort(), { name: "w", clock: rig([]).clock, forced } as never);
  await worker.stop(undefined, undefined);
  assert.equal(trace.take(), ["start", "stopping w, closed undefined, forced false", "stop, "]);
});

test("consumer() does not tell a source that has not started", async () => {
  const trace = new Trace();
  const source = told(trace, { start: () => Promise.reject(new Error("No")) });
  const worker = consumer("w", { source, handle() {} });
  await rejection(rig([worker]).host.start());
  worker.stopping();
  await worker.stop();
  assert.equal(trace.take(), []);
});

test("consumer() tells its source once for each start", async () => {
  const trace = new Trace();
  const source = told(trace);
  const worker = consumer("w", { source, handle() {} });
  const { clock } = rig([]);
  for (let start = 0; start < 2; start++) {
    const forced = new AbortController();
    await worker.start(undefined, { name: "w", clock, forced: forced.signal } as never);
    await quiet();
    worker.stopping();
    worker.stopping();
    forced.abort();
    await worker.stop(undefined, undefined);
    await worker.stop(undefined, undefined);
  }
  assert.equal(trace.take().map((line) => line.split(" ")[0]), [
    "start",
    "stopping",
    "stop,",
    "start",
    "stopping",
    "stop,",
  ]);
});

test("onIdle() waits no longer than the consumer lives", async () => {
  const worker = consumer("w", { source: new ListSource(["a"]), handle() {} });
  const idle = new Fate(worker.onIdle({ quiet: 1_000 }));
  const { clock } = rig([]);
  const forced = new AbortController().signal;
  await worker.start(AbortSignal.abort(), { name: "w", clock, forced } as never);
  await quiet();
  assert.is(idle.state, "pending");
  await worker.stop(undefined, undefined);
  await quiet();
  assert.is(idle.state, "fulfilled"); // its work never began
  assert.is(clock.pending, 0);
});

test("onIdle() forgets who has been told", async () => {
  const source = new ListSource<string>([]);
  const worker = consumer("w", { source, handle() {} });
  const { clock } = rig([]);
  const forced = new AbortController().signal;
  const context = { name: "w", clock, forced } as never;
  for (let start = 0; start < 2; start++) {
    await worker.start(undefined, context);
    await quiet();
    const short = new Fate(worker.onIdle({ quiet: 10 }));
    const long = new Fate(worker.onIdle({ quiet: 1_000_000 }));
    await clock.advance(10);
    assert.equal([short.state, long.state, clock.pending], ["fulfilled", "pending", 1]);
    source.push("a"); // busy, and idle again
    await quiet();
    assert.is(clock.pending, 1);
    await worker.stop(undefined, undefined);
    await quiet();
    assert.equal([long.state, clock.pending], ["fulfilled", 0]);
  }
});

// Turns. A real clock, but nothing depends on how fast it is: either a turn comes, or none ever does.

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

for (const concurrency of [1, 128]) {
  test(`consumer() leaves others their turn while work is always there, ${concurrency} at a time`, async () => {
    const source: Source<number> = {
      receive: async (_signal, { max }) =>
        Array.from({ length: max }, (_, value) => ({ value, ack() {}, release() {}, reject() {} })),
    };
    const worker = consumer<number>("w", { source, concurrency, handle: async () => {} });
    const host = createHost([worker]);
    await host.start();
    while (worker.details.done < 1_000) await turn();
    await host.stop();
  });
}

test("consumer() leaves others their turn while it has room, whatever it waits for", async () => {
  const source: Source<number> = {
    receive: async () => [{ value: 1, ack() {}, release() {}, reject() {} }],
  };
  const worker = consumer<number>("w", {
    source,
    concurrency: 1e9,
    stopTimeout: 0,
    handle: (_value, signal) => aborted(signal),
  });
  const host = createHost([worker], { logger: false });
  await host.start();
  while (worker.details.received < 1_000) await turn();
  await host.stop();
});

test("consumer() leaves others their turn while it refuses all there is", async () => {
  const left = new Array(20_000);
  let turns = 0;
  const source: Source<number> = {
    receive: async (signal) => left.length > 0 ? left.splice(0) : (await aborted(signal), []),
  };
  const worker = consumer<number>("w", { source, handle() {} });
  const host = createHost([worker], { logger: false });
  await host.start();
  while (worker.details.receiveErrors < 20_000) {
    await turn();
    turns++;
  }
  assert.ok(turns > 1, "it had no turn until all were refused");
  await host.stop();
});

/** Does nothing for so long that a turn is due after eight of these, on a slow machine after fewer. */
function burn(): void {
  const end = performance.now() + 2;
  while (performance.now() < end);
}

/** How many handlers of slow, synchronous work have run at most without a turn of the event loop. */
async function mostInARow(definition: Partial<ConsumerDefinition<number>>): Promise<number> {
  let row = 0;
  let most = 0;
  let over = false;
  const count = setInterval(() => (row = 0), 0);
  const worker = consumer<number>("w", {
    source: {
      receive: async (_signal, { max }) =>
        Array.from({ length: max }, (_, value) => ({ value, ack() {}, release() {}, reject() {} })),
    },
    concurrency: 60,
    retry: { attempts: 3, delay: 0 },
    handle() {
      if (over) return;
      burn();
      most = Math.max(most, ++row);
      throw new Error("Bad");
    },
    ...definition,
  });
  const host = createHost([worker], { logger: false });
  await host.start();
  while (worker.details.failed < 200) await turn();
  over = true;
  await host.stop();
  clearInterval(count);
  return most;
}

for (
  const [what, definition] of Object.entries<Partial<ConsumerDefinition<number>>>({
    "each tried again at the same time": {},
    "each tried once": { retry: { attempts: 1 } },
    "each with something around it": { around: (next) => next() },
    "each decoded": { input: (value) => value, retry: { attempts: 1 } },
    "one at a time": { concurrency: 1, retry: { attempts: 1 } },
  })
) {
  test(`consumer() leaves others their turn between slow handlers that wait for nothing, ${what}`, async () => {
    const most = await mostInARow(definition);
    assert.ok(most < 40, `${most} ran without a turn`);
  });
}

test("consumer() leaves others their turn while a bad item comes back without a delay", async () => {
  let attempt = 0;
  let back = true;
  const source: Source<string> = {
    delays: true,
    pollInterval: 0,
    async receive() {
      if (!back) return [];
      back = false;
      const release = (): unknown => (back = true);
      return [{ value: "poison", attempt: ++attempt, ack() {}, release, reject() {} }];
    },
  };
  const worker = consumer<string>("w", {
    source,
    retry: { attempts: Infinity, delay: 0 },
    handle: () => Promise.reject(new Error("Poison")),
  });
  const host = createHost([worker], { logger: false });
  await host.start();
  while (worker.details.failed < 1_000) await turn();
  await host.stop();
});

test.run();
