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
import { FakeClock } from "../src/testing/mod.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";

guard(test);

type Refusal = readonly [value: unknown, kind: typeof TypeError | typeof RangeError, why: string];

const noNumber: readonly Refusal[] = [
  ["5", TypeError, 'expected number, got string "5"'],
  [null, TypeError, "expected number, got null"],
  [true, TypeError, "expected number, got boolean true"],
  [false, TypeError, "expected number, got boolean false"],
  [5n, TypeError, "expected number, got bigint 5"],
  [{}, TypeError, "expected number, got object Object"],
  [NaN, RangeError, "NaN is not 0 or more"],
  [-1, RangeError, "-1 is not 0 or more"],
  [-Infinity, RangeError, "-Infinity is not 0 or more"],
];

const noFlag: readonly Refusal[] = [
  ["yes", TypeError, 'expected boolean, got string "yes"'],
  [1, TypeError, "expected boolean, got number 1"],
  [0, TypeError, "expected boolean, got number 0"],
  [null, TypeError, "expected boolean, got null"],
];

const nothing = (): void => {};

const good: Readonly<Record<keyof HostOptions, readonly unknown[]>> = {
  servicesStartConcurrently: [undefined, false, true],
  servicesStopConcurrently: [undefined, false, true],
  startupTimeout: [undefined, 0, -0, 0.5, 1, 2 ** 31, Number.MAX_VALUE, Infinity],
  shutdownTimeout: [undefined, 0, 0.5, 1, 2 ** 31, Number.MAX_VALUE, Infinity],
  drainDelay: [undefined, 0, 0.5, 1, 2 ** 31, Number.MAX_VALUE, Infinity],
  abandonTimeout: [undefined, 0, 0.5, 1, 2 ** 31, Number.MAX_VALUE, Infinity],
  backgroundServiceExceptionBehavior: [undefined, "stopHost", "ignore"],
  stopWhenIdle: [undefined, false, true],
  logger: [undefined, false, console, new Lines()],
  onEvent: [undefined, nothing],
  hostLifetime: [undefined, false, { waitForStart: nothing, stop: nothing }],
  clock: [undefined, new FakeClock()],
};

/** Why a value is refused; it begins with the member that is wrong, if it is one. */
const bad: Readonly<Record<keyof HostOptions, readonly Refusal[]>> = {
  servicesStartConcurrently: noFlag,
  servicesStopConcurrently: noFlag,
  startupTimeout: noNumber,
  shutdownTimeout: noNumber,
  drainDelay: noNumber,
  abandonTimeout: noNumber,
  backgroundServiceExceptionBehavior: [
    ["StopHost", TypeError, 'expected stopHost or ignore, got string "StopHost"'],
    ["restart", TypeError, 'expected stopHost or ignore, got string "restart"'],
    [false, TypeError, "expected string, got boolean false"],
    [0, TypeError, "expected string, got number 0"],
    [null, TypeError, "expected string, got null"],
  ],
  stopWhenIdle: noFlag,
  logger: [
    [true, TypeError, "expected object, got boolean true"],
    [null, TypeError, "expected object, got null"],
    ["console", TypeError, 'expected object, got string "console"'],
    [{ log: nothing }, TypeError, ".debug: expected function, got undefined"],
    [
      { debug: nothing, info: nothing, warn: nothing },
      TypeError,
      ".error: expected function, got undefined",
    ],
  ],
  onEvent: [
    [{}, TypeError, "expected function, got object Object"],
    [null, TypeError, "expected function, got null"],
    ["log", TypeError, 'expected function, got string "log"'],
    [false, TypeError, "expected function, got boolean false"],
  ],
  hostLifetime: [
    [true, TypeError, "expected object, got boolean true"],
    [null, TypeError, "expected object, got null"],
    [nothing, TypeError, "expected object, got function nothing"],
    [{ waitForStart: nothing }, TypeError, ".stop: expected function, got undefined"],
    [{ stop: nothing }, TypeError, ".waitForStart: expected function, got undefined"],
  ],
  clock: [
    [Date, TypeError, "expected object, got function Date"],
    [null, TypeError, "expected object, got null"],
    [false, TypeError, "expected object, got boolean false"],
    [{ now: nothing }, TypeError, ".setTimeout: expected function, got undefined"],
    [
      { now: nothing, setTimeout: nothing },
      TypeError,
      ".clearTimeout: expected function, got undefined",
    ],
  ],
};

for (const [option, values] of Object.entries(good)) {
  test(`option ${option}: every good value is taken`, async () => {
    for (const value of values) {
      const defaults = { logger: false as const, clock: new FakeClock() };
      const host = createHost([], { ...defaults, [option]: value });
      await host.start();
      await host.stop(AbortSignal.abort()); // this clock stands still
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
      const label = why.startsWith(".") ? option : `${option}: `;
      assert.is(error.message, `Cannot use ${label}${why}`);
      const second = await rejection(runHost([], options));
      assert.is(second.message, error.message);
    }
  });
}

