/** The one object that owns signals, exit code and end of a process, and the hosts in it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  backgroundService,
  createHost as createCoreHost,
  type Host,
  type HostedService,
  hostedService,
  type HostOptions,
} from "../mod.ts";
import type { ConsoleLifetimeOptions } from "../src/runtime/node.ts";
import * as bun from "../src/runtime/bun.ts";
import * as deno from "../src/runtime/deno.ts";
import * as node from "../src/runtime/node.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { fromCopy } from "./_copy.ts";
import { FakeProcess } from "./_fake_process.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";

const test = suite("console lifetime");
guard(test);

const { consoleLifetime, createHost, runHost } = node;
const all = ["SIGINT", "SIGTERM", "SIGQUIT"];
const boom = new Error("boom");

let process: FakeProcess;
test.before.each(() => void (process = new FakeProcess()));
test.after.each(() => process.restore());

/** A host on a fake clock, and what it writes. */
interface Rig {
  readonly host: Host;
  readonly clock: FakeClock;
  readonly lines: string[];
}

function rig(
  services: readonly HostedService[] = [],
  lifetime: ConsoleLifetimeOptions | undefined = undefined,
  options: HostOptions = {},
): Rig {
  const clock = new FakeClock();
  const lines: string[] = [];
  const write = (line: string): number => lines.push(line);
  const logger = { debug: write, info: write, warn: write, error: write };
  const hostLifetime = lifetime && consoleLifetime(lifetime);
  return { host: createHost(services, { logger, clock, hostLifetime, ...options }), clock, lines };
}

/** A service whose stop waits for a gate. */
function slow(name: string): { readonly service: HostedService; readonly gate: Gate } {
  const gate = new Gate();
  return { service: hostedService(name, { start: () => {}, stop: () => gate.promise }), gate };
}

async function running(host: Host): Promise<Fate> {
  const run = new Fate(host.run());
  await quiet();
  return run;
}

// The request.

test("createHost() of an entry stops on a signal, as runHost() does", async () => {
  const { host } = rig();
  const run = await running(host);
  assert.equal(process.handled, all);
  process.send("SIGTERM");
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is((host.lifetime.stopping.reason as Error).message, "Received SIGTERM");
  assert.is(process.exitCode, undefined);
});

test("the first signal asks every host that lists it, and no other", async () => {
  const [a, b, other] = [rig(), rig(), rig([], { signals: ["SIGUSR2"] })];
  const runs = [await running(a.host), await running(b.host), await running(other.host)];
  process.send("SIGTERM");
  await quiet();
  assert.equal(runs.map(({ state }) => state), ["fulfilled", "fulfilled", "pending"]);
  process.time += 500;
  process.send("SIGUSR2");
  await quiet();
  assert.is(runs[2]!.state, "fulfilled");
});

test("a host that registers after the signal is asked at once, with one line", async () => {
  const first = slow("slow");
  const run = await running(rig([first.service]).host);
  process.send("SIGTERM");
  const started: string[] = [];
  const service = hostedService("late", { start: () => started.push("late") });
  const { host, lines } = rig([service]);
  await host.run();
  assert.equal(lines, ["Stopping at once: SIGTERM came before this host"]);
  assert.equal(started, []);
  first.gate.open();
  await quiet();
  assert.is(run.state, "fulfilled");

  const after = rig([service]);
  await after.host.run();
  assert.equal(after.lines, lines, "after the others have stopped, too");
  assert.equal(started, []);
});

test("a host hears the signal that it lists, also right after the one of another host", async () => {
  const [a, b] = [slow("a"), rig([], { signals: ["SIGHUP"] })];
  const runs = [
    await running(rig([a.service], { signals: ["SIGTERM"] }).host),
    await running(b.host),
  ];
  process.send("SIGTERM");
  process.send("SIGHUP");
  await quiet();
  assert.equal(runs.map(({ state }) => state), ["pending", "fulfilled"]);
  a.gate.open();
  await quiet();

  const late = rig([], { signals: ["SIGHUP"] });
  await late.host.run();
  assert.equal(late.lines, ["Stopping at once: SIGHUP came before this host"]);
});

