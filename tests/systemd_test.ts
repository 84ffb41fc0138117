import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  backgroundService,
  type HostedService,
  hostedService,
  type HostOptions,
  type Services,
} from "../mod.ts";
import { systemd } from "../src/systemd/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";
import { type Listen, type Managed, managed, more, within } from "./_systemd.ts";

guard(test);

const socket = { NOTIFY_SOCKET: "/run/systemd/notify" };
const watched = { ...socket, WATCHDOG_USEC: "20000000" };

/** A test of a host under systemd. */
function under(
  variables: Readonly<Record<string, string>>,
  name: string,
  body: (manage: (...args: [Services, HostOptions?, Listen?]) => Managed) => Promise<void>,
): void {
  test(name, () => within(variables, () => body((...args) => managed(...args))));
}

test("systemd() outside systemd does nothing", () =>
  within({ WATCHDOG_USEC: "20000000" }, async () => {
    const { host, clock, heard, events, lines } = managed([]);
    await host.start();
    await clock.advance(60_000);
    await host.stop();
    assert.equal(await heard(), []);
    assert.is(clock.pending, 0);
    assert.is(events.some((event) => "phase" in event && event.phase === "dispose"), false);
    assert.equal(lines.all, []);
  }));

under(socket, "systemd() says what a host does from start to stop", async (manage) => {
  const gates = { start: new Gate(), stop: new Gate() };
  const pool = hostedService("pool", {
    start: () => gates.start.promise,
    stop: () => gates.stop.promise,
  });
  const { host, clock, heard, lines } = manage([pool]);
  const started = host.start();
  assert.equal(await heard(), [
    `STATUS=Starting ${more}`,
    `STATUS=Starting: pool (start) ${more}`,
  ]);
  gates.start.open();
  await started;
  assert.is((await heard()).at(-1), "READY=1 STATUS=Running");
  const stopped = host.stop();
  assert.equal(await heard(), [
    `STOPPING=1 STATUS=Stopping ${more}`,
    `STATUS=Stopping: pool (stop) ${more}`,
  ]);
  gates.stop.open();
  await stopped;
  assert.is(status(await heard()), "Stopped");
  assert.is(clock.pending, 0);
  assert.equal(lines.all, []);
});

under(
  socket,
  "systemd() says READY=1 once, after the last start, and not before",
  async (manage) => {
    const gate = new Gate();
    const { host, heard } = manage([
      hostedService("quick", {}),
      hostedService("slow", { started: () => gate.promise }),
    ]);
    const started = host.start();
    assert.is((await heard()).filter(ready).length, 0);
    gate.open();
    await started;
    assert.is((await heard()).filter(ready).length, 1);
    await host.stop();
    assert.is((await heard()).filter(ready).length, 0);
  },
);

under(socket, "systemd() says STOPPING=1 the moment the stop is asked for", async (manage) => {
  const gate = new Gate();
  const { host, heard } = manage([hostedService("pool", { stopping: () => gate.promise })]);
  await host.start();
  await heard();
  host.lifetime.stopApplication("enough");
  assert.equal(await heard(), [`STOPPING=1 STATUS=Stopping ${more}`]);
  const stopped = host.stop();
  assert.equal(await heard(), [`STATUS=Stopping: pool (stopping) ${more}`]);
  gate.open();
  await stopped;
});

under(socket, "systemd() says that a host drains", async (manage) => {
  const { host, clock, heard } = manage([], { drainDelay: 5_000 });
  await host.start();
  await heard();
  const stopped = host.stop();
  assert.equal(await heard(), [`STOPPING=1 STATUS=Draining ${more}`]);
  await clock.advance(5_000);
  await stopped;
  assert.is(status(await heard()), "Stopped");
});

under(socket, "systemd() names who is still pending, the first five", async (manage) => {
  const gates = Array.from({ length: 7 }, () => new Gate());
  const services = gates.map(({ promise }, index) =>
    hostedService(`s${index}`, { start: () => promise })
  );
  const { host, heard } = manage(services, { servicesStartConcurrently: true });
  const started = host.start();
  const names = [0, 1, 2, 3, 4, 5, 6].map((index) => `s${index} (start)`);
  assert.is(status(await heard()), `Starting: ${names.slice(0, 5).join(", ")} and 2 more`);
  gates[0]!.open();
  gates[3]!.open();
  assert.is(status(await heard()), `Starting: ${pick(names, 1, 2, 4, 5, 6)}`);
  gates.forEach((gate) => gate.open());
  await started;
  await host.stop();
});

under(socket, "systemd() names work that was handed over and holds the stop", async (manage) => {
  const [one, two] = [new Gate(), new Gate()];
  const { host, heard } = manage([]);
  await host.start();
  host.waitUntil(one.promise);
  host.waitUntil(two.promise);
  const stopped = host.stop();
  assert.is(status(await heard()), "Stopping: host (waitUntil)");
  one.open();
  assert.is(status(await heard()), "Stopping: host (waitUntil)");
  two.open();
  await stopped;
  assert.is(status(await heard()), "Stopped");
});

