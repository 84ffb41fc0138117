/**
 * Our timers beside test tools that replace the global ones while something of ours runs.
 *
 * @module
 */

import { mock } from "node:test";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  backgroundService,
  createHost,
  delay,
  every,
  PeriodicTimer,
  type ServiceContext,
  timed,
} from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { ReplacedTimers } from "./_replaced_timers.ts";
import { runtime } from "./_servers.ts";

guard(test);

const hour = 60 * 60 * 1_000;

/** Begins to wait for an hour; what it returns ends that. */
const waits: Readonly<Record<string, () => () => unknown>> = {
  "delay()": () => {
    const controller = new AbortController();
    delay(hour, { signal: controller.signal }).catch(() => {});
    return () => controller.abort();
  },
  "every()": () => {
    const controller = new AbortController();
    void (async () => {
      for await (const _ of every(hour, { signal: controller.signal }));
    })();
    return () => controller.abort();
  },
  "PeriodicTimer": () => {
    const timer = new PeriodicTimer(hour);
    void timer.waitForNextTick();
    return () => timer[Symbol.dispose]();
  },
  "a host that runs": () => {
    const services = [
      timed("job", { period: hour, work: () => {} }),
      backgroundService("worker", (signal) => delay(hour, { signal })),
    ];
    const host = createHost(services, { logger: false });
    void host.run();
    return () => host.lifetime.stopApplication();
  },
};

/** Until all is done that needs no time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await quiet();
}

for (const [what, begin] of Object.entries(waits)) {
  test(`${what} leaves no timer when a test tool comes while it waits`, async () => {
    const platform = new ReplacedTimers();
    try {
      const end = begin();
      await settled();
      assert.ok(platform.pending > 0, "it waits");
      const tool = new ReplacedTimers();
      end();
      await settled();
      tool.remove();
      assert.equal([platform.pending, tool.pending], [0, 0]);
      assert.equal([...platform.foreign, ...tool.foreign], []);
    } finally {
      platform.remove();
    }
  });

  test(`${what} leaves no timer when the test tool goes while it waits`, async () => {
    const platform = new ReplacedTimers();
    try {
      const tool = new ReplacedTimers();
      const end = begin();
      await settled();
      assert.ok(tool.pending > 0, "it waits");
      tool.remove();
      end();
      await settled();
      assert.equal([platform.pending, tool.pending], [0, 0]);
      assert.equal([...platform.foreign, ...tool.foreign], []);
    } finally {
      platform.remove();
    }
  });
}

/** Replaces the timers and not `performance.now`. */
interface Tool {
  readonly tick: (ms: number) => void;
  readonly remove: () => void;
}

const tools: Record<string, () => Tool> = {
  "a tool of our own": () => new ReplacedTimers(),
  "node:test": () => {
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    return { tick: (ms) => mock.timers.tick(ms), remove: () => mock.timers.reset() };
  },
  "node:test, without Date": () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    return { tick: (ms) => mock.timers.tick(ms), remove: () => mock.timers.reset() };
  },
};
if (runtime === "bun") {
  const name = "bun:test";
  const { jest } = await import(name) as {
    readonly jest: {
      useFakeTimers(): void;
      useRealTimers(): void;
      advanceTimersByTime(ms: number): void;
    };
  };
  tools[name] = () => {
    jest.useFakeTimers();
    return { tick: (ms) => jest.advanceTimersByTime(ms), remove: () => jest.useRealTimers() };
  };
}

for (const [name, install] of Object.entries(tools)) {
  test(`every() ticks once for each period of the timers (${name})`, async () => {
    const tool = install();
    try {
      const controller = new AbortController();
      let ticks = 0;
      const loop = async (): Promise<void> => {
        for await (const _ of every(60_000, { signal: controller.signal })) ticks++;
      };
      const done = new Fate(loop());
      await settled();
      tool.tick(30_000);
      await settled();
      assert.is(ticks, 0);
      for (const expected of [1, 2, 3]) {
        tool.tick(60_000);
        await settled();
        assert.is(ticks, expected);
      }
      controller.abort();
      await settled();
      assert.is(done.state, "fulfilled");
    } finally {
      tool.remove();
    }
  });

  test(`timed() runs once for each period of the timers (${name})`, async () => {
    const tool = install();
    try {
      const job = timed("job", { period: 150_000, work: () => {} });
      const host = createHost([job], { logger: false });
      await host.start();
      await settled();
      for (const expected of [0, 0, 1, 1, 2]) { // it sleeps a minute at most
        for (const ms of [30_000, 30_000]) {
          tool.tick(ms);
          await settled();
        }
        assert.is(job.details.runs, expected);
      }
      await host.stop();
    } finally {
      tool.remove();
    }
  });

  test(`delay() and PeriodicTimer go by the timers (${name})`, async () => {
    const tool = install();
    try {
      const waiting = [new Fate(delay(60_000)), new Fate(new PeriodicTimer(1).waitForNextTick())];
      await settled();
      tool.tick(1);
      await settled();
      assert.equal(waiting.map(({ state }) => state), ["pending", "fulfilled"]);
      tool.tick(59_999);
      await settled();
      assert.equal(waiting.map(({ state }) => state), ["fulfilled", "fulfilled"]);
    } finally {
      tool.remove();
    }
  });
}

test("a worker of timed() without a host goes by the clock of its context", async () => {
  const tool = new ReplacedTimers();
  try {
    const clock = { now: () => 0, setTimeout: () => undefined, clearTimeout: () => {} };
    const job = timed("job", { period: 1, work: () => {} });
    await job.start(undefined, { name: "job", clock } as unknown as ServiceContext);
    await settled();
    assert.is(tool.pending, 0);
    await job.stop();
  } finally {
    tool.remove();
  }
});

test.run();
