/**
 * What others hand to a consumer is not always what it should be: none of it ends the process, and
 * one bad thing costs its neighbours nothing.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, type Logger } from "../mod.ts";
import {
  consumer,
  type ConsumerDefinition,
  type Delivery,
  type Source,
} from "../src/consumers/mod.ts";
import { Pump } from "../src/consumers/_pump.ts";
import { readSettings } from "../src/consumers/_settings.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { ListSource } from "./_list_source.ts";
import { type Rig, rig } from "./_rig.ts";

guard(test);

/** Answers once with all of this, then with nothing more. */
function once(...deliveries: readonly unknown[]): Source<unknown> {
  let answers = [deliveries];
  return {
    async receive(signal) {
      const [answer] = answers;
      answers = [];
      if (!answer) await aborted(signal);
      return (answer ?? []) as never;
    },
  };
}

function delivery(log: string[], value: unknown, more: object = {}): Delivery<unknown> {
  return {
    value,
    ack: () => log.push(`ack ${value}`),
    release: ({ delay }) => log.push(`release ${value} ${delay}`),
    reject: () => log.push(`reject ${value}`),
    ...more,
  };
}

/** A consumer over one answer. */
async function over(
  deliveries: (log: string[]) => readonly unknown[],
  definition: Partial<ConsumerDefinition<unknown>> = {},
): Promise<Rig & { readonly log: string[]; readonly details: unknown }> {
  const log: string[] = [];
  const source = Object.assign(once(...deliveries(log)), definition.source);
  const worker = consumer<unknown>("w", {
    concurrency: 10,
    random: () => 0,
    handle() {},
    ...definition,
    source,
  });
  const it = rig([worker]);
  await it.host.start();
  await quiet();
  return Object.assign(it, {
    log,
    get details() {
      return worker.details;
    },
  });
}

const bad: Record<string, (log: string[]) => unknown> = {
  "undefined": () => undefined,
  "null": () => null,
  "a number": () => 5,
  "a text": () => "ack",
  "nothing in it": () => ({}),
  "no reject": (log) => ({ ...delivery(log, "bad"), reject: undefined }),
  "an ack that throws when looked at": (log) => ({
    ...delivery(log, "bad"),
    get ack(): never {
      throw new Error("Closed");
    },
  }),
  "a lost that is no signal": (log) => delivery(log, "bad", { lost: true }),
  "a controller for a signal": (log) => delivery(log, "bad", { lost: new AbortController() }),
  "a hold nobody knows": (log) => delivery(log, "bad", { hold: "rope" }),
  "an extend that is no function": (log) => delivery(log, "bad", { extend: true }),
  "a BigInt for extendEvery": (log) =>
    delivery(log, "bad", { extend() {}, extendEvery: 5n, hold: "lease" }),
  "an attempt that throws when looked at": (log) => ({
    ...delivery(log, "bad"),
    get attempt(): never {
      throw new Error("Closed");
    },
  }),
};

for (const [what, make] of Object.entries(bad)) {
  test(`consumer() loses no neighbour of a delivery that is ${what}`, async () => {
    const it = await over((log) => [delivery(log, 1), make(log), delivery(log, 3)]);
    assert.equal(it.log.filter((line) => !line.includes("bad")), ["ack 1", "ack 3"]);
    assert.match(it.lines.heads.join(), /error: Service "w" got a delivery that cannot be used: /);
    const { receiveErrors, received, done } = it.details as Record<string, number>;
    assert.equal({ receiveErrors, received, done }, { receiveErrors: 1, received: 2, done: 2 });
    await it.host.stop();
    assert.is(it.clock.pending, 0);
  });
}

test("consumer() says which part of a delivery is wrong", async () => {
  const it = await over((log) => [delivery(log, "bad", { lost: new AbortController() })]);
  const what = "Cannot use delivery.lost: expected an AbortSignal, got object AbortController";
  assert.match(it.lines.heads.join(), what);
  await it.host.stop();
});

test("consumer() gives back what it cannot use, as an attempt that failed", async () => {
  const back: unknown[] = [];
  const release = (options: unknown): unknown => back.push(options);
  const it = await over((log) => [delivery(log, "bad", { lost: true, release })]);
  const [{ delay, error }] = back as [{ delay: number; error: Error }];
  assert.is(delay, 1_000);
  assert.match(error.message, "expected an AbortSignal, got boolean true");
  await it.host.stop();
});