under(socket, "systemd() extends a start and a stop for as long as they take", async (manage) => {
  const gates = { start: new Gate(), stop: new Gate() };
  const { host, clock, heard } = manage([
    hostedService("pool", {
      start: () => gates.start.promise,
      stop: () => gates.stop.promise,
    }),
  ], { shutdownTimeout: Infinity });
  const started = host.start();
  await heard();
  await clock.advance(30_000);
  assert.equal(await heard(), Array(3).fill(`STATUS=Starting: pool (start) ${more}`));
  gates.start.open();
  await started;
  await heard();
  await clock.advance(60_000);
  assert.equal(await heard(), []);
  const stopped = host.stop();
  await heard();
  await clock.advance(40_000);
  assert.equal(await heard(), Array(4).fill(`STATUS=Stopping: pool (stop) ${more}`));
  gates.stop.open();
  await stopped;
  assert.is(clock.pending, 0);
});

under(
  watched,
  "systemd() feeds the watchdog twice in its time, while the host runs",
  async (manage) => {
    const gates = { start: new Gate(), stop: new Gate() };
    const { host, clock, heard } = manage([
      hostedService("pool", {
        start: () => gates.start.promise,
        stop: () => gates.stop.promise,
      }),
    ]);
    const started = host.start();
    await clock.advance(25_000);
    assert.is((await heard()).filter(fed).length, 0);
    gates.start.open();
    await started;
    await heard();
    await clock.advance(9_999);
    assert.equal(await heard(), []);
    await clock.advance(1);
    assert.equal(await heard(), ["WATCHDOG=1 STATUS=Running"]);
    await clock.advance(20_000);
    assert.is((await heard()).filter(fed).length, 2);
    const stopped = host.stop();
    await clock.advance(20_000);
    assert.is((await heard()).filter(fed).length, 0);
    gates.stop.open();
    await stopped;
  },
);

