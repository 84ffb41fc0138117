import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, createHost, type ServiceContext } from "../mod.ts";
import { consumer, type ConsumerDefinition, type Delivery } from "../src/consumers/mod.ts";
import { backoff } from "../src/_time/backoff.ts";
import { readRetry } from "../src/consumers/retry.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { ListSource } from "./_list_source.ts";
import { Listeners } from "./_listeners.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

const nothing = {
  done: 0,
  unacked: 0,
  failed: 0,
  retried: 0,
  released: 0,
  deadLettered: 0,
  active: 0,
};
const fine = { ...nothing, receiveErrors: 0, settleErrors: 0 };
const random = (): number => 0; // so that every delay is a whole one

/** A handler that waits for a gate of its own for each value. */
function gated(): { handle(value: string): Promise<void>; gates: Record<string, Gate> } {
  const gates: Record<string, Gate> = {};
  return { gates, handle: (value) => (gates[value] = new Gate()).promise };
}

test("consumer() handles what comes, and acks it", async () => {
  const source = new ListSource(["a", "b"]);
  const seen: string[] = [];
  const worker = consumer("w", {
    source,
    handle: async (value, signal, { attempt, delivery, context }) => {
      assert.is(signal.aborted, false);
      assert.is(delivery.value, value);
      assert.is(context.name, "w");
      seen.push(`${value} ${attempt}`);
    },
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  source.push("c");
  await quiet();
  assert.equal(seen, ["a 1", "b 1", "c 1"]);
  assert.equal(source.log, ["ack a", "ack b", "ack c"]);
  assert.equal(worker.details, { ...fine, received: 3, done: 3 });
  assert.equal(host.services[0]?.details, worker.details);
  await host.stop();
});

test("consumer() asks for as much as it has room for, and no more", async () => {
  const source = new ListSource(["a", "b", "c", "d"]);
  const { handle, gates } = gated();
  const worker = consumer("w", { source, handle, concurrency: 3 });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  assert.equal(source.asked, [3]);
  assert.equal(Object.keys(gates), ["a", "b", "c"]);
  assert.is(worker.details.active, 3);
  gates["b"]?.open();
  await quiet();
  assert.equal(source.asked, [3, 1]);
  assert.equal(Object.keys(gates), ["a", "b", "c", "d"]);
  for (const gate of Object.values(gates)) gate.open();
  await host.stop();
  assert.is(worker.details.done, 4);
});

test("consumer() holds no more than it may, even if the source gives more", async () => {
  const source = new ListSource<string>([]);
  const { handle, gates } = gated();
  const all = new ListSource(["a", "b", "c"]);
  const receive: typeof source.receive = (signal) =>
    all.waiting.length ? all.receive(signal, { max: 3 }) : source.receive(signal, { max: 1 });
  const worker = consumer("w", { source: { receive }, handle });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  assert.equal(Object.keys(gates), ["a"]);
  gates["a"]?.open();
  await quiet();
  assert.equal(Object.keys(gates), ["a", "b"]);
  const stopped = host.stop();
  await quiet();
  gates["b"]?.open();
  await stopped;
  assert.equal(all.log, ["ack a", "release c 0", "ack b"]);
});

test("consumer() retries in place, with growing delays", async () => {
  const source = new ListSource(["a"]);
  const at: string[] = [];
  const worker = consumer("w", {
    source,
    random,
    retry: { attempts: 4, delay: 100, maxDelay: 250 },
    handle(_value, _signal, { attempt }) {
      at.push(`${attempt} at ${clock.now()}`);
      if (attempt < 4) throw new Error("Not yet");
    },
  });
  const { host, clock, lines } = rig([worker]);
  await host.start();
  await clock.advance(1_000);
  assert.equal(at, ["1 at 0", "2 at 100", "3 at 300", "4 at 550"]);
  assert.equal(source.log, ["ack a"]);
  assert.equal(worker.details, { ...fine, received: 1, done: 1, failed: 3, retried: 3 });
  assert.equal(lines.heads, [
    'warn: Service "w" failed to handle an item (attempt 1 of 4): Error: Not yet',
    'warn: Service "w" failed to handle an item (attempt 2 of 4): Error: Not yet',
    'warn: Service "w" failed to handle an item (attempt 3 of 4): Error: Not yet',
  ]);
  await host.stop();
});

test("consumer() has the source retry if that can delay", async () => {
  const source = new ListSource(["a", "b"], { delays: true });
  const seen: string[] = [];
  const worker = consumer("w", {
    source,
    random,
    retry: { attempts: 2, delay: 100 },
    handle(value, _signal, { attempt }) {
      seen.push(`${value} ${attempt}`);
      if (value === "a") throw new Error("Bad");
    },
  });
  const { host, clock } = rig([worker]);
  await host.start();
  await quiet();
  assert.equal(seen, ["a 1", "b 1", "a 2"]);
  assert.equal(source.log, ["release a 100", "ack b", "reject a: Bad"]);
  assert.equal(worker.details, {
    ...fine,
    received: 3,
    done: 1,
    failed: 2,
    retried: 1,
    released: 1,
    deadLettered: 1,
  });
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() hands dead letters over before it rejects them", async () => {
  const source = new ListSource(["a"]);
  const gate = new Gate();
  const dead: unknown[] = [];
  const error = new Error("Bad");
  const worker = consumer("w", {
    source,
    retry: { attempts: 1 },
    handle: () => Promise.reject(error),
    onDeadLetter(...args) {
      dead.push(...args);
      return gate.promise;
    },
  });
  const { host, lines } = rig([worker]);
  await host.start();
  await quiet();
  assert.equal(dead.slice(0, 2), ["a", error]);
  assert.is((dead[2] as { attempt: number }).attempt, 1);
  assert.equal(source.log, []);
  gate.open();
  await quiet();
  assert.equal(source.log, ["reject a: Bad"]);
  assert.equal(lines.heads, [
    'error: Service "w" failed to handle an item (attempt 1 of 1): Error: Bad',
  ]);
  await host.stop();
});

test("consumer() releases a dead letter nobody took note of, after a delay", async () => {
  const source = new ListSource(["a"]);
  let open = false;
  const worker = consumer("w", {
    source,
    random,
    retry: { attempts: 1, delay: 100 },
    handle: () => Promise.reject(new Error("Bad")),
    onDeadLetter() {
      if (!open) throw new Error("Closed");
    },
  });
  const { host, clock, lines } = rig([worker]);
  await host.start();
  await clock.advance(99);
  assert.equal(source.log, []);
  open = true;
  await clock.advance(1);
  assert.equal(source.log, ["release a 100", "reject a: Bad"]);
  assert.is(
    lines.heads[1],
    'error: Service "w" failed to take care of a dead letter, which is tried again: Error: Closed',
  );
  await host.stop();
});

test("consumer() gives each attempt its time", async () => {
  const source = new ListSource(["a"]);
  const signals: AbortSignal[] = [];
  const worker = consumer("w", {
    source,
    random,
    timeout: 50,
    retry: { attempts: 2, delay: 10 },
    handle(_value, signal) {
      signals.push(signal);
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    },
  });
  const { host, clock, lines } = rig([worker]);
  await host.start();
  await clock.advance(1_000);
  assert.is(signals.length, 2);
  assert.is(signals[0] === signals[1], false);
  assert.is(signals[0]?.reason.message, "The item took longer than 50 ms");
  assert.equal(source.log, ["reject a: The item took longer than 50 ms"]);
  assert.is(lines.all.length, 2);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() counts what was done after its time as done", async () => {
  const source = new ListSource(["a"]);
  const gate = new Gate();
  const worker = consumer("w", { source, timeout: 50, handle: () => gate.promise });
  const { host, clock } = rig([worker]);
  await host.start();
  await clock.advance(60);
  gate.open();
  await quiet();
  assert.equal(source.log, ["ack a"]);
  await host.stop();
});

test("consumer() asks a source that fails again, after growing delays", async () => {
  const source = new ListSource(["a"]);
  const at: number[] = [];
  const worker = consumer<string>("w", {
    source: {
      receive(signal, options) {
        at.push(clock.now());
        if (at.length < 4) throw new Error("No connection");
        return source.receive(signal, options);
      },
    },
    random,
    retry: { delay: 5 }, // of the handler, not of the source
    pollInterval: 0,
    handle() {},
  });
  const { host, clock, lines } = rig([worker]);
  await host.start();
  const idle = new Fate(worker.onIdle());
  await clock.advance(6_999);
  assert.is(idle.state, "pending");
  await clock.advance(1);
  assert.equal(at, [0, 1_000, 3_000, 7_000, 7_000]);
  assert.is(worker.details.receiveErrors, 3);
  assert.is(lines.heads[0], 'error: Service "w" failed to receive: Error: No connection');
  assert.is(lines.all.length, 3);
  await clock.advance(0);
  assert.is(idle.state, "fulfilled");
  await host.stop();
});

test("consumer() forgets the failures of a source that answers again", async () => {
  const source = new ListSource(["a"]);
  const at: number[] = [];
  const worker = consumer<string>("w", {
    source: {
      receive(signal, options) {
        at.push(clock.now());
        return at.length === 3 ? source.receive(signal, options) : Promise.reject(new Error("No"));
      },
    },
    random,
    handle() {},
  });
  const { host, clock } = rig([worker]);
  await host.start();
  await clock.advance(4_000);
  assert.equal(at, [0, 1_000, 3_000, 3_000, 4_000]);
  await host.stop();
});

test("consumer() is not idle while nobody knows what the source has", async () => {
  const source = new ListSource(["a"]);
  const { handle, gates } = gated();
  let calls = 0;
  const worker = consumer<string>("w", {
    source: {
      receive: (signal, options) =>
        ++calls === 2 ? Promise.reject(new Error("No")) : source.receive(signal, options),
    },
    random,
    concurrency: 2,
    handle,
  });
  const { host, clock } = rig([worker]);
  await host.start();
  await quiet();
  const idle = new Fate(worker.onIdle());
  gates["a"]?.open();
  await clock.advance(999);
  assert.equal([source.log, idle.state], [["ack a"], "pending"]);
  await clock.advance(1);
  assert.is(idle.state, "fulfilled");
  await host.stop();
});

test("consumer() takes the reason of its signal for no failure of the source", async () => {
  const receive = (signal: AbortSignal): Promise<never> =>
    aborted(signal).then(() => Promise.reject(signal.reason));
  const worker = consumer<string>("w", { source: { receive }, handle() {} });
  const { host, lines } = rig([worker]);
  await host.start();
  await quiet();
  await host.stop();
  assert.is(worker.details.receiveErrors, 0);
  assert.equal(lines.all, []);
});

test("consumer() never leaves a source alone for more than four seconds", async () => {
  const at: number[] = [];
  const worker = consumer<string>("w", {
    source: {
      receive: () => {
        at.push(clock.now());
        return Promise.reject(new Error("No connection"));
      },
    },
    random,
    handle() {},
  });
  const { host, clock } = rig([worker]);
  await host.start();
  await clock.advance(20_000);
  const seconds = [0, 1, 3, 7, 11, 15, 19];
  assert.equal(at, seconds.map((second) => second * 1_000));
  await host.stop();
  assert.is(clock.pending, 0);
});

test("consumer() starts its source before it asks, and stops it when nothing is held", async () => {
  const trace = new Trace();
  const source = Object.assign(new ListSource(["a"]), {
    start(this: unknown, signal: AbortSignal, { name }: ServiceContext) {
      assert.is(this, source);
      assert.is(signal.aborted, false);
      trace.note(`${name}: source starts, asked ${source.asked.length}`);
    },
    stop(this: unknown, _signal: AbortSignal, { name }: ServiceContext) {
      assert.is(this, source);
      trace.note(`${name}: source stops, ${source.log}`);
    },
  });
  const { handle, gates } = gated();
  const worker = consumer("w", {
    source,
    handle,
    start: () => trace.note("start"),
    stop: () => trace.note("stop"),
  });
  await worker.stop(); // of one that never started
  assert.equal(trace.take(), ["stop"]);
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  const stopped = host.stop();
  await quiet();
  gates["a"]?.open();
  await stopped;
  assert.equal(trace.take(), [
    "start",
    "w: source starts, asked 0",
    "w: source stops, ack a",
    "stop",
  ]);
  await worker.stop(); // once more
  assert.equal(trace.take(), ["stop"]);
});

test("consumer() fails to start when its source does, and stops it when another service does", async () => {
  const trace = new Trace();
  const error = new Error("No such queue");
  const source = Object.assign(new ListSource<string>([]), {
    start: () => Promise.reject(error),
    stop: () => trace.note("stop"),
  });
  const { host } = rig([consumer("w", { source, handle() {} })]);
  const started = new Fate(host.start());
  await quiet();
  assert.is(started.reason, error);
  assert.equal(source.asked, []);
  assert.equal(trace.take(), []);

  source.start = () => Promise.resolve() as never;
  const bad = { name: "bad", start: () => Promise.reject(error), stop() {} };
  const next = rig([consumer("w", { source, handle() {} }), bad]);
  const again = new Fate(next.host.start());
  await quiet();
  assert.is(again.reason, error);
  assert.equal(trace.take(), ["stop"]);
});

test("consumer() drops what its source has lost", async () => {
  const source = new ListSource(["drops", "finishes", "fails", "keeps"]);
  const lost: AbortController[] = [];
  const listeners: Listeners[] = [];
  source.alter = (delivery) => {
    const controller = new AbortController();
    lost.push(controller);
    listeners.push(new Listeners(controller.signal));
    const { value } = delivery;
    const release = (): unknown => source.log.push(`release ${value}`); // it never comes again
    return { ...delivery, lost: controller.signal, extendEvery: 100, release };
  };
  const reason = new Error("The connection has closed");
  const gate = new Gate();
  const seen: unknown[] = [];
  const worker = consumer("w", {
    source,
    concurrency: 4,
    retry: { attempts: 1 },
    handle: (value, signal) =>
      value === "keeps" ? gate.promise : new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => {
          seen.push(signal.reason);
          if (value === "finishes") resolve();
          else reject(value === "drops" ? signal.reason : new Error("Bad"));
        });
      }),
    onDeadLetter: (value) => source.log.push(`dead ${value}`),
  });
  const { host, clock, lines } = rig([worker]);
  await host.start();
  await quiet();
  for (const controller of lost.slice(0, 3)) controller.abort(reason);
  await clock.advance(150);
  assert.equal(seen, [reason, reason, reason]);
  assert.equal(source.log.sort(), [
    "ack finishes",
    "extend keeps",
    "release drops",
    "release fails",
  ]);
  const failed = { failed: 1, retried: 1 };
  assert.equal(worker.details, {
    ...fine,
    ...failed,
    received: 4,
    unacked: 1,
    released: 2,
    active: 1,
  });
  assert.equal(lines.heads, [
    'warn: Service "w" failed to handle an item (attempt 1 of 1): Error: Bad',
    'warn: Service "w" has done an item whose hold was lost before the ack: it may come again',
  ]);
  gate.open();
  await quiet();
  assert.equal(listeners.map(({ added, now }) => [added, now]), lost.map(() => [1, 0]));
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() neither begins nor repeats what its source has lost", async () => {
  const source = new ListSource(["late", "waits", "buried"]);
  const waits = new AbortController();
  const late = AbortSignal.abort();
  source.alter = (delivery) => ({
    ...delivery,
    attempt: delivery.value === "buried" ? 5 : 1,
    lost: delivery.value === "late" ? late : waits.signal,
    release: () => source.log.push(`release ${delivery.value}`),
  });
  const seen: string[] = [];
  const worker = consumer("w", {
    source,
    concurrency: 3,
    handle(value) {
      seen.push(value);
      throw new Error("Bad");
    },
    onDeadLetter: () => Promise.reject(new Error("Closed")),
  });
  const { host, clock } = rig([worker]);
  await host.start();
  await quiet();
  assert.equal(source.log, ["release late"]);
  waits.abort();
  await quiet();
  assert.equal(source.log.sort(), ["release buried", "release late", "release waits"]);
  assert.equal(seen, ["waits", "buried"]);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() leaves no listener on the signal of a loss", async () => {
  const source = new ListSource(["a"]);
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  source.alter = (delivery) => ({ ...delivery, lost: signal });
  const worker = consumer("w", {
    source,
    handle(_value, _signal, { attempt }) {
      if (attempt === 1) throw new Error("Again");
    },
  });
  const { host, clock } = rig([worker]);
  await host.start();
  await clock.advance(1_000);
  assert.equal(source.log, ["ack a"]);
  assert.equal([listeners.most, listeners.now], [1, 0]);
  await host.stop();
});

