import { test } from "uvu";
import * as assert from "uvu/assert";
import { consumer, type ConsumerDefinition, type Delivery } from "../src/consumers/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { ListSource } from "./_list_source.ts";
import { type Rig, rig } from "./_rig.ts";

guard(test);

interface Held extends Rig {
  readonly worker: ReturnType<typeof consumer<string>>;
  readonly source: ListSource<string>;
}

/** A consumer that has just been given "a", once, which is held in some way. */
async function holding(
  alter: (delivery: Delivery<string>, it: () => Held) => Partial<Delivery<string>>,
  definition: Partial<ConsumerDefinition<string>> = {},
): Promise<Held> {
  const source = new ListSource(["a"]);
  source.alter = (delivery) => ({
    ...delivery,
    release: ({ delay }) => source.log.push(`release a ${delay}`),
    ...alter(delivery, () => held),
  });
  const worker = consumer<string>("w", { random: () => 0, handle() {}, ...definition, source });
  const held: Held = { ...rig([worker], { shutdownTimeout: 5_000 }), source, worker };
  await held.host.start();
  await quiet();
  return held;
}

const lost =
  'warn: Service "w" has done an item whose hold was lost before the ack: it may come again';

test("consumer() aborts no signal but that of the item whose hold is lost", async () => {
  const source = new ListSource(["a", "b"]);
  const lost = new AbortController();
  source.alter = (delivery) =>
    delivery.value === "b" ? { ...delivery, lost: lost.signal } : delivery;
  const signals: AbortSignal[] = [];
  const gate = new Gate();
  const worker = consumer<string>("w", {
    source,
    handle: (value, signal) => (signals.push(signal), value === "b" ? gate.promise : undefined),
  });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  lost.abort(new Error("The connection is closed"));
  assert.equal(signals.map(({ aborted }) => aborted), [false, true]);
  gate.open();
  await host.stop();
});

test("consumer() counts a lease from when its source asked for it, and makes no attempt if it is over", async () => {
  for (const late of [2_999, 3_000]) {
    let signal: AbortSignal | undefined;
    const { clock, host, source } = await holding((_, it) => ({
      hold: "lease",
      extendEvery: 1_000,
      heldSince: it().clock.now() - late,
      extend: hang,
    }), { handle: (_, given) => ((signal = given), hang()) });
    assert.equal(
      [signal?.aborted, source.log],
      late < 3_000 ? [false, []] : [undefined, [
        "release a 0",
      ]],
    );
    await clock.advance(1);
    if (late < 3_000) assert.match((signal?.reason as Error).message, "not extended for 3000 ms");
    host.abort();
    await clock.advance(60_000);
  }
});

test("consumer() tries an ack under a lease again, and extends the lease meanwhile", async () => {
  const at: number[] = [];
  const { clock, host, source, worker } = await holding((_, it) => ({
    hold: "lease",
    extendEvery: 1_000,
    ack() {
      at.push(it().clock.now());
      if (at.length < 5) throw new Error("Away");
    },
  }));
  await clock.advance(10_000);
  assert.equal(at, [0, 250, 750, 1_750, 3_750]);
  assert.equal(source.log, ["extend a", "extend a", "extend a"]);
  const { done, unacked, settleErrors, active } = worker.details;
  assert.equal([done, unacked, settleErrors, active], [1, 0, 4, 0]);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() tries an ack under a lease again at least every 30 s", async () => {
  const at: number[] = [];
  const { clock, host } = await holding((_, it) => ({
    hold: "lease",
    extendEvery: 1_000,
    ack() {
      at.push(it().clock.now());
      return Promise.reject(new Error("Away"));
    },
  }));
  await clock.advance(200_000);
  const waits = at.slice(1).map((time, index) => time - at[index]!);
  assert.equal(waits.slice(5), [8_000, 16_000, ...Array(5).fill(30_000)]);
  const stopped = new Fate(host.stop());
  await clock.advance(5_000);
  assert.is(stopped.state, "fulfilled");
});

test("consumer() does not try an ack again that failed with its connection", async () => {
  let acks = 0;
  for (const hold of [undefined, "connection"] as const) {
    const { clock, host, worker } = await holding(() => ({
      hold,
      ack() {
        acks++;
        throw new Error("Closed");
      },
    }));
    await clock.advance(10_000);
    const { done, unacked, released } = worker.details;
    assert.equal([done, unacked, released], [0, 1, 0]);
    await host.stop();
  }
  assert.is(acks, 2);
});