test("consumer() logs a release of what it cannot use that fails", async () => {
  const release = (): never => {
    throw new Error("Closed");
  };
  const it = await over((log) => [delivery(log, "bad", { lost: true, release }), delivery(log, 2)]);
  assert.equal(it.log, ["ack 2"]);
  assert.is((it.details as Record<string, number>)["settleErrors"], 1);
  await it.host.stop();
});

test("consumer() asks a source that answers with nothing but rubbish less and less often", async () => {
  const at: number[] = [];
  const worker = consumer<string>("w", {
    source: {
      receive: async () => {
        at.push(clock.now());
        return [undefined as never];
      },
    },
    random: () => 0,
    handle() {},
  });
  const { host, clock } = rig([worker]);
  await host.start();
  await clock.advance(8_000);
  assert.equal(at, [0, 1_000, 3_000, 7_000]);
  await host.stop();
});

for (const attempt of [2n, NaN, Infinity, 0, -1, 1.5, "2", {}, Symbol("2")]) {
  test(`consumer() tries again in place when the attempt is ${String(attempt)}`, async () => {
    const it = await over((log) => [delivery(log, 1, { attempt }), delivery(log, 2, { attempt })], {
      source: { delays: true } as never,
      retry: { attempts: 3, delay: 10 },
      handle: () => Promise.reject(new Error("Bad")),
    });
    await it.clock.advance(30);
    assert.equal(it.log, ["reject 1", "reject 2"]);
    const warning = 'warn: Service "w" does not know which attempt a delivery is';
    assert.is(it.lines.heads.filter((line) => line.startsWith(warning)).length, 1);
    await it.host.stop();
  });
}

test("consumer() buries what a source delays without counting, and warns once", async () => {
  const it = await over((log) => [delivery(log, 1), delivery(log, 2)], {
    source: { delays: true } as never,
    retry: { attempts: 2, delay: 10 },
    handle: () => Promise.reject(new Error("Bad")),
  });
  await it.clock.advance(10);
  assert.equal(it.log, ["reject 1", "reject 2"]);
  const [line] = it.lines.heads;
  assert.match(line!, "expected a whole number from 1, got undefined");
  assert.is(it.lines.heads.filter((it) => it === line).length, 1);
  await it.host.stop();
});

test("consumer() says nothing of attempts that nobody counts where nobody has to", async () => {
  const it = await over((log) => [delivery(log, 1), delivery(log, 2, { attempt: null })]);
  assert.equal(it.lines.all, []);
  await it.host.stop();
});

test("consumer() makes a dead letter of a value that throws when it is looked at", async () => {
  const dead: unknown[] = [];
  const unreadable = (log: string[]): unknown => ({
    ...delivery(log, "bad"),
    get value(): never {
      throw new Error("No JSON");
    },
  });
  for (const more of [{}, { input: (value: unknown) => value }]) {
    const it = await over((log) => [delivery(log, 1), unreadable(log), delivery(log, 3)], {
      retry: { attempts: 2, delay: 10 },
      onDeadLetter: (value, error) => dead.push(value, String(error)),
      ...more,
    });
    await it.clock.advance(10);
    assert.equal(it.log, ["ack 1", "ack 3", "reject bad"]);
    await it.host.stop();
  }
  assert.equal(dead, [undefined, "Error: No JSON", undefined, "Error: No JSON"]);
});

for (const answer of [undefined, null, 5, "abc", {}, { length: 1 }, new Set([1])]) {
  test(`consumer() takes ${String(answer)} for no answer`, async () => {
    let asked = 0;
    const worker = consumer("w", {
      source: { receive: async () => asked++ ? hang() : answer as never },
      handle() {},
    });
    const { host, clock, lines } = rig([worker], { shutdownTimeout: 1, abandonTimeout: 1 });
    await host.start();
    await clock.advance(1_000);
    assert.is(asked, 2);
    assert.is(worker.details.receiveErrors, 1);
    assert.match(lines.heads[0]!, "expected an array");
    const stopped = new Fate(host.stop());
    await clock.advance(10);
    assert.is(stopped.state, "rejected"); // its source never ends
  });
}