test("consumer() does not extend what is lost while it extends", async () => {
  const source = new ListSource(["a"]);
  const lost = new AbortController();
  source.alter = (delivery) => ({
    ...delivery,
    lost: lost.signal,
    extendEvery: 100,
    extend() {
      source.log.push("extend");
      lost.abort();
    },
  });
  const gate = new Gate();
  const { host, clock } = rig([consumer("w", { source, handle: () => gate.promise })]);
  await host.start();
  await clock.advance(1_000);
  assert.equal(source.log, ["extend"]);
  gate.open();
  await host.stop();
});

test("consumer() survives a source that answers with rubbish", async () => {
  const answers: unknown[] = [undefined, 5, [undefined], [{}], []];
  const worker = consumer("w", {
    source: { receive: async () => (answers.length ? answers.shift() : hang()) as never },
    retry: { attempts: 1, delay: 1 },
    pollInterval: 1,
    handle() {},
  });
  const { host, clock } = rig([worker], { shutdownTimeout: 0, abandonTimeout: 0 });
  await host.start();
  await clock.advance(10_000);
  assert.is(answers.length, 0);
  assert.is(worker.details.receiveErrors, 4);
  assert.is(worker.details.settleErrors, 0);
  assert.is(worker.details.received, 0);
  assert.is(worker.details.active, 0);
  const stopped = new Fate(host.stop());
  await clock.advance(100);
  assert.is((stopped.reason as { code: string }).code, "ERR_SERVICE_TIMEOUT");
});

