import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, onAbort } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";

guard(test);

test("onAbort() calls back once when the signal aborts, with its reason", () => {
  const controller = new AbortController();
  const seen: unknown[] = [];
  onAbort(controller.signal, (reason) => seen.push(reason));
  assert.equal(seen, []);
  controller.abort("over");
  controller.abort("again");
  assert.equal(seen, ["over"]);
});

test("onAbort() calls back at once if the signal has aborted", () => {
  const seen: unknown[] = [];
  onAbort(AbortSignal.abort("over"), (reason) => seen.push(reason));
  assert.equal(seen, ["over"]);
});

test("onAbort() returns a function that removes the callback", () => {
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const seen: unknown[] = [];
  const remove = onAbort(controller.signal, (reason) => seen.push(reason));
  assert.is(listeners.now, 1);
  remove();
  remove();
  assert.is(listeners.now, 0);
  controller.abort("over");
  remove();
  assert.equal(seen, []);
});

test("onAbort() on an aborted signal leaves no listener", () => {
  const signal = AbortSignal.abort();
  const listeners = new Listeners(signal);
  const remove = onAbort(signal, () => {});
  remove();
  assert.is(listeners.added, 0);
});

for (const how of ["throws", "rejects"]) {
  for (const when of ["later", "before"]) {
    test(`onAbort() gives onError what the callback ${how}, aborted ${when}`, async () => {
      const controller = new AbortController();
      if (when === "before") controller.abort();
      const boom = new Error("boom");
      const seen: unknown[] = [];
      const callback = (): Promise<void> => {
        if (how === "throws") throw boom;
        return Promise.reject(boom);
      };
      onAbort(controller.signal, callback, { onError: (error) => seen.push(error) });
      controller.abort();
      await quiet();
      assert.equal(seen.map((it) => it === boom), [true]);
    });
  }
}

test("onAbort() writes what the callback throws to console.error, unless told otherwise", async () => {
  const original = console.error;
  const lines: unknown[][] = [];
  console.error = (...args) => void lines.push(args);
  try {
    onAbort(AbortSignal.abort(), () => {
      throw new Error("boom", { cause: "why" });
    });
    await quiet();
  } finally {
    console.error = original;
  }
  assert.is(lines.length, 1);
  assert.is(lines[0]?.length, 1);
  assert.match(String(lines[0]?.[0]), /^Error: boom\n/);
  assert.match(String(lines[0]?.[0]), "by why");
});

test("onAbort(): one callback that throws keeps no other from being called", async () => {
  const controller = new AbortController();
  const seen: string[] = [];
  const onError = (): unknown => seen.push("error");
  onAbort(controller.signal, () => {
    seen.push("first");
    throw new Error("boom");
  }, { onError });
  onAbort(controller.signal, () => seen.push("second"));
  controller.abort();
  await quiet();
  assert.equal(seen.sort(), ["error", "first", "second"]);
});

test("onAbort(): callbacks are called in the order they were added", () => {
  const controller = new AbortController();
  const seen: number[] = [];
  for (const index of [1, 2, 3]) onAbort(controller.signal, () => seen.push(index));
  controller.abort();
  assert.equal(seen, [1, 2, 3]);
});

test("onAbort(): a callback may remove another", () => {
  const controller = new AbortController();
  const seen: string[] = [];
  onAbort(controller.signal, () => remove());
  const remove = onAbort(controller.signal, () => seen.push("removed"));
  controller.abort();
  assert.equal(seen, []);
});

test("onAbort() listens to a signal once, however many callbacks there are", () => {
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  let called = 0;
  const removers = Array.from({ length: 20 }, () => onAbort(controller.signal, () => called++));
  assert.equal([listeners.now, listeners.added], [1, 1]);
  removers.shift()!();
  assert.is(listeners.now, 1, "the others still wait");
  controller.abort();
  assert.is(called, 19);
  assert.is(listeners.now, 0);
});

test("onAbort(): to remove a callback twice takes nobody else's away", () => {
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  let called = 0;
  const remove = onAbort(controller.signal, () => called--);
  remove();
  assert.is(listeners.now, 0);
  onAbort(controller.signal, () => called++);
  remove();
  onAbort(controller.signal, () => called++);
  assert.equal([listeners.now, listeners.added], [1, 2]);
  controller.abort();
  assert.is(called, 2);
});

test("onAbort(): the same callback may be there twice", () => {
  const controller = new AbortController();
  let called = 0;
  const callback = (): number => called++;
  const remove = onAbort(controller.signal, callback);
  onAbort(controller.signal, callback);
  remove();
  controller.abort();
  assert.is(called, 1);
});

test("onAbort(): a callback that is added while others are called is called too", () => {
  const controller = new AbortController();
  const seen: string[] = [];
  onAbort(controller.signal, () => {
    onAbort(controller.signal, (reason) => seen.push(`late ${reason}`));
    seen.push("first");
  });
  onAbort(controller.signal, () => seen.push("second"));
  controller.abort("over");
  assert.equal(seen, ["late over", "first", "second"]);
});

test("onAbort() says what is no signal", () => {
  const controller = new AbortController();
  assert.match(
    thrown(() => onAbort(controller as never, () => {})).message,
    "expected an AbortSignal, got object AbortController",
  );
});

test("aborted() resolves when the signal aborts", async () => {
  const controller = new AbortController();
  const fate = new Fate(aborted(controller.signal));
  await quiet();
  assert.is(fate.state, "pending");
  controller.abort(new Error("never thrown"));
  await quiet();
  assert.is(fate.state, "fulfilled");
});

test("aborted() resolves at once if the signal has aborted", async () => {
  assert.is(await aborted(AbortSignal.abort("never thrown")), undefined);
});

test("aborted() leaves no listener once it has resolved", async () => {
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  const waiting = aborted(controller.signal);
  assert.is(listeners.now, 1);
  controller.abort();
  await waiting;
  assert.is(listeners.now, 0);
});

test("onAbort() writes what onError throws to the console", async () => {
  const controller = new AbortController();
  const written: string[] = [];
  const { error } = console;
  console.error = (line: string) => void written.push(line);
  try {
    onAbort(controller.signal, () => Promise.reject(new Error("callback")), {
      onError() {
        throw new Error("worse");
      },
    });
    controller.abort();
    await new Promise((resolve) => setTimeout(resolve));
  } finally {
    console.error = error;
  }
  assert.is(written.length, 1);
  assert.match(String(written[0]), /worse/);
});

test.run();
