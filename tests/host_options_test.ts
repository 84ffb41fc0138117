import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  backgroundService,
  createHost,
  type HostedService,
  hostedService,
  type HostOptions,
  runHost,
  type Services,
} from "../mod.ts";
import { FakeClock } from "./_fake_clock.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";

guard(test);

type Refusal = readonly [value: unknown, kind: typeof TypeError | typeof RangeError, why: string];

const noNumber: readonly Refusal[] = [
  ["5", TypeError, 'expected a number of milliseconds, got "5"'],
  [null, TypeError, "expected a number of milliseconds, got null"],
  [true, TypeError, "expected a number of milliseconds, got boolean"],
  [5n, TypeError, "expected a number of milliseconds, got bigint"],
  [{}, TypeError, "expected a number of milliseconds, got object"],
  [NaN, RangeError, "NaN is not 0 or more"],
  [-1, RangeError, "-1 is not 0 or more"],
  [-Infinity, RangeError, "-Infinity is not 0 or more"],
];

const noFlag: readonly Refusal[] = [
  ["yes", TypeError, 'expected a boolean, got "yes"'],
  [1, TypeError, "expected a boolean, got number"],
  [null, TypeError, "expected a boolean, got null"],
];

const logger = "an object with the functions debug, info, warn, error";
const clock = "an object with the functions now, setTimeout, clearTimeout";
const hostLifetime = "an object with the functions waitForStart, stop";
const nothing = (): void => {};

const good: Readonly<Record<keyof HostOptions, readonly unknown[]>> = {
  servicesStartConcurrently: [undefined, false, true],
  servicesStopConcurrently: [undefined, false, true],
  startupTimeout: [undefined, 0, -0, 0.5, 1, 2 ** 31, Number.MAX_VALUE, Infinity],
  shutdownTimeout: [undefined, 0, 0.5, 1, 2 ** 31, Number.MAX_VALUE, Infinity],
  abandonTimeout: [undefined, 0, 0.5, 1, 2 ** 31, Number.MAX_VALUE, Infinity],
  backgroundServiceExceptionBehavior: [undefined, "stopHost", "ignore"],
  stopWhenIdle: [undefined, false, true],
  logger: [undefined, false, console, new Lines()],
  onEvent: [undefined, nothing],
  hostLifetime: [undefined, false, { waitForStart: nothing, stop: nothing }],
  clock: [undefined, new FakeClock()],
};

const bad: Readonly<Record<keyof HostOptions, readonly Refusal[]>> = {
  servicesStartConcurrently: noFlag,
  servicesStopConcurrently: noFlag,
  startupTimeout: noNumber,
  shutdownTimeout: noNumber,
  abandonTimeout: noNumber,
  backgroundServiceExceptionBehavior: [
    ["StopHost", TypeError, 'expected "stopHost" or "ignore", got "StopHost"'],
    ["", TypeError, 'expected "stopHost" or "ignore", got ""'],
    [0, TypeError, 'expected "stopHost" or "ignore", got number'],
    [null, TypeError, 'expected "stopHost" or "ignore", got null'],
  ],
  stopWhenIdle: noFlag,
  logger: [
    [true, TypeError, `expected ${logger}, got boolean`],
    [null, TypeError, `expected ${logger}, got null`],
    ["console", TypeError, `expected ${logger}, got "console"`],
    [{ log: nothing }, TypeError, `expected ${logger}, got object`],
    [{ debug: nothing, info: nothing, warn: nothing }, TypeError, `expected ${logger}, got object`],
  ],
  onEvent: [
    [{}, TypeError, "expected a function, got object"],
    [null, TypeError, "expected a function, got null"],
    ["log", TypeError, 'expected a function, got "log"'],
  ],
  hostLifetime: [
    [true, TypeError, `expected ${hostLifetime}, got boolean`],
    [null, TypeError, `expected ${hostLifetime}, got null`],
    [nothing, TypeError, `expected ${hostLifetime}, got function`],
    [{ waitForStart: nothing }, TypeError, `expected ${hostLifetime}, got object`],
    [{ stop: nothing }, TypeError, `expected ${hostLifetime}, got object`],
  ],
  clock: [
    [Date, TypeError, `expected ${clock}, got function`],
    [null, TypeError, `expected ${clock}, got null`],
    [{ now: nothing }, TypeError, `expected ${clock}, got object`],
    [{ now: nothing, setTimeout: nothing }, TypeError, `expected ${clock}, got object`],
  ],
};

