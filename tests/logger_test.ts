import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  backgroundService,
  createHost,
  hostedService,
  type HostOptions,
  type Logger,
  type ServiceContext,
  type Services,
} from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";
import { rig } from "./_rig.ts";

guard(test);

const boom = new Error("boom");
const fails = (): Promise<never> => Promise.reject(boom);

/** Everything that fails, and the one line it makes. */
const failures: readonly (readonly [
  what: string,
  services: Services,
  line: string,
  options?: HostOptions,
])[] = [
  [
    "starting",
    [hostedService("a", { starting: fails })],
    'Service "a": starting failed after 0 ms',
  ],
  ["start", [hostedService("a", { start: fails })], 'Service "a": start failed after 0 ms'],
  ["started", [hostedService("a", { started: fails })], 'Service "a": started failed after 0 ms'],
  [
    "stopping",
    [hostedService("a", { stopping: fails })],
    'Service "a": stopping failed after 0 ms',
  ],
  ["stop", [hostedService("a", { stop: fails })], 'Service "a": stop failed after 0 ms'],
  ["stopped", [hostedService("a", { stopped: fails })], 'Service "a": stopped failed after 0 ms'],
  ["execute", [backgroundService("a", fails)], 'Service "a": execute failed after 0 ms'],
  [
    "context.fail",
    [hostedService("a", { start: (_, { fail }) => fail(boom) })],
    'Service "a" reports a failure',
  ],
  [
    "disposal",
    [() => ({ name: "a", start() {}, stop() {}, [Symbol.asyncDispose]: fails })],
    'Service "a": dispose failed after 0 ms',
  ],
  [
    "waitForStart",
    [],
    'Service "hostLifetime": waitForStart failed after 0 ms',
    { hostLifetime: { waitForStart: fails, stop() {} } },
  ],
  [
    "the host lifetime's stop",
    [],
    'Service "hostLifetime": stop failed after 0 ms',
    { hostLifetime: { waitForStart() {}, stop: fails } },
  ],
];

for (const [what, services, line, options] of failures) {
  test(`a failure of ${what} is one string with the stack`, async () => {
    const { host, lines } = rig(services, options);
    await host.start().catch(() => {});
    await quiet();
    await host.stop().catch(() => {});
    const own = lines.all.filter((it) => !it.includes("Nobody waits"));
    assert.is(own.length, 1);
    assert.ok(own[0]?.startsWith(`error: ${line}: Error: boom\n`), own[0]);
    assert.match(own[0] as string, "logger_test");
    assert.equal(lines.misuse, [], "called as a method, with exactly one string");
  });
}

test("what is abandoned is one line, and one more if it settles after all", async () => {
  const gate = new Gate();
  const { host, clock, lines } = rig([hostedService("a", { stop: () => gate.promise })], {
    shutdownTimeout: 10,
    abandonTimeout: 10,
  });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(20);
  assert.is(stop.state, "rejected");
  assert.equal(lines.all, ['error: Service "a": stop abandoned after 20 ms']);
  await clock.advance(3);
  gate.open();
  await quiet();
  assert.equal(lines.all.slice(1), [
    'warn: Service "a": stop late after 23 ms',
  ]);
  assert.equal(lines.misuse, []);
});

test("a clean life writes nothing, and the host never writes debug or info", async () => {
  const { host, lines } = rig([
    hostedService("a", { starting() {}, started() {}, stopping() {}, stopped() {} }),
    backgroundService("worker", async (signal) => {
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    }),
  ], { hostLifetime: { waitForStart() {}, stop() {} } });
  const run = host.run();
  await quiet();
  host.lifetime.stopApplication();
  await run;
  assert.equal(lines.all, []);
});

test("a line holds the causes and the errors of an error", async () => {
  const error = new AggregateError([new Error("one"), new Error("two")], "both", {
    cause: new TypeError("why"),
  });
  const { host, lines } = rig([hostedService("a", { start: () => Promise.reject(error) })]);
  await rejection(host.start());
  const [line] = lines.all;
  for (const text of ["AggregateError: both", "Error: one", "Error: two", "TypeError: why"]) {
    assert.match(line as string, text);
  }
});

test("a line of something that is no error says what it is", async () => {
  const { host, lines } = rig([hostedService("a", { start: () => Promise.reject("a text") })]);
  await host.start().catch(() => {});
  assert.equal(lines.all, ['error: Service "a": start failed after 0 ms: a text']);
});