test("a signal between two attempts stops the next one", async () => {
  const failing = rig([hostedService("a", { start: () => Promise.reject(boom) })]);
  await rejection(failing.host.run());
  process.send("SIGTERM");
  assert.equal(process.exits, []);
  const next = rig();
  await next.host.run();
  assert.is(next.lines.length, 1);
});

test("a signal during the start cancels it, one during the rollback changes nothing", async () => {
  const undo = slow("pool");
  const { host } = rig([
    undo.service,
    hostedService("slow", { start: (signal) => aborted(signal).then(() => Promise.reject(boom)) }),
  ]);
  const run = await running(host);
  process.send("SIGTERM");
  await quiet();
  assert.is(host.state, "stopping");
  process.time += 700;
  process.send("SIGTERM");
  await quiet();
  assert.is(run.state, "pending");
  undo.gate.open();
  await quiet();
  assert.is(run.reason, boom);
  assert.is(process.exitCode, 1);
});

test("a host that nobody runs is stopped by a signal, held meanwhile", async () => {
  const { service, gate } = slow("web");
  const { host, clock, lines } = rig([service], undefined, { drainDelay: 100 });
  await host.start();
  assert.is(clock.pending, 0);
  process.send("SIGTERM");
  await quiet();
  assert.is(host.state, "stopping");
  assert.ok(clock.pending >= 2, "nothing holds the process");
  await clock.advance(100);
  gate.open();
  await quiet();
  assert.is(host.state, "stopped");
  assert.equal(lines, []);
  assert.is(process.exitCode, undefined);
  assert.is(clock.pending, 0);
});

test("a host that nobody runs and that fails: logged, exit code 1", async () => {
  const { host, lines } = rig([hostedService("a", { stop: () => Promise.reject(boom) })]);
  await host.start();
  process.send("SIGTERM");
  await quiet();
  assert.is(host.state, "stopped");
  assert.is(process.exitCode, 1);
  assert.match(lines.at(-1)!, /^The host has failed, and nobody waited for it: Error: boom/);
});

test("a host whose worker has failed, and that nobody runs, is stopped by a signal", async () => {
  const stops: string[] = [];
  const work = new Gate();
  const { host } = rig([
    hostedService("pool", { stop: () => stops.push("pool") }),
    backgroundService("worker", () => work.promise),
  ]);
  await host.start();
  work.fail(boom);
  await quiet();
  assert.is(host.state, "stopping", "it was asked to");
  assert.equal(stops, []);
  process.send("SIGTERM");
  await quiet();
  assert.equal(stops, ["pool"]);
  assert.is(process.exitCode, 1);
});

// Force.

test("SIGTERM and SIGHUP never force, however often they come", async () => {
  const { service, gate } = slow("orders");
  const { host, clock, lines } = rig([service], { signals: ["SIGTERM", "SIGHUP"] });
  const run = await running(host);
  process.send("SIGTERM");
  await quiet();
  await clock.advance(1_000);
  for (let i = 0; i < 5; i++) {
    process.time += 1_000;
    process.send(i % 2 ? "SIGTERM" : "SIGHUP");
  }
  await quiet();
  assert.is(run.state, "pending");
  assert.equal(process.exits, []);
  assert.is(lines.length, 5);
  assert.is(
    lines[0],
    'Received SIGHUP again: the stop waits for "orders" (stop, 1000 ms), at most 26 s more',
  );
  gate.open();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(process.exitCode, undefined);
});

test("what a stop waits for is written once a second at most, and no echo writes it", async () => {
  const { service, gate } = slow("orders");
  const { host, lines } = rig([service], undefined, { shutdownTimeout: Infinity });
  await running(host);
  process.send("SIGTERM");
  process.time += 300;
  process.send("SIGTERM");
  assert.equal(lines, []);
  for (let i = 0; i < 10; i++) {
    process.time += 200;
    process.send("SIGTERM");
  }
  assert.is(lines.length, 2);
  assert.match(lines[0]!, /, without a limit$/);
  gate.open();
  await quiet();
});

