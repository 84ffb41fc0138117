import { test } from "uvu";
import * as assert from "uvu/assert";
import { FakeClock, FakeLease, quiet, type Term } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";

guard(test);

const duration = 15_000;
const { signal } = new AbortController();
const boom = new Error("Refused");

/** A lease that is held by "a". */
async function held(): Promise<{ clock: FakeClock; lease: FakeLease; term: Term }> {
  const clock = new FakeClock();
  const lease = new FakeLease({ clock });
  const term = await lease.acquire(signal, { holder: "a", duration });
  return { clock, lease, term: term! };
}

test("FakeLease is given to one at a time, and runs out", async () => {
  const { clock, lease, term } = await held();
  assert.equal([lease.holder, lease.token, lease.until, term.token], ["a", 1, 15_000, 1]);
  assert.is(await lease.acquire(signal, { holder: "b", duration }), undefined);
  await clock.advance(10_000);
  assert.is(await term.renew(signal, { duration }), true);
  assert.is(lease.until, 25_000);
  await clock.advance(15_000);
  assert.equal([lease.holder, lease.until], [undefined, undefined]);
  assert.is(await term.renew(signal, { duration }), false);
  const next = await lease.acquire(signal, { holder: "b", duration });
  assert.is(next!.token, 2);
  await term.release(signal);
  assert.is(lease.holder, "b");
  await next!.release(signal);
  assert.is(lease.holder, undefined);
  assert.equal(lease.log, [
    "acquire a: 1",
    "acquire b: held",
    "renew a: true",
    "renew a: false",
    "acquire b: 2",
    "release a: not held",
    "release b: done",
  ]);
});

test("FakeLease.steal() and lose() end a term", async () => {
  const { lease, term } = await held();
  assert.is(lease.steal("b"), 2);
  assert.is(await term.renew(signal, { duration }), false);
  assert.equal([lease.holder, lease.until], ["b", Infinity]);
  lease.lose();
  assert.equal([lease.holder, lease.token], [undefined, 2]);
  assert.is((await lease.acquire(signal, { holder: "a", duration }))!.token, 3);
});

test("FakeLease.steal() may be for a while", async () => {
  const { clock, lease } = await held();
  lease.steal("b", 100);
  await clock.advance(100);
  assert.is(lease.holder, undefined);
});

test("FakeLease begins with the token it is told to", async () => {
  const lease = new FakeLease({ clock: new FakeClock(), firstToken: 7 });
  assert.is((await lease.acquire(signal, { holder: "a", duration }))!.token, 7);
});

test("FakeLease.trouble(): a call that fails, so many times", async () => {
  const { lease, term } = await held();
  lease.trouble("renew", { error: boom, times: 2 });
  for (let i = 0; i < 2; i++) assert.is(await rejection(term.renew(signal, { duration })), boom);
  assert.is(await term.renew(signal, { duration }), true);
  lease.trouble("acquire", { error: boom });
  assert.is(await rejection(lease.acquire(signal, { holder: "b", duration })), boom);
  lease.trouble("release", { error: boom });
  assert.is(await rejection(term.release(signal)), boom);
  assert.is(lease.holder, "a");
});

test("FakeLease.trouble(): what was done, and its answer lost", async () => {
  const { lease, term } = await held();
  lease.trouble("release", { error: boom, done: true });
  assert.is(await rejection(term.release(signal)), boom);
  assert.is(lease.holder, undefined);
});

test("FakeLease.trouble(): a slow call ends with its signal, a late one does not", async () => {
  const { clock, lease, term } = await held();
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  lease.trouble("renew", { delay: 1_000, times: 2 });
  const slow = term.renew(controller.signal, { duration });
  await clock.advance(1_000);
  assert.is(await slow, true);
  assert.is(lease.until, 16_000, "it counts from when it was done");
  const ended = term.renew(controller.signal, { duration });
  controller.abort(boom);
  assert.is(await rejection(ended), boom);
  assert.equal([clock.pending, listeners.now], [0, 0]);
  assert.is(await rejection(term.renew(controller.signal, { duration })), boom);

  lease.trouble("acquire", { delay: 60_000, late: true });
  const late = lease.acquire(controller.signal, { holder: "b", duration });
  const fate = new Fate(late);
  await clock.advance(59_999);
  await quiet();
  assert.is(fate.state, "pending");
  await clock.advance(1);
  assert.is((await late)!.token, 2, "it has it though nobody waits for it any more");
  assert.is(lease.holder, "b");
});

test("FakeLease.trouble(): a call that hangs", async () => {
  const { clock, lease, term } = await held();
  const controller = new AbortController();
  lease.trouble("renew", { delay: Infinity });
  const hangs = new Fate(term.renew(controller.signal, { duration }));
  await clock.advance(1e9);
  assert.equal([hangs.state, clock.pending], ["pending", 0]);
  controller.abort(boom);
  await quiet();
  assert.is(hangs.reason, boom);
});

test.run();