under(watched, "systemd() lets the watchdog starve when a heartbeat is missed", async (manage) => {
  let beat = (): void => {};
  const worker = backgroundService("worker", {
    heartbeat: 12_000,
    execute: (signal, context) => {
      beat = context.beat;
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
  });
  const { host, clock, heard } = manage([worker]);
  await host.start();
  await heard();
  await clock.advance(10_000);
  assert.equal(await heard(), ["WATCHDOG=1 STATUS=Running"]);
  await clock.advance(20_000);
  assert.equal(await heard(), Array(2).fill("STATUS=Not alive: worker"));
  beat();
  await clock.advance(10_000);
  assert.equal(await heard(), ["WATCHDOG=1 STATUS=Running"]);
  await host.stop();
});

for (
  const [variables, count] of [
    [{ WATCHDOG_PID: `${process.pid}` }, 3],
    [{ WATCHDOG_PID: `${process.pid + 1}` }, 0],
    [{ WATCHDOG_USEC: "0" }, 0],
    [{ WATCHDOG_USEC: "soon" }, 0],
  ] as const
) {
  const name = Object.entries(variables).join();
  under(
    { ...watched, ...variables },
    `systemd() with ${name} feeds ${count} times`,
    async (manage) => {
      const { host, clock, heard } = manage([]);
      await host.start();
      await clock.advance(30_000);
      assert.is((await heard()).filter(fed).length, count);
      await host.stop();
      assert.is(clock.pending, 0);
    },
  );
}

under(
  socket,
  "systemd() sends one message at a time, in order, and joins the rest",
  async (manage) => {
    const gates: Gate[] = [];
    const listen = (): Promise<void> => {
      const gate = new Gate();
      gates.push(gate);
      return gate.promise;
    };
    const { host, heard } = manage(
      ["a", "b", "c"].map((name) => hostedService(name, { start: quiet, stop: quiet })),
      {},
      listen,
    );
    await host.start();
    host.lifetime.stopApplication();
    const stopped = host.stop();
    for (let waited = 0; waited < 20; waited++) await quiet();
    const all: string[] = [];
    for (let next; (next = await heard()).length; gates.at(-1)!.open()) {
      assert.is(next.length, 1, "Two at a time");
      all.push(...next);
    }
    await stopped;
    assert.equal(all, [
      `STATUS=Starting ${more}`,
      `STATUS=Starting ${more}`,
      "READY=1 STATUS=Running",
      `STOPPING=1 STATUS=Stopped ${more}`,
    ]);
  },
);

for (
  const [how, listen] of Object.entries<Listen>({
    throws: () => {
      throw new Error("No socket");
    },
    rejects: () => Promise.reject(new Error("No socket")),
  })
) {
  under(socket, `systemd() with a transport that ${how} warns once`, async (manage) => {
    const { host, heard, lines } = manage([hostedService("pool", {})], {}, listen);
    await host.start();
    await quiet();
    await host.stop();
    assert.ok((await heard()).length > 3, "It no longer tries");
    assert.equal(lines.heads, ["warn: Cannot notify systemd: Error: No socket"]);
  });
}

under(socket, "systemd() whose transport and logger fail does not fail", async (manage) => {
  const fail = (): never => {
    throw new Error("No socket");
  };
  const logger = { debug: fail, info: fail, warn: fail, error: fail };
  const { host } = manage([], { logger }, fail);
  await host.start();
  await host.stop();
  assert.is(host.state, "stopped");
});

under(socket, "systemd() gives up a message after 10 s and sends the next", async (manage) => {
  const signals: AbortSignal[] = [];
  const { host, clock, heard, lines } = manage([], {}, (_state, signal) => {
    signals.push(signal);
    return signals.length === 1 ? hang() : undefined;
  });
  await host.start();
  await clock.advance(9_999);
  assert.is((await heard()).length, 1);
  await clock.advance(1);
  assert.is((await heard()).at(-1), "READY=1 STATUS=Running");
  assert.equal(signals.map(({ aborted }) => aborted), [true, false, false]);
  assert.equal(lines.heads, ["warn: Cannot notify systemd: Error: No answer within 10000 ms"]);
  await host.stop();
  assert.is(clock.pending, 0);
});

under(socket, "systemd() holds the end of a stop for a second at most", async (manage) => {
  const { host, clock, heard, lines, events } = manage([], {}, hang);
  await host.start();
  await clock.advance(5_000);
  const stopped = new Fate(host.stop());
  await clock.advance(999);
  assert.is(stopped.state, "pending");
  await clock.advance(1);
  assert.is(stopped.state, "fulfilled");
  assert.is((await heard()).length, 1);
  assert.equal(lines.heads, ["warn: Cannot notify systemd: Error: No answer within 1000 ms"]);
  assert.is(events.some(({ type }) => type === "serviceAbandoned"), false);
  assert.is(clock.pending, 0);
});

under(socket, "systemd() says why a start failed, after its rollback", async (manage) => {
  const { host, heard } = manage([
    hostedService("pool", {}),
    hostedService("feed", { start: () => Promise.reject(new Error("No feed\nat all")) }),
  ]);
  await rejection(host.start());
  const all = await heard();
  assert.is(all.filter(ready).length, 0);
  assert.is(all.filter((message) => message.startsWith("STOPPING=1")).length, 1);
  assert.is(status(all), "Failed to start: feed: Error: No feed at all");
});

under(socket, "systemd() says that a start took too long", async (manage) => {
  const pool = hostedService("pool", {
    start: (signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const { host, clock, heard } = manage([pool], { startupTimeout: 1_000 });
  const failed = rejection(host.start());
  await clock.advance(1_000);
  await failed;
  assert.is(
    status(await heard()),
    "Failed to start: ServiceTimeoutError: " +
      'Cannot start service "pool": still running after 1000 ms',
  );
});

under(socket, "systemd() does not call a start that was called off a failure", async (manage) => {
  const { host, heard } = manage([
    hostedService("pool", {
      start: (_, { lifetime }) => lifetime.stopApplication("changed my mind"),
    }),
  ]);
  await host.run();
  const all = await heard();
  assert.is(all.filter(ready).length, 0);
  assert.is(status(all), "Stopped");
});

under(socket, "systemd() says what failed first", async (manage) => {
  const names = ["one", "two", "three"];
  const broken = names.map((name) =>
    hostedService(name, { stop: () => Promise.reject(new Error("Bad")) })
  );
  const { host, heard } = manage(broken);
  await host.start();
  await rejection(host.stop());
  assert.is(status(await heard()), "Stopped with a failure: three: Error: Bad");
});

under(
  socket,
  "systemd() takes the socket out of the environment before anybody can look",
  async (manage) => {
    const seen: unknown[] = [];
    const look = (): HostedService => {
      seen.push(process.env["NOTIFY_SOCKET"]);
      return hostedService("look", { start: () => void seen.push(process.env["NOTIFY_SOCKET"]) });
    };
    const { host } = manage([look]);
    await host.start();
    await host.stop();
    assert.equal(seen, [undefined, undefined]);
  },
);

under(socket, "systemd() says what failed in a stop, or while the host ran", async (manage) => {
  const broken = hostedService("mailer", { stop: () => Promise.reject(new Error("No mail")) });
  const one = manage([broken]);
  await one.host.start();
  await rejection(one.host.stop());
  assert.is(status(await one.heard()), "Stopped with a failure: mailer: Error: No mail");

  const two = manage([backgroundService("reader", () => Promise.reject(new Error("No feed")))]);
  await rejection(two.host.run());
  assert.match(
    status(await two.heard()),
    /^(Failed to start|Stopped with a failure): reader: Error: No feed$/,
  );

  const three = manage([hostedService("client", {
    start: (_, { fail, lifetime }) =>
      lifetime.started.addEventListener("abort", () => fail(new Error("No line"))),
  })]);
  await rejection(three.host.run());
  assert.is(
    status(await three.heard()),
    "Stopped with a failure: client: Error: No line",
  );
});

under(socket, "systemd() may stand anywhere in the list", async () => {
  const messages: string[] = [];
  const gate = new Gate();
  const { host } = rig([
    hostedService("pool", { starting: () => gate.promise }),
    systemd({ notify: (state) => messages.push(state.split("\n")[0]!) }),
  ]);
  const started = host.start();
  await quiet();
  assert.equal(messages, ["STATUS=Starting: pool (starting)"]);
  gate.open();
  await started;
  await host.stop();
  assert.ok(messages.indexOf("READY=1") < messages.indexOf("STOPPING=1"));
  assert.is(messages.at(-1), "STATUS=Stopped");
});

under(socket, "systemd() keeps a message one short line for each variable", async (manage) => {
  const error = new Error(`a\0b\r\nREADY=1\n${"long ".repeat(1_000)}`);
  const { host, heard } = manage([hostedService("pool", { start: () => Promise.reject(error) })]);
  await rejection(host.start());
  const last = status(await heard());
  assert.match(last, /^Failed to start: pool: Error: a b READY=1 long long/);
  assert.is(last.length, 1_000);
});

test("systemd() with a notify that is no function is a TypeError", () => {
  const error = thrown(() => systemd({ notify: "READY=1" as never }));
  assert.instance(error, TypeError);
  assert.is(
    error.message,
    'Cannot use service "systemd".notify: expected function, got string "READY=1"',
  );
});

test("systemd() with options that are none is a TypeError", () => {
  assert.is(
    thrown(() => systemd(null as never)).message,
    'Cannot use service "systemd": expected object, got null',
  );
});

under(socket, "systemd() takes the socket from child processes while its host lives", async () => {
  const seen: unknown[] = [];
  const look = (): unknown => seen.push(process.env["NOTIFY_SOCKET"]);
  const notify = async (): Promise<void> => {
    look(); // as an addon does
    await quiet();
    look();
  };
  const pool = hostedService("pool", { start: look, stop: look });
  const { host } = rig([systemd({ notify }), pool]);
  look();
  await host.start();
  look();
  await quiet();
  await host.stop();
  look();
  const { NOTIFY_SOCKET: path } = socket;
  assert.is(seen.shift(), path, "Nobody has taken it yet");
  assert.is(seen.pop(), path, "It was given back");
  const sent = seen.filter((value) => value === path).length;
  assert.ok(sent >= 3, "An addon does not find it");
  assert.is(seen.filter((value) => value === undefined).length, seen.length - sent);
  assert.ok(seen.length - sent >= 3 + sent - 1, "A child process inherits it");
});

under(
  socket,
  "systemd() does not speak for a host inside a host, but for the next one",
  async (manage) => {
    const outer = manage([]);
    await outer.host.start();
    const inner = manage([]);
    await inner.host.start();
    await inner.host.stop();
    assert.equal(await inner.heard(), []);
    assert.ok((await outer.heard()).every((message) => !message.includes("STOPPING")));
    await outer.host.stop();
    const next = manage([]);
    await next.host.start();
    await next.host.stop();
    assert.is((await next.heard()).filter(ready).length, 1);
  },
);

under(socket, "systemd() gives the socket back when the start fails", async (manage) => {
  const { host } = manage([hostedService("pool", { start: () => Promise.reject(new Error()) })]);
  await rejection(host.start());
  assert.is(process.env["NOTIFY_SOCKET"], socket.NOTIFY_SOCKET);
});

under(
  { ...socket, SYSTEMD_EXEC_PID: "1" },
  "systemd() speaks though a wrapper is the main process of the unit",
  async (manage) => {
    const { host, heard } = manage([]);
    await host.start();
    await host.stop();
    assert.is((await heard()).filter(ready).length, 1);
  },
);

/** What the last message says of the host. */
function status(messages: readonly string[]): string {
  return / ?STATUS=(.*?)( EXTEND_TIMEOUT_USEC=.*)?$/.exec(messages.at(-1) ?? "")?.[1] ?? "";
}

function ready(message: string): boolean {
  return message.startsWith("READY=1");
}

function fed(message: string): boolean {
  return message.startsWith("WATCHDOG=1");
}

function pick(names: readonly string[], ...indexes: readonly number[]): string {
  return indexes.map((index) => names[index]).join(", ");
}

test.run();