test("during drainDelay the line says so", async () => {
  const { host, clock, lines } = rig([], undefined, { drainDelay: 5_000 });
  await running(host);
  process.send("SIGTERM");
  await quiet();
  process.time += 700;
  process.send("SIGTERM");
  assert.match(lines[0]!, "waits for the end of its drainDelay, at most 27 s more");
  await clock.advance(5_000);
  assert.is(host.state, "stopped");
});

test("Ctrl+C after a SIGTERM ends the grace of those that list it; the exit waits for all", async () => {
  const [forced, other] = [slow("forced"), slow("other")];
  const a = rig([forced.service, hostedService("pool", { stop: () => a.lines.push("pool") })]);
  const b = rig([other.service], { forceSignals: [] });
  const runs = [await running(a.host), await running(b.host)];
  process.send("SIGTERM");
  await quiet();
  process.time += 600;
  process.send("SIGINT");
  await a.clock.advance(0);
  assert.equal(runs.map(({ state }) => state), ["rejected", "pending"]);
  assert.equal(process.exits, []);
  other.gate.open();
  await quiet();
  assert.is(runs[1]!.state, "fulfilled");
  assert.equal(process.exits, [130]);
  assert.is(process.report.length, 1);
  assert.match(
    String(process.report[0]),
    /^Forced to stop: still running: "forced" \(stop, \d+ ms\)$/,
  );
});

test("an echo of Ctrl+C never forces; a repeated SIGTERM does not put off a person", async () => {
  const { service } = slow("orders");
  const { host, clock } = rig([service]);
  const run = await running(host);
  process.send("SIGINT");
  process.send("SIGINT");
  process.time += 400;
  process.send("SIGINT");
  await clock.advance(0);
  assert.is(run.state, "pending");
  process.time += 100;
  process.send("SIGTERM");
  process.send("SIGINT");
  await clock.advance(0);
  assert.is((run.reason as Error).name, "ForcedStopError");
  assert.equal(process.exits, [130]);
});