test("consumer() asks again after an answer with nothing", async () => {
  const at: number[] = [];
  const worker = consumer("w", {
    source: {
      async receive() {
        at.push(clock.now());
        return [];
      },
    },
    pollInterval: 200,
    handle() {},
  });
  const { host, clock } = rig([worker]);
  await host.start();
  await clock.advance(500);
  assert.equal(at, [0, 200, 400]);
  await host.stop();
  assert.is(clock.pending, 0);
});

test("consumer() logs and counts an ack that fails, and goes on", async () => {
  const source = new ListSource(["a", "b"]);
  source.alter = (delivery) => ({
    ...delivery,
    ack: () => Promise.reject(new Error("Too late")),
  });
  const worker = consumer("w", { source, handle() {} });
  const { host, lines } = rig([worker]);
  await host.start();
  await quiet();
  assert.equal(worker.details, { ...fine, received: 2, unacked: 2, settleErrors: 2 });
  assert.is(
    lines.heads[0],
    'error: Service "w" failed to tell the source that an item is done: Error: Too late',
  );
  await host.stop();
});

for (
  const [how, ack] of Object.entries({
    rejects: () => Promise.reject(new Error("Too late")),
    throws: () => {
      throw new Error("Too late");
    },
  })
) {
  test(`consumer() does not count as done what is not held in any way, and whose ack ${how}`, async () => {
    const waiting: Delivery<string>[] = [{ value: "a", ack, release() {}, reject() {} }];
    const source = { receive: async () => waiting.splice(0) };
    const worker = consumer<string>("w", { source, handle() {} });
    const { host } = rig([worker]);
    await host.start();
    await quiet();
    assert.equal(worker.details, { ...fine, received: 1, unacked: 1, settleErrors: 1 });
    await host.stop();
  });
}

