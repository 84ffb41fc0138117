import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, BackgroundService, backgroundService, hostedService } from "../mod.ts";
import { define } from "../src/hosted_service.ts";
import { thrown } from "./_fate.ts";
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

for (
  const [form, create] of [
    ["hostedService()", (definition: object) => hostedService("pool", definition)],
    [
      "backgroundService()",
      (definition: object) => backgroundService("pool", definition as never),
    ],
    ["define()", (definition: object) => define(new Worker(), "pool", definition)],
  ] as const
) {
  test(`${form} says what is wrong with a definition, and whose it is`, () => {
    const execute = aborted;
    for (
      const [definition, message] of [
        [undefined, ": expected object, got undefined"],
        [null, ": expected object, got null"],
        ["start", ': expected object, got string "start"'],
        [{ execute, stopTimeout: -1 }, ".stopTimeout: -1 is not 0 or more"],
        [{ execute, stopTimeout: "5" }, '.stopTimeout: expected number, got string "5"'],
        [{ execute, heartbeat: NaN }, ".heartbeat: NaN is not 0 or more"],
        [{ execute, holdsReady: 1 }, ".holdsReady: expected boolean, got number 1"],
        [
          { execute, backgroundServiceExceptionBehavior: "StopHost" },
          ".backgroundServiceExceptionBehavior: expected stopHost or ignore, " +
          'got string "StopHost"',
        ],
        [{ execute, health: true }, ".health: expected function, got boolean true"],
        [{ execute, stopping: {} }, ".stopping: expected function, got object Object"],
      ] as const
    ) {
      const error = thrown(() => create(definition as never));
      assert.is(error.message, `Cannot use service "pool"${message}`);
    }
  });

  test(`${form} warns of a name that differs in case only, and of no other`, () => {
    const lines: unknown[] = [];
    const original = console.warn;
    console.warn = (line: unknown) => lines.push(line);
    try {
      create({ execute: aborted, Details: {}, mine: 1 });
      create({ execute: aborted, onstart() {}, Stop() {} });
    } finally {
      console.warn = original;
    }
    const warning = (name: string, right: string): string =>
      `Cannot use service "pool": there is no "${name}", did you mean "${right}"`;
    assert.equal(lines, [warning("Details", "details"), warning("Stop", "stop")]);
  });
}

test("hostedService() and backgroundService() without a name say so", () => {
  const hooks = { start() {} } as never;
  const text = "Cannot use the name of a service: expected string, got";
  assert.is(
    thrown(() => hostedService(hooks, undefined as never)).message,
    `${text} object Object`,
  );
  assert.is(thrown(() => hostedService(undefined as never, hooks)).message, `${text} undefined`);
  const work = async function work(): Promise<void> {};
  const call = (): unknown => backgroundService(work as never, undefined as never);
  assert.is(thrown(call).message, `${text} function work`);
});

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