test("a third Ctrl+C exits at once and names what ran", async () => {
  const [a, b] = [rig([slow("a").service]), rig([slow("b").service], { forceSignals: [] })];
  await running(a.host);
  await running(b.host);
  process.send("SIGTERM");
  await quiet();
  process.time += 600;
  process.send("SIGINT");
  process.time += 600;
  process.send("SIGTERM");
  assert.equal(process.exits, [], "SIGTERM is nobody's third");
  process.time += 600;
  process.send("SIGQUIT");
  assert.equal(process.exits, [131]);
  assert.match(
    String(process.report[0]),
    /^The process exits in the middle of the stop: still running: "a" \(stop.*"b" \(stop/,
  );
  assert.is(process.report.length, 1);
});

test("a signal that could only force does what it always does before the request", async () => {
  const { service, gate } = slow("a");
  const { host } = rig([service], { signals: ["SIGTERM"], forceSignals: ["SIGUSR2"] });
  await running(host);
  assert.equal(process.handled, ["SIGTERM"]);
  process.send("SIGTERM");
  await quiet();
  assert.equal(process.handled, ["SIGTERM", "SIGUSR2"]);
  gate.open();
  await quiet();
});

test("a host that registers while a forced one ends is stopped before the exit", async () => {
  const { service } = slow("hung");
  const first = rig([service]);
  await running(first.host);
  process.send("SIGTERM");
  await quiet();
  process.time += 600;
  process.send("SIGINT");
  const late = rig();
  const run = new Fate(late.host.run());
  await first.clock.advance(0);
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.equal(process.exits, [130]);
});

// The exit code.

test("a code of ours is taken back by a clean run that began afterwards", async () => {
  const attempt = (start: () => unknown): Host => rig([hostedService("a", { start })]).host;
  await rejection(attempt(() => Promise.reject(boom)).run());
  assert.is(process.exitCode, 1);
  await rejection(attempt(() => Promise.reject(boom)).run());
  assert.is(process.exitCode, 1);
  const good = attempt(() => {});
  await good.start();
  assert.is(process.exitCode, 1, "it has not stopped yet");
  await good.stop();
  assert.is(process.exitCode, undefined);
});

test("a clean run beside the one that failed takes nothing back", async () => {
  const good = rig();
  await good.host.start();
  await rejection(rig([hostedService("a", { start: () => Promise.reject(boom) })]).host.run());
  await good.host.stop();
  assert.is(process.exitCode, 1);
});

test("a code that somebody else has set stays, and none of theirs is replaced", async () => {
  await rejection(rig([hostedService("a", { start: () => Promise.reject(boom) })]).host.run());
  process.exitCode = 7;
  const good = rig();
  await good.host.start();
  await good.host.stop();
  assert.is(process.exitCode, 7);
  await rejection(rig([hostedService("a", { start: () => Promise.reject(boom) })]).host.run());
  assert.is(process.exitCode, 7);
});

test("an interrupted batch leaves 128 + n, which a host that was never started cannot undo", async () => {
  const batch = rig([backgroundService("job", aborted)], undefined, { stopWhenIdle: true });
  const run = await running(batch.host);
  process.send("SIGTERM");
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.is(process.exitCode, 143);
  await rig().host.run();
  assert.is(process.exitCode, 143);
});

test("the exit code is set before the rejection, also that of a direct stop()", async () => {
  const { host } = rig([hostedService("a", { stop: () => Promise.reject(boom) })]);
  await host.start();
  let seen: unknown;
  await host.stop().catch(() => seen = process.exitCode);
  assert.is(seen, 1);
});

test("a start that its caller cancels is no failure of the process", async () => {
  const { host } = rig([hostedService("a", { start: aborted })]);
  await rejection(host.start(AbortSignal.abort()));
  assert.is(process.exitCode, undefined);
});

test("a start that its caller cancels takes no exit code back", async () => {
  const bad = rig([hostedService("bad", { stop: () => Promise.reject(boom) })]);
  await bad.host.start();
  await rejection(bad.host.stop());
  const controller = new AbortController();
  const start = rejection(
    rig([hostedService("a", { start: aborted })]).host.start(controller.signal),
  );
  await quiet();
  controller.abort();
  await start;
  assert.is(process.exitCode, 1);
});

test("a core's host with the console lifetime of an entry is the same", async () => {
  const hostLifetime = consoleLifetime();
  const failing = backgroundService("worker", () => Promise.reject(boom));
  const host = createCoreHost([failing], { hostLifetime, logger: false, clock: new FakeClock() });
  await rejection(host.run());
  assert.is(process.exitCode, 1);
});

test("hostLifetime: false hears nothing, sets no code, ends nothing", async () => {
  const hung = hostedService("a", { stop: hang });
  const { host, clock } = rig([hung], undefined, { hostLifetime: false, shutdownTimeout: 1 });
  await host.start();
  assert.equal(process.handled, []);
  const stop = new Fate(host.stop());
  await clock.advance(3_000);
  assert.is(stop.state, "rejected");
  assert.is(process.exitCode, undefined);
  process.elapse(60_000);
  assert.equal(process.exits, []);
  assert.equal(process.report, []);
});

// After the stop.

test("after a stop that nobody's signal asked for, nothing of ours is left", async () => {
  const { host } = rig();
  const run = await running(host);
  host.lifetime.stopApplication();
  await quiet();
  assert.is(run.state, "fulfilled");
  assert.equal([process.handled, process.watched, process.timers], [[], false, 0]);
});

for (const cause of ["a signal", "a failure"]) {
  test(`after ${cause} the handlers stay, and only a person ends the process for 5 s`, async () => {
    const work = cause === "a failure" ? () => Promise.reject(boom) : aborted;
    const run = await running(rig([backgroundService("worker", work)]).host);
    if (cause === "a signal") process.send("SIGINT");
    await quiet();
    assert.is(run.state, cause === "a signal" ? "fulfilled" : "rejected");
    assert.ok(all.every((signal) => process.handled.includes(signal)));
    assert.not.ok(process.watched);

    if (cause === "a signal") process.send("SIGINT");
    assert.equal(process.exits, [], "an echo");
    process.time += 600;
    process.send("SIGTERM");
    assert.equal(process.exits, []);
    process.time += 600;
    process.send("SIGINT");
    assert.equal(process.exits, [130]);
    process.time += 5_000;
    process.send("SIGTERM");
    assert.equal(process.exits, [130, 143]);
  });
}

test("a stream of SIGTERM after the stop does not keep a person from ending the process", async () => {
  await running(rig().host);
  process.send("SIGTERM");
  await quiet();
  for (let i = 0; i < 20; i++) {
    process.time += 100;
    process.send("SIGTERM");
  }
  process.send("SIGINT");
  assert.equal(process.exits, [130]);
});

test("a start that was too slow, but has ended, gave nothing up", async () => {
  const slow = hostedService("slow", { start: aborted });
  const { host, clock } = rig([slow], undefined, { startupTimeout: 10 });
  const run = new Fate(host.run());
  await clock.advance(10);
  assert.is((run.reason as Error).name, "ServiceTimeoutError");
  process.elapse(60_000);
  assert.equal(process.exits, []);
});

test("a start that was given up ends the process that it keeps, and is named", async () => {
  const hung = hostedService("hung", { start: hang });
  const limits = { startupTimeout: 10, abandonTimeout: 10 };
  const { host, clock } = rig([hung], undefined, limits);
  const run = new Fate(host.run());
  await clock.advance(30);
  assert.is(run.state, "rejected");
  process.elapse(5_000);
  assert.equal(process.exits, [1]);
  assert.match(String(process.report.at(-1)), /; exiting: still running: "hung"$/);
});

test("a clean run after a failure leaves nothing behind", async () => {
  await rejection(rig([hostedService("a", { start: () => Promise.reject(boom) })]).host.run());
  assert.is(process.timers, 1);
  const good = rig();
  await good.host.start();
  assert.is(process.timers, 0, "a host that lives clears it");
  await good.host.stop();
  assert.equal([process.handled, process.timers], [[], 0]);
});

test("a process that stays says what keeps it alive, once, and is not ended", async () => {
  await running(rig().host);
  process.send("SIGTERM");
  await quiet();
  process.resources = ["Timeout", "TCPServerWrap", "Timeout"];
  process.elapse(4_000);
  assert.equal(process.report, []);
  process.elapse(60_000);
  assert.equal(process.report, [
    "The process is still there 5 s after the stop, kept alive by Timeout, TCPServerWrap",
  ]);
  assert.equal(process.exits, []);
});

test("where a runtime cannot tell, the line says what it may be", async () => {
  await running(rig().host);
  process.send("SIGTERM");
  await quiet();
  process.elapse(5_000);
  assert.match(String(process.report[0]), /kept alive by something that was not closed$/);
});

test("a process is ended when work was abandoned and keeps it, after its last words", async () => {
  const { host, clock } = rig([hostedService("hung", { stop: hang })], undefined, {
    shutdownTimeout: 10,
    abandonTimeout: 10,
  });
  const run = await running(host);
  process.send("SIGTERM");
  await clock.advance(20);
  assert.is(run.state, "rejected");
  process.elapse(4_900);
  assert.equal(process.exits, []);
  process.elapse(100);
  assert.equal(process.exits, [1]);
  assert.match(String(process.report.at(-1)), /; exiting: still running: "hung" \(stop, 20 ms\)$/);
});

test("abandoned work is seen among other failures", async () => {
  const { host, clock } = rig(
    [hostedService("bad", { stop: () => Promise.reject(boom) })],
    undefined,
    { shutdownTimeout: 10, abandonTimeout: 10 },
  );
  host.waitUntil(hang());
  const run = await running(host);
  process.send("SIGTERM");
  await clock.advance(20);
  assert.instance(run.reason, AggregateError);
  process.elapse(5_000);
  assert.match(
    process.report.at(-1) as string,
    'exiting: still running: "host" (waitUntil, 20 ms)',
  );
});

test("abandoned work of one host does not end the process of another", async () => {
  const limits = { shutdownTimeout: 10, abandonTimeout: 10 };
  const bad = rig([hostedService("hung", { stop: hang })], undefined, limits);
  const good = rig();
  const run = await running(good.host);
  await bad.host.start();
  const stop = new Fate(bad.host.stop());
  await bad.clock.advance(20);
  assert.is(stop.state, "rejected");
  process.elapse(60_000);
  assert.equal(process.exits, []);
  process.send("SIGTERM");
  await quiet();
  assert.is(run.state, "fulfilled");
  process.elapse(5_000);
  assert.equal(process.exits, [1], "when it has stopped");
});

test("abandoned work that a clean run has followed still ends the process that it keeps", async () => {
  const limits = { shutdownTimeout: 10, abandonTimeout: 10 };
  const bad = rig([hostedService("hung", { stop: hang })], undefined, limits);
  await bad.host.start();
  const stop = new Fate(bad.host.stop());
  await bad.clock.advance(20);
  assert.is(stop.state, "rejected");
  const good = rig();
  await good.host.start();
  await good.host.stop();
  assert.is(process.exitCode, undefined);
  process.elapse(5_000);
  assert.equal(process.exits, [0]);
});

test("exitAfter ends a process that stays, with a line; the shortest of all counts", async () => {
  const hosts = [rig([], { exitAfter: 3_000 }), rig([], { exitAfter: 60_000 })];
  for (const { host } of hosts) await running(host);
  process.send("SIGTERM");
  await quiet();
  process.resources = ["Timeout"];
  process.elapse(2_900);
  assert.equal(process.exits, []);
  process.elapse(100);
  assert.equal(process.exits, [0]);
  assert.equal(process.report, [
    "The process is still there 3 s after the stop, kept alive by Timeout; exiting: exitAfter is over",
  ]);
});

test("exitAfter: Infinity, and more than a timer can wait, end nothing", async () => {
  for (const exitAfter of [Infinity, 2 ** 40]) {
    const run = await running(rig([], { exitAfter }).host);
    if (exitAfter === Infinity) process.send("SIGTERM");
    await quiet();
    assert.is(run.state, "fulfilled");
    process.elapse(2 ** 41);
    assert.equal(process.exits, []);
  }
});

test("process.exit() in the middle of a stop says who was cut", async () => {
  const { service } = slow("orders");
  const pool = hostedService("pool", {});
  const { host } = rig([pool, service]);
  await running(host);
  assert.not.ok(process.watched);
  process.send("SIGTERM");
  await quiet();
  assert.ok(process.watched);
  process.exit(3);
  assert.equal(process.report.map((line) => String(line).replace(/\d+ ms/, "_ ms")), [
    'The process exits in the middle of the stop: still running: "orders" (stop, _ ms), ' +
    '"pool" (not stopped)',
  ]);
});

// Names, copies, runtimes.

test("a signal that no program can hear is a TypeError, one that only this platform lacks is not", async () => {
  const texts: [ConsoleLifetimeOptions, RegExp][] = [
    [
      { signals: ["SIGTREM"] },
      /^Cannot use consoleLifetime.signals\[0\]: expected a signal that a program can hear, got string "SIGTREM"$/,
    ],
    [{ signals: ["SIGTERM", "SIGKILL"] }, /signals\[1\]: .* can hear, got string "SIGKILL"$/],
    [{ forceSignals: ["SIGSTOP"] }, /forceSignals\[0\]: .* can hear, got string "SIGSTOP"$/],
    [{ signals: ["sigterm"] }, /got string "sigterm"$/],
    [{ signals: ["SIG"] }, /got string "SIG"$/],
    [{ signals: ["SIGHUP:1"] }, /got string "SIGHUP:1"$/],
    [{ signals: [2 as never] }, /signals\[0\]: .*, got number 2$/],
    [{ signals: [Symbol("SIGINT") as never] }, /signals\[0\]: .*, got symbol/],
    [{ signals: "SIGTERM" as never }, /signals: expected object, got string/],
    [{ exitAfter: "5s" as never }, /exitAfter: expected number, got string/],
    [null as never, /consoleLifetime: expected object, got null/],
  ];
  for (const [options, text] of texts) {
    assert.throws(
      () => consoleLifetime(options),
      (error: unknown) => error instanceof TypeError && text.test(error.message),
    );
  }
  assert.throws(() => consoleLifetime({ exitAfter: -1 }), RangeError);
  const on = process.on.bind(process);
  process.on = (signal, handler) => {
    if (signal === "SIGBREAK") throw new Error("not here");
    on(signal, handler);
  };
  const { host } = rig([], { signals: ["SIGBREAK", "SIGINFO"] });
  await running(host);
  assert.equal(process.handled, ["SIGINFO"]);
  process.send("SIGINFO");
  await quiet();
  assert.is(host.state, "stopped");
});

test("eleven hosts have one handler for each signal", async () => {
  const hosts = Array.from({ length: 11 }, () => rig().host);
  for (const host of hosts) await host.start(); // the fake refuses a second one
  assert.equal(process.handled, all);
  await Promise.all(hosts.map((host) => host.stop()));
  assert.equal(process.handled, []);
});

test("runHost() rejects with what createHost() throws", async () => {
  assert.instance(await rejection(runHost([], null as never)), TypeError);
  assert.instance(await rejection(runHost([null as never])), TypeError);
  assert.throws(
    () => createHost([], null as never),
    /Cannot use options: expected object, got null/,
  );
});

test("two copies of the package share the signals and the exit code", async () => {
  const copy = await fromCopy<typeof node>("src/runtime/node.ts");
  assert.is.not(copy.createHost, createHost);

  const failing = hostedService("a", { start: () => Promise.reject(boom) });
  await rejection(copy.createHost([failing], { logger: false }).run());
  assert.is(process.exitCode, 1);
  const clock = new FakeClock();
  const runs = [rig().host, copy.createHost([], { clock })].map((host) => new Fate(host.run()));
  await quiet();
  assert.equal(process.handled, all);
  process.send("SIGTERM");
  await quiet();
  assert.equal(runs.map(({ state }) => state), ["fulfilled", "fulfilled"]);
  assert.is(process.exitCode, undefined);
  assert.equal(process.report, []);
});

test("a copy that meets an object it cannot use keeps its own and says so once", async () => {
  const key = Symbol.for("@runhost/host/process");
  const old = { version: 0, forget: () => {} };
  Object.assign(globalThis, { [key]: old });
  for (let i = 0; i < 2; i++) {
    const { host } = rig();
    await host.start();
    assert.equal(process.handled, all);
    await host.stop();
    assert.equal(process.handled, []);
  }
  assert.is(process.report.length, 1);
  assert.match(String(process.report[0]), /^Two versions of @runhost\/host/);
  assert.is((globalThis as { [key]?: unknown })[key], old);
});

test("the wrong entry for a runtime says which one to import", async () => {
  const here = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
  for (const [name, entry] of Object.entries({ node, deno, bun })) {
    const run = new Fate(entry.runHost([], { signal: AbortSignal.abort() }));
    await quiet();
    if (name !== "deno" || here === "deno") { // what they need is `process`
      assert.is(run.state, "fulfilled");
      continue;
    }
    const error = run.reason as Error;
    assert.instance(error, TypeError);
    assert.match(error.message, new RegExp(`^Cannot use "@runhost/host/${name}" here: import `));
    assert.ok(error.message.endsWith(`import "@runhost/host/${here}"`));
    assert.throws(() => entry.createHost([]), TypeError);
    assert.throws(() => entry.consoleLifetime(), TypeError);
  }
  if (here !== "node") return;
  Object.defineProperty(globalThis, "process", { configurable: true, value: undefined });
  const error = thrown<TypeError>(() => createHost([]));
  Object.defineProperty(globalThis, "process", { configurable: true, get: () => process });
  assert.is(
    error.message,
    'Cannot use "@runhost/host/node" here: import "@runhost/host"',
  );
});

test("a host on Deno leaves alone what Deno has of Node: that takes 25 ms to load", async () => {
  if (!("Deno" in globalThis)) return;
  let looks = 0;
  Object.defineProperty(globalThis, "process", {
    configurable: true,
    get: () => (looks++, process),
  });
  const host = deno.createHost([], { logger: false });
  await host.start();
  await host.stop();
  assert.is(looks, 0);
});

test.run();