test("consumer() extends its hold until the item is settled", async () => {
  const source = new ListSource(["a"]);
  const { handle, gates } = gated();
  source.alter = (delivery) => ({ ...delivery, extendEvery: 100 });
  const worker = consumer("w", { source, handle, retry: { delay: 100, jitter: 0 } });
  const { host, clock } = rig([worker]);
  await host.start();
  await clock.advance(150);
  gates["a"]?.fail(new Error("Again"));
  await clock.advance(200);
  assert.equal(source.log, ["extend a", "extend a", "extend a"]);
  gates["a"]?.open();
  await clock.advance(1_000);
  assert.equal(source.log, ["extend a", "extend a", "extend a", "ack a"]);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() goes on extending after a failure, one call at a time", async () => {
  const source = new ListSource(["a"]);
  const gate = new Gate();
  const at: number[] = [];
  source.alter = (delivery) => ({
    ...delivery,
    extendEvery: 100,
    async extend() {
      at.push(clock.now());
      if (at.length === 1) throw new Error("Busy");
      await new Promise<void>((go) => clock.setTimeout(go, 250));
    },
  });
  const worker = consumer("w", { source, handle: () => gate.promise });
  const { host, clock, lines } = rig([worker]);
  await host.start();
  await clock.advance(560);
  assert.equal(at, [100, 200, 550]);
  assert.equal(lines.heads, [
    'warn: Service "w" failed to extend the hold on an item: Error: Busy',
  ]);
  gate.open();
  await clock.advance(1_000);
  assert.equal(at, [100, 200, 550]);
  await host.stop();
});

