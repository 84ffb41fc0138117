import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, BackgroundService, backgroundService, hostedService } from "../mod.ts";
import { define } from "../src/_definition.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

class Worker extends BackgroundService {
  execute(signal: AbortSignal): Promise<void> {
    return aborted(signal);
  }
}

const settings = {
  stopTimeout: 5,
  backgroundServiceExceptionBehavior: "ignore",
  holdsReady: true,
  heartbeat: 7,
} as const;

for (
  const [form, create] of [
    ["hostedService()", (hooks: object) => hostedService("it", hooks)],
    [
      "backgroundService()",
      (hooks: object) => backgroundService("it", Object.assign(hooks, { execute: aborted })),
    ],
    ["define()", (hooks: object) => define(new Worker(), "it", hooks)],
  ] as const
) {
  test(`${form} hands on every setting, and nothing it does not know`, () => {
    const service = create({ ...settings, unknown: 1 });
    for (const [key, value] of Object.entries({ name: "it", ...settings })) {
      assert.is(service[key as "name"], value, key);
    }
    assert.not.ok("unknown" in service);
  });

  test(`${form} asks the definition for its details and its health, as it is then`, () => {
    const definition = {
      count: 0,
      get details(): unknown {
        return { count: this.count };
      },
      health(): boolean {
        return this.count > 0;
      },
    };
    const service = create(definition);
    definition.count = 3;
    assert.equal(service.details, { count: 3 });
    assert.is(service.health?.(new AbortController().signal), true);
    assert.not.ok("details" in create({}));
  });
}

test("define() encloses the service's own hooks in those of the definition", async () => {
  const trace = new Trace();
  class Noisy extends Worker {
    override async start(...args: Parameters<Worker["start"]>): Promise<void> {
      trace.note("own start");
      await super.start(...args);
    }
    stopping(): void {
      trace.note("own stopping");
    }
    stopped(): void {
      trace.note("own stopped");
    }
    override async stop(...args: Parameters<Worker["stop"]>): Promise<void> {
      await super.stop(...args);
      trace.note("own stop");
    }
  }
  const service = define(new Noisy(), "noisy", {
    start: () => trace.note("start"),
    started: () => trace.note("started"),
    stopping: () => trace.note("stopping"),
    stop: () => trace.note("stop"),
  });
  const { host } = rig([service]);
  await host.start();
  await host.stop();
  assert.equal(trace.take(), [
    "start",
    "own start",
    "started",
    "own stopping",
    "stopping",
    "own stop",
    "stop",
    "own stopped",
  ]);
});

test.run();