for (const [option, values] of Object.entries(good)) {
  test(`option ${option}: every good value is taken`, async () => {
    for (const value of values) {
      const defaults = { logger: false as const, clock: new FakeClock() };
      const host = createHost([], { ...defaults, [option]: value });
      await host.start();
      await host.stop();
      assert.is(host.state, "stopped");
    }
  });
}

for (const [option, refusals] of Object.entries(bad)) {
  test(`option ${option}: every bad value is refused, by name`, async () => {
    for (const [value, kind, why] of refusals) {
      const options = { [option]: value };
      const error = thrown(() => createHost([], options));
      assert.instance(error, kind);
      assert.is(error.message, `Cannot use ${option}: ${why}`);
      const second = await rejection(runHost([], options));
      assert.is(second.message, error.message);
    }
  });
}

test("options: wrong ones are refused, none are needed, unknown ones do not matter", async () => {
  for (const [value, got] of [[null, "null"], ["fast", '"fast"'], [5, "number"]] as const) {
    const error = thrown(() => createHost([], value as never));
    assert.instance(error, TypeError);
    assert.is(error.message, `Cannot use options: expected an object, got ${got}`);
  }
  createHost([]);
  createHost([], undefined);
  createHost([], { unknown: true } as HostOptions);
});

test("options are read once, at construction", async () => {
  const options = { logger: false as const, clock: new FakeClock(), stopWhenIdle: true };
  const host = createHost([], options);
  options.stopWhenIdle = false;
  await host.run();
  assert.is(host.state, "stopped");
});

// Services.

const service = { start() {}, stop() {} };

class Mailer implements HostedService {
  start(): void {}
  stop(): void {}
}

const wanted = "expected a service (an object with start and stop) or a factory";
const badServices: readonly (readonly [what: string, value: unknown, message: string])[] = [
  ["null", null, `Cannot use services[1]: ${wanted}, got null`],
  ["undefined", undefined, `Cannot use services[1]: ${wanted}, got undefined`],
  ["a string", "mailer", `Cannot use services[1]: ${wanted}, got "mailer"`],
  ["a number", 42, `Cannot use services[1]: ${wanted}, got number`],
  ["an array", [service], "Cannot use services[1].start: expected a function, got undefined"],
  ["a promise", Promise.resolve(service), "Cannot use services[1].start: expected a function"],
  ["no start", { stop() {} }, "Cannot use services[1].start: expected a function, got undefined"],
  ["no stop", { start() {} }, "Cannot use services[1].stop: expected a function, got undefined"],
  [
    "a start that is no function",
    { ...service, start: true },
    "Cannot use services[1].start: expected a function, got boolean",
  ],
  [
    "a class instead of an instance",
    Mailer,
    "Cannot use services[1]: got the class Mailer, wanted an instance: write new Mailer()",
  ],
  [
    "a name that is no string",
    { ...service, name: 42 },
    "Cannot use services[1].name: expected a string, got number",
  ],
  [
    "a name that is null",
    { ...service, name: null },
    "Cannot use services[1].name: expected a string, got null",
  ],
  [
    "a stopTimeout that is no number",
    { ...service, stopTimeout: "5s" },
    'Cannot use services[1].stopTimeout: expected a number of milliseconds, got "5s"',
  ],
  [
    "a stopTimeout that is NaN",
    { ...service, stopTimeout: NaN },
    "Cannot use services[1].stopTimeout: NaN is not 0 or more",
  ],
  [
    "a stopTimeout that is negative",
    { ...service, stopTimeout: -1 },
    "Cannot use services[1].stopTimeout: -1 is not 0 or more",
  ],
  [
    "an unknown behaviour",
    { ...service, backgroundServiceExceptionBehavior: "restart" },
    "Cannot use services[1].backgroundServiceExceptionBehavior: " +
    'expected "stopHost" or "ignore", got "restart"',
  ],
];