test("a logger that throws changes no outcome", async () => {
  const thrower = (): never => {
    throw new Error("of the logger");
  };
  const logger: Logger = { debug: thrower, info: thrower, warn: thrower, error: thrower };
  const { host } = rig([
    hostedService("a", { stop: fails }),
    backgroundService("worker", () => Promise.reject(new Error("crash"))),
  ], { logger });
  const error = await rejection<AggregateError>(host.run());
  assert.equal(error.errors.map((it) => it.message).sort(), ["boom", "crash"]);
  assert.is(host.state, "stopped");
});

test("logger: false silences, and still gives services a logger", async () => {
  const original = { warn: console.warn, error: console.error };
  const written: unknown[] = [];
  console.warn = console.error = (...args) => void written.push(args);
  try {
    const { host } = rig([
      hostedService("a", {
        start: (_, { logger }: ServiceContext) => {
          logger.debug("x");
          logger.info("x");
          logger.warn("x");
          logger.error("x");
        },
        stop: fails,
      }),
    ], { logger: false });
    await host.start();
    host.lifetime.stopApplication();
    await rejection(host.stop());
  } finally {
    Object.assign(console, original);
  }
  assert.equal(written, []);
});

test("without the option warnings and errors go to console, as single strings", async () => {
  const original = { debug: console.debug, info: console.info, log: console.log };
  const { warn, error } = console;
  const written: unknown[][] = [];
  const keep = (level: string) => (...args: unknown[]): void => void written.push([level, ...args]);
  Object.assign(console, { debug: keep("debug"), info: keep("info"), log: keep("log") });
  console.warn = keep("warn");
  console.error = keep("error");
  try {
    const host = createHost([hostedService("a", { stop: fails })], { clock: new FakeClock() });
    await host.start();
    host.lifetime.stopApplication();
    await rejection(host.stop());
  } finally {
    Object.assign(console, original, { warn, error });
  }
  assert.equal(written.map(([level, line]) => [level, String(line).split("\n")[0]]), [
    [
      "warn",
      "Nobody waits for the stop: call host.stop() or run()",
    ],
    ["error", 'Service "a": stop failed after 0 ms: Error: boom'],
  ]);
  assert.ok(written.every((args) => args.length === 2));
});

test("services get the host's logger itself", async () => {
  const logger = new Lines();
  const { host } = rig([hostedService("a", { start: (_, it) => it.logger.info("ready") })], {
    logger,
  });
  await host.start();
  await host.stop();
  assert.equal(logger.all, ["info: ready"]);
});

for (const position of ["first", "last"]) {
  test(`a failure that cannot be made text is reported all the same, ${position}`, async () => {
    const odd = Object.create(null) as object;
    const services = [
      hostedService("odd", { stop: () => Promise.reject(odd) }),
      hostedService("b", { stop: fails }),
    ];
    const { host, lines } = rig(position === "first" ? services.reverse() : services);
    await host.start();
    const error = await rejection<AggregateError>(host.stop());
    assert.is(host.state, "stopped");
    assert.is(error.errors.length, 2);
    assert.ok(error.errors.includes(odd));
    assert.ok(lines.heads.some((line) => line.startsWith('error: Service "odd": stop failed')));
  });
}

test("a start that times out names the hung service in its lines", async () => {
  const { host, clock, lines } = rig([hostedService("slow", { start: hang })], {
    startupTimeout: 50,
  });
  const start = new Fate(host.start());
  await clock.advance(2_050);
  assert.is(start.state, "rejected");
  assert.ok(lines.all.length >= 1);
  assert.ok(lines.all.every((line) => line.includes('"slow"')));
});

test("an error whose errors are no list is logged all the same", async () => {
  const odd = Object.assign(new Error("validation"), { errors: { field: "bad" } });
  const { host, lines } = rig([hostedService("odd", { start: () => Promise.reject(odd) })]);
  await rejection(host.start());
  assert.ok(lines.all.some((line) => line.includes("validation")));
});

test("an error that cannot be looked at is logged all the same", async () => {
  for (const member of ["stack", "cause", "errors"]) {
    const odd = Object.defineProperty(new Error("odd"), member, {
      get() {
        throw new Error("Closed");
      },
    });
    const { host, lines } = rig([hostedService("a", { start: () => Promise.reject(odd) })]);
    await host.start().catch(() => {});
    assert.equal(lines.all, ['error: Service "a": start failed after 0 ms: an error without text']);
  }
});

test("a start that was cancelled in time is not said to be too long", async () => {
  const { host, clock, lines } = rig([hostedService("slow", { start: hang })], {
    startupTimeout: 100,
    abandonTimeout: 500,
  });
  const run = new Fate(host.run());
  await clock.advance(50);
  host.lifetime.stopApplication();
  await clock.advance(1_000);
  assert.is(run.state, "rejected");
  assert.not(lines.all.some((line) => line.includes("took too long")));
});

test.run();
