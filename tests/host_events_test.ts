import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, backgroundService, formatEvent, hostedService, type HostEvent } from "../mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";

guard(test);

/** An event in short: its type, and its service and hook. */
function short(event: HostEvent): string {
  const service = "service" in event ? ` ${event.service}` : "";
  return event.type + service + ("phase" in event ? `.${event.phase}` : "");
}

/** Checks what holds for every list of events, from the first on. */
function check(events: readonly HostEvent[]): void {
  assert.equal(events.map(({ seq }) => seq), events.map((_, index) => index + 1), "no gaps");
  for (const [index, { time }] of events.entries()) {
    assert.ok(time >= (events[index - 1]?.time ?? 0), "time never goes back");
  }
  const open = new Map<string, number>();
  for (const event of events) {
    if (!("phase" in event)) continue;
    const key = `${event.service}.${event.phase}`;
    const begun = open.get(key);
    if (event.type === "serviceBegan") {
      assert.is(begun, undefined, `${key} begins while it is open`);
      open.set(key, event.time);
    } else if (event.type !== "serviceLate") {
      assert.is.not(begun, undefined, `${key} ends before it begins`);
      assert.is(event.duration, event.time - (begun as number));
      open.delete(key);
    }
  }
  assert.equal([...open.keys()], [], "what began has ended");
}

test("events of a whole life, in order", async () => {
  const { host, events } = rig([
    hostedService("a", { starting() {}, started() {}, stopping() {}, stopped() {} }),
    backgroundService("worker", aborted),
    () => hostedService("made", {}),
    () => ({ name: "disposed", start() {}, stop() {}, [Symbol.dispose]() {} }),
  ], { hostLifetime: { waitForStart() {}, stop() {} } });
  await host.start();
  await host.stop();
  check(events);
  const begins = (hook: string): string[] => [`serviceBegan ${hook}`, `serviceDone ${hook}`];
  assert.equal(events.map(short), [
    "hostStarting",
    ...begins("hostLifetime.waitForStart"),
    ...begins("a.starting"),
    ...begins("a.start"),
    ...begins("worker.start"),
    "serviceBegan worker.execute",
    ...begins("made.start"),
    ...begins("disposed.start"),
    ...begins("a.started"),
    "hostStarted",
    "hostStopping",
    ...begins("a.stopping"),
    ...begins("disposed.stop"),
    ...begins("made.stop"),
    "serviceBegan worker.stop",
    "serviceDone worker.execute",
    "serviceDone worker.stop",
    ...begins("a.stop"),
    ...begins("a.stopped"),
    ...begins("hostLifetime.stop"),
    ...begins("disposed.dispose"),
    "hostStopped",
  ]);
});

test("events of a start that fails", async () => {
  const boom = new Error("boom");
  const { host, clock, events } = rig([
    hostedService("a", {}),
    hostedService("bad", {
      start: () => new Promise((_, reject) => clock.setTimeout(() => reject(boom), 30)),
    }),
  ]);
  const start = new Fate(host.start());
  await clock.advance(30);
  check(events);
  assert.equal(events.map(short), [
    "hostStarting",
    "serviceBegan a.start",
    "serviceDone a.start",
    "serviceBegan bad.start",
    "serviceFailed bad.start",
    "hostStartFailed",
    "hostStopping",
    "serviceBegan a.stop",
    "serviceDone a.stop",
    "hostStopped",
  ]);
  const failed = events[4];
  assert.ok(failed?.type === "serviceFailed");
  assert.is(failed.error, boom);
  assert.is(failed.duration, 30);
  const whole = events[5];
  assert.ok(whole?.type === "hostStartFailed");
  assert.is(whole.error, start.reason);
  assert.is(whole.duration, 30);
});

test("events of a stop that goes wrong in every way", async () => {
  const boom = new Error("boom");
  const { host, clock, events } = rig([
    hostedService("bad", { stop: () => Promise.reject(boom) }),
    hostedService("hung", { stop: hang }),
    backgroundService("worker", hang),
    hostedService("slow", { stop: aborted }),
  ], { shutdownTimeout: 100, abandonTimeout: 50 });
  await host.start();
  await quiet();
  const stop = new Fate(host.stop());
  await clock.advance(150);
  check(events);
  assert.equal(events.map(short).slice(events.findIndex(({ type }) => type === "hostStopping")), [
    "hostStopping",
    "serviceBegan slow.stop",
    "graceEnded",
    "serviceDone slow.stop",
    "serviceBegan worker.stop",
    "serviceBegan hung.stop",
    "serviceBegan bad.stop",
    "serviceFailed bad.stop",
    "serviceAbandoned worker.stop",
    "serviceAbandoned hung.stop",
    "serviceAbandoned worker.execute",
    "hostStopped",
  ]);
  const last = events.at(-1);
  assert.ok(last?.type === "hostStopped");
  assert.is(last.error, stop.reason, "what the stop rejects with");
  assert.is(last.duration, 150);
});