test("consumer() bears errors that cannot be looked at", async () => {
  const { proxy, revoke } = Proxy.revocable(new Error("Gone"), {});
  revoke();
  for (const error of [proxy, undefined, null, Object.create(null), Symbol("no")]) {
    const it = await over((log) => [delivery(log, 1)], {
      retry: { attempts: 2, delay: 10 },
      handle: () => Promise.reject(error),
    });
    await it.clock.advance(10);
    assert.equal(it.log, ["reject 1"]);
    await it.host.stop();
  }
});

test("consumer() bears errors that cannot be looked at when the grace ends", async () => {
  const log: string[] = [];
  const { proxy, revoke } = Proxy.revocable(new Error("Gone"), {});
  revoke();
  const source = new ListSource(["a"]);
  const worker = consumer("w", {
    source,
    handle: (_value, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(proxy))),
  });
  const { host, clock } = rig([worker], { shutdownTimeout: 10 });
  await host.start();
  await quiet();
  const stopped = new Fate(host.stop());
  await clock.advance(100);
  assert.is(stopped.state, "fulfilled", String(log));
  assert.equal(source.log, ["release a 0"]);
});

const chances: Record<string, () => number> = {
  "throws": () => {
    throw new Error("No chance");
  },
  "is a BigInt": () => 1n as never,
  "is NaN": () => NaN,
  "is 7": () => 7,
};

for (const [what, random] of Object.entries(chances)) {
  test(`consumer() waits for the whole delay if its random ${what}`, async () => {
    const it = await over((log) => [delivery(log, 1, { attempt: 1 })], {
      source: { delays: true } as never,
      random,
      retry: { attempts: 2, delay: 10 },
      handle: () => Promise.reject(new Error("Bad")),
    });
    assert.equal(it.log, ["release 1 10"]);
    await it.host.stop();
  });
}

test("consumer() is not changed by a logger that throws", async () => {
  const fail = (): never => {
    throw new Error("The disk is full");
  };
  const logger: Logger = { debug: fail, info: fail, warn: fail, error: fail };
  const log: string[] = [];
  const worker = consumer<unknown>("w", {
    source: once(undefined, delivery(log, 1), delivery(log, 2, { ack: fail })),
    concurrency: 3,
    retry: { attempts: 1 },
    handle: (value) => value === 1 ? Promise.reject(new Error("Bad")) : undefined,
  });
  const { host } = rig([worker], { logger });
  await host.start();
  await quiet();
  assert.equal(log, ["reject 1"]);
  assert.is(worker.details.unacked, 1);
  await host.stop();
});

test("a Pump goes on when what it takes is no delivery", async () => {
  const log: string[] = [];
  const queue: unknown[] = [delivery(log, 1), "no delivery", delivery(log, 2)];
  const later: unknown[] = [delivery(log, 3), "no delivery either", delivery(log, 4)];
  const pump = new Pump<unknown>({
    memory: {
      take: () => queue.shift() as never,
      wait: async () => later.length > 0 ? void queue.push(...later.splice(0)) : hang(),
    },
    settings: readSettings({}, "w"),
    handle() {},
  });
  const { clock, lines } = rig([]);
  const forced = new AbortController();
  const { signal } = new AbortController();
  const context = { name: "w", clock, logger: lines, forced: forced.signal } as never;
  const ran = new Fate(pump.run(signal, context));
  await quiet();
  assert.equal(log, ["ack 1", "ack 2", "ack 3", "ack 4"]);
  const line = 'error: Service "w" got a delivery that cannot be used: Typ';
  assert.equal(lines.heads.map((head) => head.slice(0, 58)), [line, line]);
  assert.is(ran.state, "pending");
});

