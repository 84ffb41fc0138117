import { test } from "uvu";
import * as assert from "uvu/assert";
import { hostedService } from "../mod.ts";
import { createHost } from "../src/runtime/node.ts";
import { forgetSignals, quiet } from "../src/testing/mod.ts";
import { FakeProcess } from "./_fake_process.ts";
import { rejection } from "./_fate.ts";
import { guard } from "./_guard.ts";

guard(test);

/** A process for a test, and hosts in it. */
async function inProcess(play: (process: FakeProcess) => Promise<void>): Promise<void> {
  const process = new FakeProcess();
  try {
    await play(process);
  } finally {
    process.restore();
  }
}

const host = (start: () => unknown = () => {}): ReturnType<typeof createHost> =>
  createHost([hostedService("a", { start })], { logger: false });

test("without forgetSignals() a signal of one test stops the host of the next", () =>
  inProcess(async (process) => {
    for (const [forgets, state] of [[false, "stopping"], [true, "started"]] as const) {
      const first = host();
      await first.start();
      process.send("SIGTERM");
      await first.waitForShutdown();
      if (forgets) forgetSignals();
      const second = host();
      await second.start().catch(() => {});
      if (state === "started") assert.is(second.state, state);
      else assert.is.not(second.state, "started");
      await second.stop().catch(() => {});
      forgetSignals();
      assert.equal([process.handled, process.timers], [[], 0]);
    }
  }));

test("forgetSignals() takes the exit code back that a failed host has set, and no other", () =>
  inProcess(async (process) => {
    const fails = (): never => {
      throw new Error("Refused");
    };
    await rejection(host(fails).run());
    assert.is(process.exitCode, 1);
    assert.ok(process.handled.length > 0);
    forgetSignals();
    assert.equal([process.exitCode || 0, process.handled, process.timers], [0, [], 0]);
    await rejection(host(fails).run());
    process.exitCode = 7;
    forgetSignals();
    assert.is(process.exitCode, 7);
  }));

test("forgetSignals() leaves a host that runs its signals", () =>
  inProcess(async (process) => {
    const running = host();
    const run = running.run();
    await quiet();
    forgetSignals();
    process.send("SIGTERM");
    await run;
    assert.is(running.state, "stopped");
    forgetSignals();
    forgetSignals();
  }));

test.run();