test("events of a clean stop carry no error", async () => {
  const { host, events } = rig([]);
  await host.start();
  await host.stop();
  assert.not.ok("error" in (events.at(-1) as HostEvent));
});

test("events of a stop request and of the grace's end carry the reasons", async () => {
  const { host, events } = rig([hostedService("slow", { stop: aborted })]);
  const run = host.run();
  await quiet();
  host.lifetime.stopApplication("because");
  host.abort();
  await run;
  const requested = events.find(({ type }) => type === "stopRequested");
  assert.ok(requested?.type === "stopRequested");
  assert.is(requested.reason, host.lifetime.stopping.reason);
  const ended = events.find(({ type }) => type === "graceEnded");
  assert.ok(ended?.type === "graceEnded");
  assert.is((ended.reason as Error).name, "AbortError");
});

test("events of what settles after it was given up", async () => {
  const gate = new Gate();
  const { host, clock, events } = rig([
    hostedService("late", { stop: () => gate.promise }),
    backgroundService("worker", () => gate.promise),
  ], { shutdownTimeout: 10, abandonTimeout: 10, servicesStopConcurrently: true });
  await host.start();
  await quiet();
  const stop = new Fate(host.stop());
  await clock.advance(20);
  assert.is(stop.state, "rejected");
  await clock.advance(5);
  gate.fail(new Error("boom"));
  await quiet();
  check(events);
  const late = events.slice(events.findIndex(({ type }) => type === "hostStopped") + 1);
  assert.equal(late.map(short).sort(), [
    "serviceLate late.stop",
    "serviceLate worker.execute",
    "serviceLate worker.stop",
  ]);
  for (const event of late) {
    assert.ok(event.type === "serviceLate");
    assert.is(event.duration, 25);
  }
});

test("events of a hook that throws: its error is told, also undefined", async () => {
  const { host, events } = rig([hostedService("a", { stop: () => Promise.reject(undefined) })]);
  await host.start();
  await host.stop().catch(() => {});
  const failed = events.find(({ type }) => type === "serviceFailed");
  assert.ok(failed && "error" in failed && failed.error === undefined);
  const stopped = events.at(-1) as HostEvent;
  assert.ok("error" in stopped, "it did not stop cleanly");
});

test("times come from the host's clock", async () => {
  const { host, clock, events } = rig([
    hostedService("a", { start: () => new Promise<void>((go) => clock.setTimeout(go, 7)) }),
  ]);
  await clock.advance(100);
  const start = host.start();
  await clock.advance(7);
  await start;
  assert.equal(events.map(({ time }) => time), [100, 100, 107, 107]);
  await host.stop();
});

// Observers.

test("a failing observer changes nothing, is told of once and called no more", async () => {
  const seen: string[] = [];
  let calls = 0;
  const { host, events, lines } = rig([hostedService("a", {})]);
  host.subscribe(() => {
    calls++;
    throw new Error("of the observer");
  });
  host.subscribe((event) => seen.push(event.type));
  await host.start();
  await host.stop();
  check(events);
  assert.is(calls, 1);
  assert.is(seen.length, events.length);
  assert.equal(lines.heads, [
    "error: An observer failed, and is removed: Error: of the observer",
  ]);
});

test("a failing onEvent changes nothing", async () => {
  const { host } = rig([hostedService("a", {})], {
    onEvent: () => {
      throw new Error("of the observer");
    },
  });
  await host.run(AbortSignal.abort());
  assert.is(host.state, "stopped");
});

test("an observer that causes events: everybody sees all, in order", async () => {
  const first: HostEvent[] = [];
  const second: HostEvent[] = [];
  const { host, events } = rig([hostedService("a", {})]);
  host.subscribe((event) => {
    first.push(event);
    if (event.type === "hostStarted") host.lifetime.stopApplication("from an observer");
    if (event.type === "stopRequested") void host.stop();
    if (event.type === "hostStopping") host.abort("from an observer");
  });
  host.subscribe((event) => second.push(event));
  await host.run();
  check(events);
  assert.equal(first.map(short), events.map(short));
  assert.equal(second.map(short), events.map(short));
  assert.ok(events.some(({ type }) => type === "graceEnded"));
});