for (const [what, value, message] of badServices) {
  test(`a service that is, or has, ${what} is refused, by its place`, () => {
    const error = thrown(() => createHost([service, value as HostedService]));
    assert.ok(error instanceof TypeError || error instanceof RangeError);
    assert.ok(error.message.startsWith(message), error.message);
  });
}

test("the same instance twice is refused, by its place and name", () => {
  const mailer = hostedService("mailer", {});
  const error = thrown(() => createHost([mailer, service, mailer]));
  assert.instance(error, TypeError);
  assert.is(error.message, 'Cannot use services[2]: "mailer" is in the list already');
});

test("two instances of one class are two services", async () => {
  const host = createHost([new Mailer(), new Mailer()]);
  await host.start();
  assert.is(host.services.length, 2);
  await host.stop();
});

for (
  const [what, value, got] of [
    ["undefined", undefined, "undefined"],
    ["null", null, "null"],
    ["one service", service, "object"],
    ["a number", 42, "number"],
    ["a class", Mailer, "function"],
  ] as const
) {
  test(`services that are ${what} are refused`, async () => {
    const message = `Cannot use services: expected an iterable of services and factories, got ${got}`;
    const error = thrown(() => createHost(value as unknown as Services));
    assert.instance(error, TypeError);
    assert.is(error.message, message);
    assert.is((await rejection(runHost(value as unknown as Services))).message, message);
  });
}

test("services may be any iterable", async () => {
  const set = new Set([hostedService("a", {}), hostedService("b", {})]);
  const host = createHost(set);
  assert.equal(host.services.map(({ name }) => name), ["a", "b"]);
  set.clear();
  assert.is(host.services.length, 2);
});

test("good services: every optional member may be undefined", async () => {
  const host = createHost([{
    ...service,
    name: undefined,
    stopTimeout: undefined,
    backgroundServiceExceptionBehavior: undefined,
  }]);
  await host.start();
  await host.stop();
});

for (const stopTimeout of [0, 1, 0.5, 2 ** 40, Infinity]) {
  test(`good services: stopTimeout ${stopTimeout}`, async () => {
    const host = createHost([{ ...service, stopTimeout }], { clock: new FakeClock() });
    await host.start();
    await host.stop();
  });
}

// Functional services.

test("hostedService() refuses what it cannot use, by name", () => {
  for (const make of [hostedService, backgroundService] as const) {
    const error = thrown(() => make(42 as never, { execute: async () => {} } as never));
    assert.instance(error, TypeError);
    assert.is(error.message, "Cannot use the name of a service: expected a string, got number");
  }
  for (const hook of ["starting", "start", "started", "stopping", "stop", "stopped"]) {
    const error = thrown(() => hostedService("mailer", { [hook]: "later" }));
    assert.instance(error, TypeError);
    assert.is(error.message, `Cannot use ${hook} of "mailer": expected a function, got "later"`);
  }
  for (const hooks of [undefined, null, 42]) {
    const error = thrown(() => hostedService("mailer", hooks as never));
    assert.instance(error, TypeError);
    assert.match(error.message, /^Cannot use service "mailer": expected an object with hooks, got /);
  }
});

test("backgroundService() refuses work that is none, by name", () => {
  for (const definition of [{}, { execute: "later" }]) {
    const error = thrown(() => backgroundService("worker", definition as never));
    assert.instance(error, TypeError);
    assert.match(error.message, /^Cannot use execute of service "worker": expected a function, got /);
  }
  for (const work of [undefined, null, 42]) {
    const error = thrown(() => backgroundService("worker", work as never));
    assert.instance(error, TypeError);
    assert.match(error.message, /^Cannot use service "worker": expected /);
  }
});

test("createHost() touches no clock", () => {
  let touched = 0;
  const touch = (): never => {
    touched++;
    throw new Error("touched");
  };
  const clock = { now: touch, setTimeout: touch, clearTimeout: touch };
  const host = createHost([service, () => service], { clock, logger: false });
  void host.state;
  void host.services;
  void host.lifetime.stopping;
  host.subscribe(() => {});
  assert.is(touched, 0);
});

test.run();