test("a Pump takes no more once it is closed", async () => {
  const log: string[] = [];
  const gate = new Gate();
  let taken = 0;
  let waited = 0;
  const pump = new Pump<unknown>({
    memory: {
      take: () => delivery(log, ++taken),
      wait: async () => void ++waited,
    },
    settings: readSettings({}, "w"),
    handle: () => gate.promise,
  });
  const { clock, lines } = rig([]);
  const { signal } = new AbortController();
  const context = {
    name: "w",
    clock,
    logger: lines,
    forced: new AbortController().signal,
  } as never;
  const ran = new Fate(pump.run(signal, context));
  await quiet();
  pump.close(new Error("Enough"));
  gate.open();
  await quiet();
  assert.equal([log, taken, waited, ran.state], [["ack 1"], 1, 0, "fulfilled"]);
});

test("a Pump that is closed before it runs asks for nothing", async () => {
  let asked = 0;
  const pump = new Pump<unknown>({
    source: { receive: async () => (asked++, []) },
    settings: readSettings({}, "w"),
    handle() {},
  });
  const { clock } = rig([]);
  pump.open();
  pump.close(new Error("Enough"));
  const forced = new AbortController().signal;
  await pump.run(new AbortController().signal, { name: "w", clock, forced } as never);
  assert.is(asked, 0);
});

test("consumer() asks for nothing when it is told to stop before its work has begun", async () => {
  const source = new ListSource(["a"]);
  const worker = consumer("w", { source, handle() {} });
  const { clock } = rig([]);
  const context = { name: "w", clock, forced: new AbortController().signal } as never;
  const started = worker.start(undefined, context);
  worker.stopping();
  await started;
  await quiet();
  assert.equal(source.asked, []);
  await worker.stop(undefined, undefined);
});

test("consumer() refuses settings that mean nothing, and names itself and the setting", () => {
  const source = new ListSource<string>([]);
  const wrong = (definition: object): string =>
    thrown(() => consumer("mails", { source, handle() {}, ...definition })).message;
  const at = (setting: string): string => `Cannot use service "mails".${setting}`;
  assert.is(wrong({ pollInterval: Infinity }), at("pollInterval: Infinity is not finite"));
  assert.is(wrong({ pollInterval: null }), at("pollInterval: expected number, got null"));
  assert.is(wrong({ concurrency: 1.5 }), at("concurrency: 1.5 is no whole number from 1"));
  assert.is(wrong({ concurrency: "4" }), at('concurrency: expected number, got string "4"'));
  assert.is(
    wrong({ retry: { attempts: 1.5 } }),
    at("retry.attempts: 1.5 is no whole number from 1"),
  );
  assert.is(wrong({ retry: { attempts: NaN } }), at("retry.attempts: NaN is not 0 or more"));
  assert.is(wrong({ retry: { delay: 5n } }), at("retry.delay: expected number, got bigint 5"));
  assert.is(wrong({ retry: { delay: Infinity } }), at("retry.delay: Infinity is not finite"));
  assert.is(
    wrong({ retry: { delay: 10, maxDelay: 5 } }),
    at("retry.maxDelay: 5 is less than delay: 10"),
  );
  assert.is(
    wrong({ retry: { retryable: 1 } }),
    at("retry.retryable: expected function, got number 1"),
  );
  assert.is(wrong({ receiveRetry: { delay: -1 } }), at("receiveRetry.delay: -1 is not 0 or more"));
  assert.is(wrong({ receiveRetry: 5 }), at("receiveRetry: expected object, got number 5"));
  assert.is(
    wrong({ outage: "bad" }),
    at('outage: expected degraded or unhealthy, got string "bad"'),
  );
  assert.is(wrong({ input: {} }), at("input: expected function, got object Object"));
  assert.is(wrong({ input: null }), at("input: expected function, got null"));
  assert.is(wrong({ around: 1 }), at("around: expected function, got number 1"));
  const receive = source.receive.bind(source);
  assert.is(
    wrong({ source: { receive, pollInterval: Infinity } }),
    at("source.pollInterval: Infinity is not finite"),
  );
  assert.is(
    wrong({ source: { receive, receiveRetry: { jitter: 2 } } }),
    at("source.receiveRetry.jitter: 2 is more than 1"),
  );
  assert.is(
    wrong({ source: { receive, stopping: true } }),
    at("source.stopping: expected function, got boolean true"),
  );
  assert.match(thrown(() => consumer("mails", null as never)).message, 'service "mails"');
  assert.match(thrown(() => consumer("mails", "x" as never)).message, 'service "mails"');
});

test.run();