test("an observer may call any method of the host", async () => {
  const { host } = rig([hostedService("a", {})]);
  const fates: Fate[] = [];
  const end = host.subscribe(() => {
    fates.push(new Fate(host.start()), new Fate(host.stop()));
    end();
  });
  const start = new Fate(host.start());
  await quiet();
  assert.is(host.state, "stopped");
  assert.is(start.state, "rejected");
  assert.equal(fates.map(({ state }) => state), ["rejected", "fulfilled"]);
});

test("subscribe() returns a function that ends it, however often it is called", async () => {
  const { host } = rig([hostedService("a", {})]);
  const seen: string[] = [];
  const observer = (event: HostEvent): number => seen.push(event.type);
  const end = host.subscribe(observer);
  const endSecond = host.subscribe(observer);
  end();
  end();
  await host.start();
  assert.is(seen.filter((type) => type === "hostStarting").length, 1, "the second goes on");
  const before = seen.length;
  endSecond();
  await host.stop();
  assert.is(seen.length, before);
});

test("subscribe() in the middle of a life: from now on, without gaps", async () => {
  const { host } = rig([hostedService("a", {})], { onEvent: undefined });
  await host.start();
  const events: HostEvent[] = [];
  host.subscribe((event) => events.push(event));
  await host.stop();
  assert.equal(events.map(({ seq }) => seq), events.map((_, index) => index + 1));
  assert.is(events[0]?.type, "hostStopping");
});

test("onEvent sees everything from the beginning", async () => {
  const { host, events } = rig([]);
  await host.start();
  assert.is(events[0]?.type, "hostStarting");
  await host.stop();
});

// formatEvent

const base = { seq: 1, time: 1 };
const hook = { ...base, service: "mailer", phase: "stop" as const, duration: 12.4 };
const boom = new Error("boom");

/** One event of each type at least, and its line; of errors only the first one. */
const lines: {
  readonly [Type in HostEvent["type"]]: readonly (readonly [
    Extract<HostEvent, { type: Type }>,
    string,
  ])[];
} = {
  hostStarting: [[{ ...base, type: "hostStarting" }, "Host starting"]],
  hostStarted: [[{ ...base, type: "hostStarted", duration: 3 }, "Host started after 3 ms"]],
  hostStartFailed: [[
    { ...base, type: "hostStartFailed", duration: 3, error: boom },
    "Host failed to start after 3 ms: Error: boom",
  ]],
  stopRequested: [
    [{ ...base, type: "stopRequested", reason: boom }, "Stop requested: boom"],
    [{ ...base, type: "stopRequested", reason: "because" }, "Stop requested: because"],
    [{ ...base, type: "stopRequested", reason: undefined }, "Stop requested: undefined"],
  ],
  hostDraining: [[{ ...base, type: "hostDraining", delay: 5 }, "Host draining for 5 ms"]],
  hostStopping: [[{ ...base, type: "hostStopping" }, "Host stopping"]],
  graceEnded: [[{ ...base, type: "graceEnded", reason: boom }, "Grace ended: boom"]],
  hostStopped: [
    [{ ...base, type: "hostStopped", duration: 3 }, "Host stopped after 3 ms"],
    [
      { ...base, type: "hostStopped", duration: 3, error: boom },
      "Host stopped after 3 ms: Error: boom",
    ],
    [
      { ...base, type: "hostStopped", duration: 3, error: undefined },
      "Host stopped after 3 ms: undefined",
    ],
  ],
  serviceBegan: [[
    { ...base, type: "serviceBegan", service: "mailer", phase: "execute" },
    "mailer: execute",
  ]],
  serviceDone: [[{ ...hook, type: "serviceDone" }, "mailer: stop done after 12 ms"]],
  serviceFailed: [[
    { ...hook, type: "serviceFailed", error: boom },
    "mailer: stop failed after 12 ms: Error: boom",
  ]],
  serviceAbandoned: [[
    { ...hook, type: "serviceAbandoned", error: boom },
    "mailer: stop abandoned after 12 ms",
  ]],
  serviceFaulted: [[
    { ...base, type: "serviceFaulted", service: "mailer", error: boom },
    "mailer: reports a failure: Error: boom",
  ]],
  serviceLate: [
    [{ ...hook, type: "serviceLate" }, "mailer: stop done late, after 12 ms"],
    [
      { ...hook, type: "serviceLate", error: boom },
      "mailer: stop failed late, after 12 ms: Error: boom",
    ],
  ],
  serviceListening: [[
    { ...base, type: "serviceListening", service: "web", url: "http://localhost:3000/" },
    "web: listening on http://localhost:3000/",
  ]],
  serviceRestarting: [
    [
      { ...base, type: "serviceRestarting", service: "feed", attempt: 2, delay: 512, error: boom },
      "feed: restarts in 512 ms (2): Error: boom",
    ],
    [
      {
        ...base,
        type: "serviceRestarting",
        service: "feed",
        attempt: 0,
        delay: 9,
        error: undefined,
      },
      "feed: restarts in 9 ms",
    ],
  ],
  leaderElected: [[
    { ...base, type: "leaderElected", service: "nightly", token: 3 },
    "nightly: leads, token 3",
  ]],
  leaderLost: [[
    { ...base, type: "leaderLost", service: "nightly", token: 3, reason: "refused" },
    "nightly: leads no longer, token 3, refused",
  ]],
};