test("consumer() gives up an ack when the lease is lost, and does not release the item", async () => {
  const at: number[] = [];
  const { clock, host, source, worker, lines } = await holding((_, it) => ({
    hold: "lease",
    extendEvery: 500,
    extend: () => Promise.reject(new Error("Away")),
    ack() {
      at.push(it().clock.now());
      return Promise.reject(new Error("Away"));
    },
  }));
  await clock.advance(1_499);
  assert.is(worker.details.active, 1);
  await clock.advance(1);
  assert.equal(at, [0, 250, 750]);
  assert.equal(source.log, []);
  const { done, unacked, released, active } = worker.details;
  assert.equal([done, unacked, released, active], [0, 1, 0, 0]);
  assert.is(lines.heads.at(-1), lost);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() goes on with an ack under a lease while it stops, until the grace ends", async () => {
  let open = false;
  for (const patient of [true, false]) {
    open = false;
    const { clock, host, source, worker } = await holding(() => ({
      hold: "lease",
      extendEvery: 1_000,
      ack() {
        if (!open) throw new Error("Away");
      },
    }));
    const stopped = new Fate(host.stop());
    await clock.advance(1_000);
    assert.is(stopped.state, "pending");
    open = patient;
    await clock.advance(3_999);
    assert.is(stopped.state, patient ? "fulfilled" : "pending");
    await clock.advance(1);
    assert.is(stopped.state, "fulfilled");
    const { done, unacked, released } = worker.details;
    assert.equal([done, unacked, released], patient ? [1, 0, 0] : [0, 1, 0]);
    assert.not.ok(source.log.some((line) => line.startsWith("release")));
    assert.is(clock.pending, 0);
  }
});

test("consumer() waits for an ack under a lease that is under way when the grace ends", async () => {
  const gate = new Gate();
  const { clock, host, worker } = await holding(() => ({ hold: "lease", ack: () => gate.promise }));
  const stopped = new Fate(host.stop());
  await clock.advance(5_001);
  assert.is(stopped.state, "pending");
  gate.open();
  await quiet();
  assert.is(stopped.state, "fulfilled");
  assert.equal([worker.details.done, worker.details.released], [1, 0]);
});

test("consumer() takes a lease for lost that was not extended for three intervals", async () => {
  let reason: unknown;
  const extended: number[] = [];
  const { clock, host, source } = await holding((_, it) => ({
    hold: "lease",
    extendEvery: 100,
    extend() {
      extended.push(it().clock.now());
      if (extended.length > 2) throw new Error("Away");
    },
  }), {
    handle: (_value, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(reason = signal.reason))
      ),
  });
  await clock.advance(499);
  assert.is(reason, undefined);
  await clock.advance(1);
  assert.is((reason as Error).message, "The hold on the item was not extended for 300 ms");
  assert.equal(extended.slice(0, 4), [100, 200, 300, 400]);
  assert.equal(source.log.slice(0, 1), ["release a 0"]);
  await host.stop();
});

test("consumer() counts a lease from when its extension was asked for", async () => {
  let reason: unknown;
  const { clock, host } = await holding((_, it) => ({
    hold: "lease",
    extendEvery: 100,
    // It answers after 150 ms, once; then nothing answers any more.
    extend: () =>
      it().clock.now() > 100
        ? hang()
        : new Promise<void>((resolve) => it().clock.setTimeout(resolve, 150)),
  }), {
    handle: (_value, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(reason = signal.reason))
      ),
  });
  await clock.advance(399);
  assert.is(reason, undefined);
  await clock.advance(1); // 100 and three intervals
  assert.ok(reason);
  await host.stop();
});

test("consumer() does not take for lost what is held by a connection and was not extended", async () => {
  const gate = new Gate();
  const { clock, host, source, worker } = await holding(() => ({
    extendEvery: 100,
    extend: () => Promise.reject(new Error("Away")),
  }), { handle: () => gate.promise });
  await clock.advance(10_000);
  gate.open();
  await quiet();
  assert.equal([source.log, worker.details.done], [["ack a"], 1]);
  await host.stop();
});

