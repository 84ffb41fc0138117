/**
 * A listener that throws on an `AbortSignal` is an uncaught exception, which no library can change.
 * It must change no outcome either. (Hence no guard here: the tests count what is left unhandled.)
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { backgroundService, hostedService, onAbort } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";
import { watchUnhandled } from "./_unhandled.ts";

const fail = (): never => {
  throw new Error("of a listener");
};

/** Runs something, and returns how much of it nobody has handled. */
async function unhandled(run: () => Promise<void>): Promise<number> {
  let count = 0;
  const unwatch = watchUnhandled(() => count++);
  try {
    await run();
    await quiet();
    await quiet();
  } finally {
    unwatch();
  }
  return count;
}

test("listeners that throw on the lifetime's signals change no outcome", async () => {
  const trace = new Trace();
  const count = await unhandled(async () => {
    const { host } = rig([trace.service("a")]);
    const { started, stopping, stopped } = host.lifetime;
    for (const signal of [started, stopping, stopped]) {
      signal.addEventListener("abort", fail);
      signal.addEventListener("abort", () => trace.note("listener"));
    }
    await host.start();
    await host.stop();
    assert.is(host.state, "stopped");
  });
  assert.equal(trace.take(), ["a.start", "listener", "listener", "a.stop", "listener"]);
  assert.is(count, 3);
});

test("listeners that throw on the signals of hooks and work change no outcome", async () => {
  const count = await unhandled(async () => {
    const { host } = rig([
      backgroundService("worker", async (signal) => {
        await new Promise<void>((go) => {
          signal.addEventListener("abort", fail);
          signal.addEventListener("abort", () => go());
        });
      }),
      hostedService("slow", {
        stop: (signal) =>
          new Promise<void>((go) => {
            signal.addEventListener("abort", fail);
            signal.addEventListener("abort", () => go());
          }),
      }),
    ]);
    await host.start();
    await quiet();
    const controller = new AbortController();
    const stop = host.stop(controller.signal);
    await quiet();
    controller.abort("no grace");
    await stop;
    assert.is(host.state, "stopped");
  });
  assert.is(count, 2);
});

test("callbacks of onAbort that throw are neither uncaught nor change an outcome", async () => {
  const seen: unknown[] = [];
  const onError = (error: unknown): unknown => seen.push(error);
  const count = await unhandled(async () => {
    const { host } = rig([]);
    const { started, stopping, stopped } = host.lifetime;
    for (const signal of [started, stopping, stopped]) onAbort(signal, fail, { onError });
    await host.start();
    await host.stop();
  });
  assert.is(count, 0);
  assert.is(seen.length, 3);
});

test.run();