for (const [type, samples] of Object.entries(lines)) {
  test(`formatEvent() renders ${type}`, () => {
    for (const [event, line] of samples) {
      assert.is(formatEvent(event).split("\n")[0], line);
    }
  });
}

test("formatEvent() renders an error with its stack, its causes and what it holds", () => {
  const error = new AggregateError([new Error("one"), "two"], "both", { cause: new Error("why") });
  const text = formatEvent({ ...hook, type: "serviceFailed", error });
  assert.match(text, "AggregateError: both");
  assert.match(text, "host_events_test");
  assert.match(text, "by Error: one");
  assert.match(text, "by two");
  assert.match(text, "by Error: why");
});

test("formatEvent() survives an error that is its own cause", () => {
  const error = new Error("ouroboros");
  error.cause = error;
  assert.match(formatEvent({ ...hook, type: "serviceFailed", error }), "ouroboros");
});

test("formatEvent() renders every event of a life", async () => {
  const { host, events } = rig([hostedService("a", { stop: () => Promise.reject(boom) })]);
  await host.start();
  await rejection(host.stop());
  for (const event of events) assert.type(formatEvent(event), "string");
});

test("a subscription made by an observer begins with the next event", async () => {
  const { host } = rig([]);
  const seen: string[] = [];
  let nested = false;
  host.subscribe(() => {
    if (nested) return;
    nested = true;
    host.subscribe(({ type }) => seen.push(type));
  });
  await host.start();
  assert.is(seen[0], "hostStarted");
  await host.stop();
});

test("an event of the host is told when the host's state is what it says", async () => {
  const states: string[] = [];
  const { host } = rig([hostedService("a", {})], {
    onEvent: ({ type }) => {
      if (type.startsWith("host") || type === "stopRequested") states.push(`${type} ${host.state}`);
    },
  });
  await host.start();
  host.lifetime.stopApplication();
  await host.stop();
  assert.equal(states, [
    "hostStarting starting",
    "hostStarted started",
    "stopRequested stopping",
    "hostStopping stopping",
    "hostStopped stopped",
  ]);
});

test("an observer that rejects is logged and called no more", async () => {
  let calls = 0;
  const { host, lines } = rig([]);
  host.subscribe(async () => {
    calls++;
    await quiet();
    throw new Error("boom");
  });
  const start = new Fate(host.start());
  await quiet();
  await quiet();
  assert.is(start.state, "fulfilled");
  const before = calls;
  await host.stop();
  assert.is(calls, before);
  assert.match(lines.heads[0]!, "error: An observer failed, and is removed: Error: boom");
});

test("work that fails after it was abandoned is told as late, and changes nothing", async () => {
  const gate = new Gate();
  const { host, clock, events, lines } = rig([backgroundService("worker", () => gate.promise)], {
    shutdownTimeout: 100,
    abandonTimeout: 50,
  });
  await host.start();
  const stop = new Fate(host.stop());
  await clock.advance(150);
  assert.is(stop.state, "rejected");
  const before = JSON.stringify(host.services);
  gate.fail(new Error("late"));
  await quiet();
  assert.is(JSON.stringify(host.services), before);
  assert.is(host.services[0]?.error, stop.reason);
  assert.is(events.at(-1)?.type, "serviceLate");
  assert.ok(
    lines.heads.some((line) => line.endsWith("late after 150 ms: Error: late")),
    `${lines.heads}`,
  );
  assert.is(await rejection(host.stop()), stop.reason);
});

test.run();
