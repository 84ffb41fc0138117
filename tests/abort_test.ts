import { test } from "uvu";
import * as assert from "uvu/assert";
import { AbortError, abortReason, Latch } from "../src/_abort.ts";
import { guard } from "./_guard.ts";

guard(test);

for (const look of ["before", "after"] as const) {
  test(`a latch keeps its first reason, whether its signal is made ${look} it fires`, () => {
    const latch = new Latch();
    if (look === "before") assert.is(latch.signal.aborted, false);
    latch.abort("first");
    latch.abort("second");
    latch.abortWith(() => "third");
    assert.is(latch.reason, "first");
    assert.is(latch.signal.aborted, true);
    assert.is(latch.signal.reason, "first");
  });
}

test("a latch makes its reason when somebody looks, and once", () => {
  let made = 0;
  const latch = new Latch();
  latch.abortWith(() => new AbortError(`made ${++made}`));
  assert.is(made, 0);
  const { reason } = latch;
  assert.is(latch.reason, reason);
  assert.is(latch.signal.reason, reason);
  assert.is(latch.signal, latch.signal);
  assert.is(made, 1);
});

test("a reason that is an AbortError is left as it is; any other is the cause of one", () => {
  const own = new DOMException("of a fetch", "AbortError");
  assert.is(abortReason("unused", own), own);
  const made = abortReason("It was asked to", "why") as Error;
  assert.equal([made.name, made.message, made.cause], ["AbortError", "It was asked to", "why"]);
});

test.run();