test("consumer() takes no more once services are told to stop, and finishes what it holds", async () => {
  const source = new ListSource(["a"]);
  const { handle, gates } = gated();
  const trace = new Trace();
  const worker = consumer("w", {
    source,
    handle,
    concurrency: 2,
    starting: () => trace.note("starting"),
    start: () => trace.note(`start, asked ${source.asked.length}`),
    stopping: () => trace.note(`stopping, closed ${source.signal?.aborted}`),
    stop: () => trace.note(`stop, ${source.log}`),
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  const stopped = new Fate(host.stop());
  source.push("b");
  await quiet();
  assert.is(stopped.state, "pending");
  assert.equal(source.waiting, ["b"]);
  gates["a"]?.open();
  await quiet();
  assert.is(stopped.state, "fulfilled");
  assert.equal(trace.take(), [
    "starting",
    "start, asked 0",
    "stopping, closed true",
    "stop, release b 0,ack a",
  ]);
});

test("consumer() stops one whose start was cancelled, and one that never began", async () => {
  const source = new ListSource(["a"]);
  const worker = consumer("w", { source, handle: hang });
  const { host, clock } = rig([worker, {
    name: "bad",
    start: () => Promise.reject("no"),
    stop() {},
  }]);
  const started = new Fate(host.start());
  await clock.advance(60_000);
  assert.is(started.state, "rejected");
  assert.equal(source.waiting, ["a"]);

  const cold = consumer("cold", { source, handle() {} });
  await cold.stop();
  cold.stopping();
  assert.equal(source.waiting, ["a"]);
});

test("consumer() releases at once what waits for another attempt when it is stopped", async () => {
  const source = new ListSource(["a"]);
  const worker = consumer("w", { source, handle: () => Promise.reject(new Error("Bad")) });
  const { host, clock } = rig([worker]);
  await host.start();
  await quiet();
  await host.stop();
  assert.is(clock.now(), 0);
  assert.equal(source.log, ["release a 0"]);
  assert.equal(worker.details, { ...fine, received: 1, failed: 1, retried: 1, released: 1 });
});

test("consumer() gives a signal on once its attempt has ended and nobody listens to it", async () => {
  const source = new ListSource(["plain", "plain", "listens", "plain"]);
  source.alter = ({ value, ack, release, reject }) => ({ value, ack, release, reject });
  const signals: AbortSignal[] = [];
  const worker = consumer("w", {
    source,
    handle(value, signal) {
      signals.push(signal);
      if (value === "listens") signal.addEventListener("abort", () => {});
    },
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  const [first, second, third, fourth] = signals;
  assert.is(signals.length, 4);
  assert.is(first, second);
  assert.is(second, third);
  assert.is.not(third, fourth);
  await host.stop();
});

test("consumer() aborts the signals of the items at the end of the grace", async () => {
  const source = new ListSource(["drops", "finishes"]);
  let forced: unknown;
  const worker = consumer("w", {
    source,
    concurrency: 2,
    stopTimeout: 100,
    handle(value, signal) {
      return new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => {
          forced = signal.reason;
          if (value === "drops") reject(signal.reason);
          else resolve();
        });
      });
    },
  });
  const { host, clock, lines } = rig([worker]);
  await host.start();
  await quiet();
  const stopped = new Fate(host.stop());
  await clock.advance(99);
  assert.is(forced, undefined);
  await clock.advance(1);
  assert.is((forced as Error).name, "AbortError");
  assert.is(stopped.state, "fulfilled");
  assert.equal(source.log.sort(), ["ack finishes", "release drops 0"]);
  assert.equal(worker.details, { ...fine, received: 2, done: 1, released: 1 });
  assert.not.ok(lines.heads.some((line) => line.includes("item")), lines.heads.join());
});

test("consumer() releases what ignores its signal, and its outcome counts no more", async () => {
  const source = new ListSource(["a", "b"]);
  const { handle, gates } = gated();
  const worker = consumer("w", { source, handle, concurrency: 2 });
  const { host, clock, lines } = rig([worker], { shutdownTimeout: 100, abandonTimeout: 1_000 });
  await host.start();
  await quiet();
  const stopped = new Fate(host.stop());
  await clock.advance(101);
  assert.equal(source.log, ["release a 0", "release b 0"]);
  assert.ok(lines.all.includes('warn: Service "w" gave back what it could not finish in time: 2'));
  assert.is(stopped.state, "pending");
  gates["a"]?.open();
  gates["b"]?.fail(new Error("Late"));
  await clock.advance(100);
  assert.is(stopped.state, "fulfilled");
  assert.equal(source.log, ["release a 0", "release b 0"]);
  assert.equal(worker.details, { ...fine, received: 2, released: 2, failed: 1 });
  assert.ok(lines.heads.some((line) => line.endsWith("Error: Late")));
  assert.is(clock.pending, 0);
});

test("consumer() waits for what it tells the source at the end of the grace", async () => {
  const source = new ListSource(["acks", "late"]);
  const { handle, gates } = gated();
  const acked = new Gate();
  const released = new Gate();
  source.alter = (delivery) => ({
    ...delivery,
    ack: () => acked.promise,
    release: () => released.promise,
  });
  const worker = consumer("w", { source, handle, concurrency: 2 });
  const { host, clock, lines } = rig([worker], { shutdownTimeout: 100, abandonTimeout: 1_000 });
  await host.start();
  await quiet();
  const stopped = new Fate(host.stop());
  gates["acks"]?.open();
  await clock.advance(101);
  assert.ok(lines.all.includes('warn: Service "w" gave back what it could not finish in time: 1'));
  gates["late"]?.open();
  acked.open();
  await quiet();
  assert.is(stopped.state, "pending");
  assert.is(worker.details.active, 1);
  released.open();
  await quiet();
  assert.is(stopped.state, "fulfilled");
  assert.equal(worker.details, { ...fine, received: 2, done: 1, released: 1 });
});

test("consumer() is named by the host when a handler never ends", async () => {
  const worker = consumer("w", { source: new ListSource(["a"]), handle: hang });
  const { host, clock } = rig([worker], { shutdownTimeout: 100, abandonTimeout: 100 });
  await host.start();
  await quiet();
  const stopped = new Fate(host.stop());
  await clock.advance(1_000);
  assert.is((stopped.reason as { code: string }).code, "ERR_SERVICE_TIMEOUT");
  assert.is((stopped.reason as { service: string }).service, "w");
});

test("consumer() releases what arrives after the intake was closed", async () => {
  const gate = new Gate();
  const list = new ListSource(["a"]);
  const handled: string[] = [];
  const worker = consumer<string>("w", {
    source: {
      receive: (signal, options) => gate.promise.then(() => list.receive(signal, options)),
    },
    handle: (value) => handled.push(value),
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  const stopped = host.stop();
  gate.open();
  await stopped;
  assert.equal(handled, []);
  assert.equal(list.log, ["release a 0"]);
});

test("consumer() takes an AbortError for a failure while nothing was aborted", async () => {
  const source = new ListSource(["a"]);
  const abort = Object.assign(new Error("Gone"), { name: "AbortError" });
  const worker = consumer("w", {
    source,
    retry: { attempts: 1 },
    handle: () => Promise.reject(abort),
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  assert.equal(source.log, ["reject a: Gone"]);
  await host.stop();
});

test("consumer() keeps the `this` of its definition", async () => {
  const definition: ConsumerDefinition<string> & { seen: string[] } = {
    seen: [],
    source: new ListSource(["a"]),
    handle(value) {
      this.seen.push(value);
    },
  };
  const { host } = rig([consumer("w", definition)]);
  await host.start();
  await quiet();
  await host.stop();
  assert.equal(definition.seen, ["a"]);
});

test("consumer() may be started again, but not while it runs", async () => {
  const trace = new Trace();
  const source = Object.assign(new ListSource(["a"]), { start: () => trace.note("start") });
  const worker = consumer("w", { source, handle() {} });
  const { clock } = rig([]);
  for (const value of ["b", "c"]) {
    const context = {
      name: "w",
      clock,
      forced: new AbortController().signal,
    } as unknown as ServiceContext;
    await worker.start(undefined, context);
    assert.is((await rejection(worker.start(undefined, context))).name, "HostStateError");
    assert.equal(trace.take(), ["start"]);
    source.push(value);
    await quiet();
    await worker.stop(undefined, undefined);
  }
  assert.equal(source.log, ["ack a", "ack b", "ack c"]);
});

test("consumer() leaves no listener behind when its intake was closed", async () => {
  const worker = consumer("w", { source: new ListSource<string>([]), handle() {} });
  const { signal } = new AbortController();
  const forced = new AbortController().signal;
  const listeners = [new Listeners(signal), new Listeners(forced)];
  const { clock } = rig([]);
  const executed = worker.execute(signal, { name: "w", clock, forced } as never);
  await quiet();
  worker.stopping();
  await executed;
  assert.equal(listeners.map(({ added, now }) => [added > 0, now]), [[true, 0], [true, 0]]);
});

test("consumer() started again knows nothing of a grace that was over", async () => {
  const source = new ListSource<string>([]);
  const worker = consumer("w", {
    source,
    retry: { attempts: 1 },
    handle: () => Promise.reject(new Error("Bad")),
  });
  const { clock, lines } = rig([]);
  const logger = lines;
  for (const value of ["a", "b"]) {
    const forced = new AbortController();
    await worker.start(undefined, { name: "w", clock, logger, forced: forced.signal } as never);
    const idle = new Fate(worker.onIdle({ quiet: 1 }));
    source.push(value);
    await quiet();
    assert.is(idle.state, "pending");
    forced.abort();
    await worker.stop(undefined, undefined);
  }
  assert.equal(source.log, ["reject a: Bad", "reject b: Bad"]);
  assert.is(clock.pending, 0);
});

test("onIdle() waits for the start, for what is held, and for the source", async () => {
  const source = new ListSource(["a"]);
  const { handle, gates } = gated();
  const worker = consumer("w", { source, handle, concurrency: 2 });
  const { host, clock } = rig([worker]);
  const idle = new Fate(worker.onIdle({ quiet: 100 }));
  await clock.advance(1_000);
  await host.start();
  await clock.advance(1_000);
  assert.is(idle.state, "pending");
  gates["a"]?.open();
  await clock.advance(99);
  assert.is(idle.state, "pending");
  source.push("b");
  await clock.advance(1_000);
  assert.is(idle.state, "pending");
  gates["b"]?.open();
  await clock.advance(100);
  assert.is(idle.state, "fulfilled");
  const again = new Fate(worker.onIdle({ quiet: 1_000 }));
  await host.stop();
  await quiet();
  assert.is(again.state, "fulfilled");
  assert.is(clock.pending, 0);
  await worker.onIdle();
});

test("consumer() runs without a fake clock", async () => {
  const source = new ListSource(["a", "b"]);
  const worker = consumer("w", {
    source,
    retry: { delay: 1 },
    handle(_value, _signal, { attempt }) {
      if (attempt === 1) throw new Error("Again");
    },
  });
  const host = createHost([worker], { logger: false });
  await host.start();
  await worker.onIdle();
  assert.is(worker.details.done, 2);
  await host.stop();
});

test("consumer() names what is wrong with its definition", () => {
  const source = new ListSource<string>([]);
  const wrong = (definition: object, name: unknown = "w"): string =>
    thrown(() => consumer(name as string, { source, handle() {}, ...definition })).message;
  assert.match(wrong({}, 5), "the name of a service");
  assert.match(
    wrong({ source: undefined }),
    'Cannot use service "w".source: expected object, got undefined',
  );
  assert.match(wrong({ source: {} }), 'Cannot use service "w".source.receive');
  assert.match(wrong({ handle: "x" }), 'Cannot use service "w".handle');
  assert.match(wrong({ concurrency: 0 }), 'Cannot use service "w".concurrency: 0');
  assert.match(wrong({ concurrency: 1.5 }), "concurrency: 1.5");
  assert.match(wrong({ concurrency: Infinity }), "concurrency: Infinity");
  assert.match(wrong({ timeout: -1 }), "timeout: -1");
  assert.match(wrong({ pollInterval: NaN }), "pollInterval: NaN");
  assert.match(wrong({ retry: 3 }), 'Cannot use service "w".retry');
  assert.match(wrong({ retry: { attempts: 0 } }), "retry.attempts: 0");
  assert.match(wrong({ retry: { delay: "1" } }), "retry.delay");
  assert.match(wrong({ retry: { jitter: 2 } }), "retry.jitter: 2");
  assert.match(wrong({ onDeadLetter: {} }), "onDeadLetter");
  assert.match(wrong({ random: 4 }), "random");
  assert.match(wrong({ stop: 4 }), 'service "w".stop');
  assert.match(thrown(() => consumer("w", undefined as never)).message, 'service "w"');
  assert.match(wrong({ around: null }), 'service "w".around: expected function, got null');
  assert.match(thrown(() => consumer(5 as never, { source, handle() {} })).message, "number 5");
  assert.match(thrown(() => consumer(Symbol() as never, {} as never)).message, "name of a service");
  const worker = consumer("w", { source, handle() {} });
  const idle = (options: unknown): string =>
    thrown(() => void worker.onIdle(options as never)).message;
  assert.is(idle(null), 'Cannot use service "w".onIdle options: expected object, got null');
  assert.is(
    idle({ quiet: -1 }),
    'Cannot use service "w".onIdle options.quiet: -1 is not 0 or more',
  );
});

test("backoff() doubles up to the longest delay, less what is left to chance", () => {
  const retry = readRetry({ delay: 100, maxDelay: 1_000, jitter: 0.5 });
  const delays = [1, 2, 3, 4, 5, 5_000].map((failures) => backoff(retry, failures, () => 0));
  assert.equal(delays, [100, 200, 400, 800, 1_000, 1_000]);
  assert.is(backoff(retry, 1, () => 0.5), 75);
  assert.is(backoff(readRetry({ delay: 0 }), 5_000, () => 0), 0);
  const { attempts, delay, maxDelay, jitter }: ReturnType<typeof readRetry> = readRetry();
  assert.equal([attempts, delay, maxDelay, jitter], [5, 1_000, 60_000, 0.5]);
});

test("a Delivery needs no more than value, ack, release and reject", async () => {
  const log: unknown[] = [];
  const delivery: Delivery<string> = {
    value: "a",
    ack: () => log.push("ack"),
    release: ({ delay }) => log.push(delay),
    reject: (error) => log.push(error),
  };
  const deliveries = [delivery];
  const worker = consumer<string>("w", {
    source: { receive: async () => deliveries.splice(0) },
    handle: (_value, _signal, { attempt }) => log.push(attempt),
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  await host.stop();
  assert.equal(log, [1, "ack"]);
});

test.run();