test("options: wrong ones are refused, none are needed, unknown ones do not matter", async () => {
  for (
    const [value, got] of [[null, "null"], ["fast", 'string "fast"'], [5, "number 5"]] as const
  ) {
    const error = thrown(() => createHost([], value as never));
    assert.instance(error, TypeError);
    assert.is(error.message, `Cannot use options: expected object, got ${got}`);
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

test("an option whose name differs from a right one in case only is named in a warning", () => {
  const logger = new Lines();
  const misspelt = { shutDownTimeout: 5, hostlifetime: false, unknown: 1, drainDelay: 0 };
  createHost([], { logger, ...misspelt } as HostOptions);
  assert.equal(logger.all, [
    'warn: Cannot use options: there is no "shutDownTimeout", did you mean "shutdownTimeout"',
    'warn: Cannot use options: there is no "hostlifetime", did you mean "hostLifetime"',
  ]);
});

// Services.

const service = { start() {}, stop() {} };

class Mailer implements HostedService {
  start(): void {}
  stop(): void {}
}

const badServices: readonly (readonly [what: string, value: unknown, message: string])[] = [
  ["null", null, "Cannot use services[1]: expected object, got null"],
  ["undefined", undefined, "Cannot use services[1]: expected object, got undefined"],
  ["a string", "mailer", 'Cannot use services[1]: expected object, got string "mailer"'],
  ["a number", 42, "Cannot use services[1]: expected object, got number 42"],
  [
    "a list in a list",
    [[service]],
    "Cannot use services[1][0]: expected a service, got object Array",
  ],
  [
    "a promise",
    Promise.resolve(service),
    'Cannot use services[1] "Promise".start: expected function, got undefined',
  ],
  [
    "no start",
    { stop() {} },
    'Cannot use services[1] "service".start: expected function, got undefined',
  ],
  [
    "no stop",
    { name: "mailer", start() {} },
    'Cannot use services[1] "mailer".stop: expected function, got undefined',
  ],
  [
    "a start that is no function",
    { ...service, start: true },
    'Cannot use services[1] "service".start: expected function, got boolean true',
  ],
  [
    "a class instead of an instance",
    Mailer,
    "Cannot use services[1]: got the class Mailer, write new Mailer()",
  ],
  [
    "a name that is a number",
    { ...service, name: 42 },
    "Cannot use services[1].name: expected string, got number 42",
  ],
  [
    "a name that is null",
    { ...service, name: null },
    "Cannot use services[1].name: expected string, got null",
  ],
  [
    "a name that is false",
    { ...service, name: false },
    "Cannot use services[1].name: expected string, got boolean false",
  ],
  [
    "a stopTimeout that is no number",
    { ...service, stopTimeout: "5s" },
    'Cannot use services[1] "service".stopTimeout: expected number, got string',
  ],
  [
    "a stopTimeout that is null",
    { ...service, stopTimeout: null },
    'Cannot use services[1] "service".stopTimeout: expected number, got null',
  ],
  [
    "a stopTimeout that is NaN",
    { ...service, stopTimeout: NaN },
    'Cannot use services[1] "service".stopTimeout: NaN is not 0 or more',
  ],
  [
    "a stopTimeout that is negative",
    { ...service, name: "mailer", stopTimeout: -1 },
    'Cannot use services[1] "mailer".stopTimeout: -1 is not 0 or more',
  ],
  [
    "an unknown behaviour",
    { ...service, backgroundServiceExceptionBehavior: "restart" },
    'Cannot use services[1] "service".backgroundServiceExceptionBehavior: ' +
    'expected stopHost or ignore, got string "restart"',
  ],
];

for (const [what, value, message] of badServices) {
  test(`a service that is, or has, ${what} is refused, by its place`, () => {
    const error = thrown(() => createHost([service, value as HostedService]));
    assert.ok(error instanceof TypeError || error instanceof RangeError);
    assert.is(error.message.slice(0, message.length), message);
  });
}

test("the same instance twice is refused, by its place and name", () => {
  const mailer = hostedService("mailer", {});
  const error = thrown(() => createHost([mailer, service, mailer]));
  assert.instance(error, TypeError);
  assert.is(error.message, 'Cannot use services[2] "mailer": it is in the list already');
});

test("two instances of one class are two services", async () => {
  const host = createHost([new Mailer(), new Mailer()]);
  await host.start();
  assert.is(host.services.length, 2);
  await host.stop();
});

for (
  const [got, value] of [
    ["undefined", undefined],
    ["null", null],
    ["object Object", service],
    ["object Mailer", new Mailer()],
    ["number 42", 42],
    ["function Mailer", Mailer],
  ] as const
) {
  test(`services that are ${got} are refused`, async () => {
    const message = `Cannot use services: expected a list, got ${got}`;
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

test("hostedService() and backgroundService() refuse what they cannot use, by name", () => {
  for (const make of [hostedService, backgroundService] as const) {
    const error = thrown(() => make(42 as never, { execute: async () => {} } as never));
    assert.instance(error, TypeError);
    assert.is(error.message, "Cannot use the name of a service: expected string, got number 42");
    for (const [definition, got] of [[undefined, "undefined"], [null, "null"], [42, "number 42"]]) {
      const error = thrown(() => make("mailer", definition as never));
      assert.instance(error, TypeError);
      assert.is(error.message, `Cannot use service "mailer": expected object, got ${got}`);
    }
    for (const hook of ["starting", "start", "started", "stopping", "stop", "stopped"]) {
      const definition = { execute: async () => {}, [hook]: "later" };
      const error = thrown(() => make("mailer", definition as never));
      assert.instance(error, TypeError);
      assert.is(
        error.message,
        `Cannot use service "mailer".${hook}: expected function, got string "later"`,
      );
    }
  }
});

test("backgroundService() refuses a definition without work, by name", () => {
  for (
    const [definition, got] of [[{}, "undefined"], [
      { execute: "later" },
      'string "later"',
    ]] as const
  ) {
    const error = thrown(() => backgroundService("worker", definition as never));
    assert.instance(error, TypeError);
    assert.is(error.message, `Cannot use service "worker".execute: expected function, got ${got}`);
  }
});

test("subscribe() refuses what is no function", () => {
  for (const [observer, got] of [[undefined, "undefined"], [{}, "object Object"], [null, "null"]]) {
    const error = thrown(() => createHost([]).subscribe(observer as never));
    assert.instance(error, TypeError);
    assert.is(error.message, `Cannot use observer: expected function, got ${got}`);
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