test("consumer() takes an item for lost when its extension answers false, and nothing else", async () => {
  const answers: unknown[] = [undefined, null, 0, "", NaN, {}, false];
  let asked = 0;
  let reason: unknown;
  const { clock, host, source, worker } = await holding(() => ({
    extendEvery: 100,
    extend: async () => answers[asked++],
  }), {
    handle: (_value, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(reason = signal.reason))
      ),
  });
  await clock.advance(600);
  assert.is(reason, undefined);
  await clock.advance(100);
  assert.is((reason as Error).message, "The source has lost its hold on the item");
  assert.equal(source.log, ["release a 0"]);
  assert.is(worker.details.failed, 0);
  assert.is(asked, 7);
  const stopped = new Fate(host.stop());
  await clock.advance(6_000);
  assert.is(stopped.state, "fulfilled");
});

test("consumer() counts what was done and lost as unacked, and never releases it", async () => {
  for (const hold of ["connection", "lease"] as const) {
    const gate = new Gate();
    const { clock, host, source, worker, lines } = await holding(() => ({
      hold,
      extendEvery: 100,
      extend: () => false,
    }), { handle: () => gate.promise });
    await clock.advance(100);
    gate.open();
    await quiet();
    assert.equal(source.log, ["ack a"]); // once: it may still be worth something
    const { done, unacked, released, active } = worker.details;
    assert.equal([done, unacked, released, active], [0, 1, 0, 0]);
    assert.is(lines.heads.at(-1), lost);
    assert.is(clock.pending, 0);
    await host.stop();
  }
});

test("consumer() does not try the ack of what is lost again", async () => {
  const gate = new Gate();
  let acks = 0;
  const { clock, host, worker } = await holding(() => ({
    hold: "lease",
    extendEvery: 100,
    extend: () => false,
    ack() {
      acks++;
      throw new Error("Whose?");
    },
  }), { handle: () => gate.promise });
  await clock.advance(100);
  gate.open();
  await clock.advance(10_000);
  assert.equal([acks, worker.details.unacked, worker.details.active], [1, 1, 0]);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() has nothing to do with an extension that ends after the item has", async () => {
  for (const answer of [true, false, new Error("Too late")]) {
    const work = new Gate();
    const extension = new Gate();
    const { clock, host, lines, worker } = await holding(() => ({
      hold: "lease",
      extendEvery: 100,
      extend: () => extension.promise.then(() => answer),
    }), { handle: () => work.promise });
    await clock.advance(100);
    work.open();
    await quiet();
    if (answer instanceof Error) extension.fail(answer);
    else extension.open();
    await quiet();
    assert.equal([clock.pending, lines.all, worker.details.done], [0, [], 1]);
    await host.stop();
  }
});

test("consumer() does not extend what is lost while its handler goes on", async () => {
  for (const hold of ["connection", "lease"] as const) {
    const gate = new Gate();
    const lost = new AbortController();
    const { clock, host, source } = await holding(
      () => ({ hold, extendEvery: 100, lost: lost.signal }),
      { handle: () => gate.promise },
    );
    await clock.advance(150);
    lost.abort();
    await clock.advance(1_000);
    assert.equal([source.log, clock.pending], [["extend a"], 0]);
    gate.open();
    await quiet();
    await host.stop();
  }
});

test("consumer() ends the wait for another attempt when the lease is lost", async () => {
  let extended = 0;
  const { clock, host, source } = await holding(() => ({
    hold: "lease",
    extendEvery: 100,
    extend: () => ++extended < 3,
  }), { handle: () => Promise.reject(new Error("Bad")), retry: { delay: 60_000 } });
  await clock.advance(299);
  assert.equal(source.log, []);
  await clock.advance(1);
  assert.equal(source.log, ["release a 0"]);
  await host.stop();
  assert.is(clock.pending, 0);
});

test("consumer() extends nothing without extendEvery, and nothing that cannot be extended", async () => {
  for (const more of [{ extend: undefined as never, extendEvery: 100 }, {}]) {
    const gate = new Gate();
    const { clock, host, source } = await holding(
      () => ({ hold: "lease", ...more }),
      { handle: () => gate.promise },
    );
    await clock.advance(10_000);
    assert.equal(source.log, []);
    assert.is(clock.pending, 0);
    const stopped = host.stop();
    gate.open();
    await stopped;
  }
});

test("consumer() says with the release whether an attempt has failed", async () => {
  const released: unknown[] = [];
  const error = new Error("Bad");
  const alter = (): Partial<Delivery<string>> => ({ release: (options) => released.push(options) });

  const waits = await holding(alter, { handle: () => Promise.reject(error) });
  await waits.host.stop(); // while it waits for another attempt
  assert.equal(released.splice(0), [{ delay: 0, error }]);

  const cut = await holding(alter, { handle: () => hang(), stopTimeout: 10 });
  const stopped = new Fate(cut.host.stop());
  await cut.clock.advance(20);
  assert.equal(released.splice(0), [{ delay: 0 }]);
  assert.not.ok("error" in (released[0] as object ?? {}));
  await cut.clock.advance(10_000);
  assert.is(stopped.state, "rejected");

  const undead = await holding(alter, {
    retry: { attempts: 1, delay: 10 },
    handle: () => Promise.reject(error),
    onDeadLetter: () => Promise.reject(new Error("Closed")),
  });
  await undead.clock.advance(10);
  assert.equal(released.splice(0), [{ delay: 10, error }]);
  await undead.host.stop();

  const nothing = await holding(alter, { handle: () => Promise.reject(undefined) });
  await nothing.host.stop();
  assert.match(String((released[0] as { error: unknown }).error), "It failed with undefined");
});

test("consumer() counts what it could not release or reject as released", async () => {
  const fail = (): never => {
    throw new Error("Away");
  };
  const { host, worker } = await holding(() => ({ release: fail, reject: fail }), {
    retry: { attempts: 1 },
    handle: () => Promise.reject(new Error("Bad")),
  });
  const { deadLettered, released, settleErrors, received, active } = worker.details;
  assert.equal([deadLettered, released, settleErrors, received, active], [0, 1, 1, 1, 0]);
  await host.stop();
});

test("consumer() names what it waits for when that hangs, and again after each doubling", async () => {
  const bad = { handle: () => Promise.reject(new Error("Bad")), retry: { attempts: 1 } };
  const source = "its source to take note that an item is";
  const cases: [string, Partial<Delivery<string>>, Partial<ConsumerDefinition<string>>][] = [
    [`${source} done`, { ack: hang }, {}],
    [`${source} done`, { ack: hang, hold: "lease" }, {}],
    [`${source} deadLettered`, { reject: hang }, bad],
    [`${source} released`, { ack: undefined as never, release: hang }, {}], // no delivery at all
    ['its "onDeadLetter"', {}, { ...bad, onDeadLetter: hang }],
    ['its "input"', {}, { input: hang }],
    ["its source to extend its hold", { extend: hang, extendEvery: 1 }, { handle: hang }],
  ];
  for (const [what, delivery, definition] of cases) {
    const { clock, host, lines } = await holding(() => delivery, definition);
    await clock.advance(29_999);
    const waits = (): string[] => lines.heads.filter((line) => line.includes("has waited"));
    assert.equal(waits(), [], what);
    await clock.advance(211_000);
    const line = (seconds: number): string =>
      `warn: Service "w" has waited ${seconds} s for ${what}`;
    assert.equal(waits(), [30, 60, 120, 240].map(line));
    const stopped = new Fate(host.stop());
    await clock.advance(7_000);
    assert.is(stopped.state, "rejected");
    assert.is(clock.pending, 0, `something waits for ${what}`); // the host has named it
    assert.is(waits().length, 4);
  }
});

test("consumer() leaves no timer behind for what outlives the grace", async () => {
  for (const delivery of [{ ack: hang }, { ack: hang, hold: "lease" }, {}] as const) {
    const { clock, host } = await holding(() => ({ extendEvery: 100, ...delivery }), {
      timeout: 1_000_000,
      handle: "ack" in delivery ? () => {} : hang,
    });
    const stopped = new Fate(host.stop());
    await clock.advance(8_000);
    assert.is(stopped.state, "rejected");
    assert.is(clock.pending, 0);
  }
});

test("consumer() says nothing of a settle call that takes less than 30 s", async () => {
  const { clock, host, lines, worker } = await holding((_, it) => ({
    ack: () => new Promise<void>((resolve) => it().clock.setTimeout(resolve, 29_999)),
  }));
  await clock.advance(100_000);
  assert.equal(lines.all, []);
  assert.is(worker.details.done, 1);
  assert.is(clock.pending, 0);
  await host.stop();
});

test("consumer() leaves no timer of an attempt that has failed", async () => {
  const { clock, host } = await holding(() => ({}), {
    timeout: 50_000,
    retry: { attempts: 2, delay: 1_000 },
    handle: () => Promise.reject(new Error("Bad")),
  });
  assert.is(clock.next, 1_000);
  assert.is(clock.pending, 1);
  await clock.advance(1_000);
  assert.is(clock.pending, 0);
  await host.stop();
});

test.run();
