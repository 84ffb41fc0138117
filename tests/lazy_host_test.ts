/** The races of a lazy host, and what its events are given. A real platform is in workerd/. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  backgroundService,
  type Clock,
  delay,
  type EventContext,
  hostedService,
  type LazyHost,
  lazyHost,
  type LazyHostOptions,
  type PlatformEvent,
} from "../src/runtime/workers.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { quiet } from "../src/testing/mod.ts";
import { Gate, hang } from "./_gate.ts";
import { Lines } from "./_lines.ts";
import { Platform } from "./_platform.ts";

interface Rig {
  readonly platform: Platform;
  readonly lazy: LazyHost;
  readonly log: string[];
  readonly lines: Lines;
}

/** A lazy host of one service, whose start takes what `start` takes. */
function rig(start: () => unknown = () => {}, options: LazyHostOptions = {}): Rig {
  const platform = new Platform();
  const lines = new Lines();
  const log: string[] = [];
  const lazy = lazyHost(() => [
    hostedService("pool", {
      async start() {
        log.push("start");
        await start();
        log.push("started");
      },
      stop: () => log.push("stop"),
    }),
  ], { clock: platform.clock, logger: lines, ...options });
  return { platform, lazy, log, lines };
}

const starts = suite("the start");

starts("nothing happens before the first event", () => {
  const { lazy, log, platform } = rig();
  assert.is(lazy.host, undefined);
  assert.equal(log, []);
  assert.is(platform.time.pending, 0);
});

starts("two first events at once start one host, and both get it", async () => {
  const gate = new Gate();
  const { lazy, log, platform } = rig(() => gate.promise);
  const events = [platform.event(), platform.event()];
  const answers = Promise.all(events.map((event) => event.run(() => lazy.ready(event))));
  await platform.time.advance(5_000);
  assert.is(lazy.host?.state, "starting");
  gate.open();
  await platform.time.advance(10);
  const [one, two] = await answers;
  assert.is(one, two);
  assert.is(one, lazy.host);
  assert.is(one?.state, "started");
  assert.equal(log, ["start", "started"]);
  assert.equal(
    events.map(({ work }) => work.length),
    [1, 0],
    "the first one keeps the start alive",
  );
  assert.is(platform.time.pending, 0);
});

starts("an event after the start needs no timer", async () => {
  const { lazy, platform } = rig();
  const host = await lazy.ready();
  const later = lazy.ready();
  await quiet();
  assert.is(platform.time.pending, 0);
  assert.is(await later, host);
});

starts(
  "a start that fails rejects every event that waits, and the next one begins anew",
  async () => {
    const broken = new Error("Out of order");
    let fails = true;
    const { lazy, log, platform } = rig(async () => {
      if (fails) throw broken;
    });
    const both = [new Fate(lazy.ready()), new Fate(lazy.ready())];
    await platform.time.advance(10);
    assert.equal(both.map(({ reason }) => reason), [broken, broken]);
    fails = false;
    assert.is((await lazy.ready()).state, "started");
    assert.equal(log, ["start", "start", "started"]);
    assert.is(platform.time.pending, 0);
  },
);

starts("services that cannot be made reject the event, and the next one tries again", async () => {
  let fails = true;
  const lazy = lazyHost(() => {
    if (fails) throw new Error("No binding");
    return [];
  });
  assert.is((await rejection(lazy.ready())).message, "No binding");
  assert.is(lazy.host, undefined);
  fails = false;
  assert.is((await lazy.ready()).state, "started");
});

starts("the platform ends the event that starts: one that waits begins anew", async () => {
  let first = true;
  const { lazy, log, lines, platform } = rig(() => {
    if (!first) return;
    first = false;
    return hang();
  });
  const [one, two, three] = [platform.event(), platform.event(), platform.event()];
  const lost = new Fate(one.run(() => lazy.ready(one)));
  const waiting = [two, three].map((event) => event.run(() => lazy.ready(event)));
  await platform.time.advance(500);
  one.end();
  await platform.time.advance(900);
  assert.equal(log, ["start"], "not lost yet");
  await platform.time.advance(200);
  const [host, same] = await Promise.all(waiting);
  assert.is(host, same);
  assert.is(host?.state, "started");
  assert.equal(log, ["start", "start", "started"]);
  assert.equal(lines.all, ["warn: The event that was starting the host was lost: beginning anew"]);
  assert.is(lost.state, "pending");
  assert.equal([two.work.length, three.work.length].sort(), [0, 1]);
});

starts("the platform ends an event that waits: the start goes on, and others get it", async () => {
  const gate = new Gate();
  const { lazy, log, lines, platform } = rig(() => gate.promise);
  const [one, two] = [platform.event(), platform.event()];
  const starting = one.run(() => lazy.ready(one));
  const lost = new Fate(two.run(() => lazy.ready(two)));
  await platform.time.advance(50);
  two.end();
  await platform.time.advance(5_000);
  gate.open();
  assert.is((await starting).state, "started");
  const three = platform.event();
  assert.is(await three.run(() => lazy.ready(three)), lazy.host);
  await platform.time.advance(5_000);
  assert.is(lost.state, "pending");
  assert.equal(log, ["start", "started"]);
  assert.equal(lines.all, []);
});

starts("a start that was given up, and comes to its end nevertheless, is stopped", async () => {
  const gates = [new Gate(), new Gate()];
  let begun = 0;
  const { lazy, log, platform } = rig(() => gates[begun++]?.promise);
  const [one, two] = [platform.event(), platform.event()];
  const late = one.run(() => lazy.ready(one));
  const lost = lazy.host;
  const waiting = two.run(() => lazy.ready(two));
  one.end();
  await platform.time.advance(1_100);
  gates[1]?.open();
  const host = await waiting;
  gates[0]?.open();
  await platform.time.advance(10);
  assert.is(await late, host);
  assert.is(lost?.state, "stopped");
  assert.is(host.state, "started");
  assert.equal(log, ["start", "start", "started", "started", "stop"]);
});

starts("a host that was asked to stop is stopped, then replaced, by the next event", async () => {
  const { lazy, log } = rig();
  const first = await lazy.ready();
  first.lifetime.stopApplication();
  const second = await lazy.ready();
  assert.is.not(second, first);
  assert.is(first.state, "stopped");
  assert.equal(log, ["start", "started", "stop", "start", "started"]);
});

starts("the stop of a replaced host that never ends costs its limits, no more", async () => {
  const platform = new Platform();
  let first = true;
  const lazy = lazyHost(() => [hostedService("pool", { stop: () => first && hang() })], {
    clock: platform.clock,
    logger: false,
  });
  const event = platform.event();
  const host = await event.run(() => lazy.ready(event));
  void event.run(() => host.stop()).catch(() => {});
  await quiet();
  event.end(); // and with it the stop's own limits
  first = false;
  const next = platform.event();
  const ready = next.run(() => lazy.ready(next));
  await platform.time.advance(5_999);
  assert.is(lazy.host?.state, "created");
  await platform.time.advance(1);
  assert.is((await ready).state, "started");
});

starts("stop() stops the host, and the next event begins anew", async () => {
  const { lazy, log } = rig();
  await lazy.stop();
  await lazy.ready();
  await lazy.stop();
  assert.is(lazy.host, undefined);
  await lazy.ready();
  assert.equal(log, ["start", "started", "stop", "start", "started"]);
});

starts("stop() during the start cancels it", async () => {
  const gate = new Gate();
  const { lazy, log, platform } = rig(() => gate.promise);
  const ready = new Fate(lazy.ready());
  await quiet();
  const stopping = lazy.stop();
  gate.open();
  await platform.time.advance(10);
  await stopping;
  assert.is(ready.state, "rejected");
  assert.equal(log, ["start", "started", "stop"]);
});

starts("background services are refused where events end", async () => {
  const { waitUntil } = new Platform().event();
  const lazy = lazyHost(() => [backgroundService("worker", aborted)], { logger: false });
  const { message } = await rejection(lazy.ready({ waitUntil }));
  assert.match(message, 'Cannot run background service "worker" in a lazy host');
  assert.is((await lazy.ready()).state, "started", "not where there is no waitUntil");
  await lazy.stop();
});

starts("the bindings of the event that starts are given to the services", async () => {
  const seen: unknown[] = [];
  const lazy = lazyHost<string>((env) => [hostedService("pool", { start: () => seen.push(env) })]);
  await lazy.handle({ env: "one" }, ({ env }) => seen.push(env));
  await lazy.handle({ env: "two" }, ({ env }) => seen.push(env));
  assert.equal(seen, ["one", "one", "two"]);
});

for (
  const [given, limit, end, drop] of [
    ["no limit, patience for ever", Infinity, Infinity, Infinity],
    ["a limit, patience for ever", 10_000, 5_000, 7_500],
  ] as const
) {
  starts(`with ${given}, the signals of an event abort in time, or never`, async () => {
    const platform = new Platform();
    const clock: Clock = {
      ...platform.clock,
      setTimeout(callback, ms) {
        assert.ok(ms >= 0, `a timer of ${ms} ms, which fires at once`);
        return platform.clock.setTimeout(callback, ms);
      },
    };
    const lazy = lazyHost(() => [], {
      clock,
      shutdownTimeout: Infinity,
      abandonTimeout: Infinity,
    });
    const gate = new Gate();
    const aborts: (readonly [string, number])[] = [];
    const handled = lazy.handle({ limit }, ({ signal, forced }) => {
      const begun = platform.clock.now();
      for (const [name, it] of Object.entries({ signal, forced })) {
        const note = (): unknown => aborts.push([name, platform.clock.now() - begun]);
        it.addEventListener("abort", note);
      }
      return gate.promise;
    });
    await platform.time.advance(1_000_000);
    const expected = [["signal", end], ["forced", drop]].filter(([, ms]) => ms !== Infinity);
    assert.equal(aborts, expected);
    gate.open();
    await handled;
    assert.is(platform.time.pending, 0);
  });
}

starts(
  "names of options that differ in case only are warned of once, not in each event",
  async () => {
    const lines: string[] = [];
    const warn = (line: string): unknown => lines.push(line);
    const original = console.warn;
    console.warn = warn;
    try {
      const logger = { debug() {}, info() {}, warn, error() {} };
      const options = { lostafter: 5, shutDownTimeout: 5, DrainDelay: 5, logger };
      const lazy = lazyHost(() => [], options);
      for (let life = 0; life < 2; life++) {
        await lazy.ready();
        await lazy.stop();
      }
    } finally {
      console.warn = original;
    }
    assert.equal(lines, [
      'Cannot use lazyHost options: there is no "lostafter", did you mean "lostAfter"',
      'Cannot use lazyHost options: there is no "shutDownTimeout", did you mean "shutdownTimeout"',
      'Cannot use options: there is no "DrainDelay", did you mean "drainDelay"',
    ]);
  },
);

starts("wrong arguments are refused", async () => {
  const refused = (options: unknown): string =>
    thrown(() => lazyHost(() => [], options as LazyHostOptions)).message;
  const label = "Cannot use lazyHost options";
  assert.match(
    thrown(() => lazyHost([] as never)).message,
    "Cannot use lazyHost services: expected",
  );
  assert.is(refused(null), `${label}: expected object, got null`);
  assert.is(refused({ lostAfter: -1 }), `${label}.lostAfter: -1 is not 0 or more`);
  assert.match(refused({ background: [] }), `${label}.background: expected function`);
  assert.match(refused({ shutdownTimeout: NaN }), "shutdownTimeout: NaN is not 0 or more");
  assert.match(refused({ shutdownTimeout: null }), "shutdownTimeout: expected number, got null");
  const lazy = lazyHost(() => []);
  const none = await rejection(lazy.handle(undefined as never, () => {}));
  assert.is(none.message, "Cannot use event: expected object, got undefined");
  const idle = await rejection(lazy.handle({}, undefined as never));
  assert.is(idle.message, "Cannot use lazyHost action: expected function, got undefined");
  for (const event of [{ limit: -1 }, { limit: "1" }, { waitUntil: 1 }, { background: 1 }]) {
    const { message } = await rejection(lazy.ready(event as PlatformEvent));
    assert.match(message, /^Cannot use event\.(limit|waitUntil|background): /);
  }
  assert.is(lazy.host, undefined);
});

starts.run();

const events = suite("an event");

/** Begins an event that is handled until its signals say otherwise. */
function handled(limit: number | undefined) {
  const { lazy, platform } = rig();
  const gate = new Gate();
  let context: EventContext | undefined;
  const answer = lazy.handle({ limit }, (given) => {
    context = given;
    return gate.promise;
  });
  return { platform, gate, answer, context: () => context as EventContext };
}

events("its signals abort before its limit", async () => {
  const { platform, gate, answer, context } = handled(30_000);
  await platform.time.advance(24_999);
  assert.is(context().signal.aborted, false);
  await platform.time.advance(1);
  assert.is(context().signal.aborted, true);
  assert.is(context().signal.reason.name, "AbortError");
  assert.match(context().signal.reason.message, "ends this event 30000 ms after its begin");
  await platform.time.advance(3_999);
  assert.is(context().forced.aborted, false);
  await platform.time.advance(1);
  assert.is(context().forced.aborted, true);
  gate.open();
  await answer;
  assert.is(platform.time.pending, 0);
});

events("half of a short limit is for work", async () => {
  const { platform, gate, answer, context } = handled(400);
  await platform.time.advance(199);
  assert.is(context().signal.aborted, false);
  await platform.time.advance(1);
  assert.is(context().signal.aborted, true);
  assert.is(context().forced.aborted, false);
  await platform.time.advance(100);
  assert.is(context().forced.aborted, true);
  gate.open();
  await answer;
});

events("the time its host needs to start counts", async () => {
  const { lazy, platform } = rig(() => delay(100, { clock: platform.clock }));
  const answer = lazy.handle({ limit: 400 }, ({ signal }) => aborted(signal).then(() => "ended"));
  await platform.time.advance(200);
  assert.is(await answer, "ended");
  assert.is(platform.time.now(), 200);
  assert.is(platform.time.pending, 0);
});

events("without a limit nothing aborts, and no timer runs", async () => {
  const { platform, gate, answer, context } = handled(undefined);
  await platform.time.advance(10_000_000);
  assert.is(context().signal.aborted, false);
  assert.is(platform.time.pending, 0);
  gate.open();
  await answer;
});

events("its failure is its own, and the host goes on", async () => {
  const { lazy, platform } = rig();
  const broken = new Error("Bad request");
  const failing = lazy.handle({ limit: 1_000 }, () => {
    throw broken;
  });
  assert.is(await rejection(failing), broken);
  assert.is(lazy.host?.state, "started");
  assert.is(platform.time.pending, 0);
});

events("waitUntil() hands work to the platform, with the signals of the event", async () => {
  const { lazy, platform } = rig();
  const event = platform.event();
  const done: string[] = [];
  const answer = await lazy.handle({ ...event, limit: 1_000 }, ({ signal, waitUntil }) => {
    waitUntil(aborted(signal).then(() => done.push("in time")));
    return "answered";
  });
  assert.is(answer, "answered");
  await platform.time.advance(499);
  assert.equal(done, []);
  await platform.time.advance(1);
  assert.equal(done, ["in time"]);
  await Promise.all(event.work);
  assert.is(platform.time.pending, 0);
});

events("waitUntil() is waited for before the answer where the platform does not", async () => {
  const { lazy, lines } = rig();
  const [one, two] = [new Gate(), new Gate()];
  const answer = new Fate(lazy.handle({}, ({ waitUntil }) => {
    waitUntil(one.promise.then(() => waitUntil(two.promise)));
  }));
  await quiet();
  assert.is(answer.state, "pending");
  one.open();
  await quiet();
  assert.is(answer.state, "pending", "one piece of work may hand over another");
  two.fail(new Error("Mail bounced"));
  await quiet();
  assert.is(answer.state, "fulfilled", "the failure is logged");
  assert.match(lines.all.join(), "Mail bounced");
});

events("run() runs services to their end, or stops them before the limit", async () => {
  const { lazy, platform } = rig();
  const ends: boolean[] = [];
  const answer = lazy.handle({ limit: 1_000 }, async ({ run }) => {
    ends.push(await run([backgroundService("short", async () => {})]));
    ends.push(await run([backgroundService("endless", aborted)]));
  });
  await platform.time.advance(1_000);
  await answer;
  assert.equal(ends, [true, false]);
});

events("run() gives a worker up that ignores its signal, before the limit", async () => {
  const { lazy, platform } = rig();
  const answer = new Fate(
    lazy.handle({ limit: 1_000 }, ({ run }) => run([backgroundService("deaf", hang)])),
  );
  await platform.time.advance(1_000);
  assert.is(answer.state, "rejected");
  assert.is((answer.reason as Error).name, "ServiceTimeoutError");
});

events.run();

const slices = suite("background");

slices("a slice ends with its event, and a later event begins the next", async () => {
  const log: string[] = [];
  const { lazy, platform } = rig(undefined, {
    background: () => [
      backgroundService("ticker", async (signal) => {
        log.push("began");
        await aborted(signal);
        log.push("ended");
      }),
    ],
  });
  const handle = (event: PlatformEvent): Promise<void> => lazy.handle(event, () => {});
  const event = platform.event();
  await handle({ ...event, limit: 1_000 });
  await handle({ ...platform.event(), limit: 1_000 });
  await platform.time.advance(499);
  assert.equal(log, ["began"]);
  await platform.time.advance(1);
  assert.equal(log, ["began", "ended"]);
  await Promise.all(event.work);
  await handle({ limit: 1_000 });
  await handle({ ...platform.event(), limit: 1_000, background: false });
  await platform.time.advance(10);
  assert.equal(log, ["began", "ended"], "in no event without waitUntil, or that wants none");
  await handle({ ...platform.event(), limit: 1_000 });
  await platform.time.advance(10);
  assert.equal(log, ["began", "ended", "began"]);
  const stopping = lazy.stop();
  await platform.time.advance(20);
  await stopping;
  assert.equal(log, ["began", "ended", "began", "ended"]);
});

slices("one whose event was lost is followed by another, once that event cannot live", async () => {
  const gates: Gate[] = [];
  const { lazy, platform } = rig(undefined, {
    background: () => [
      backgroundService("ticker", async (signal) => {
        const gate = new Gate();
        gates.push(gate);
        await Promise.race([gate.promise, aborted(signal)]);
      }),
    ],
  });
  const one = platform.event();
  const begin = async (limit = 1_000, event = platform.event()): Promise<void> => {
    await event.run(() => lazy.handle({ ...event, limit }, () => {}));
    await platform.time.advance(1);
  };
  await begin(1_000, one);
  one.end();
  await platform.time.advance(900);
  await begin();
  assert.is(gates.length, 1);
  await platform.time.advance(100);
  await begin(30_000);
  assert.is(gates.length, 2);
  gates[0]?.fail(new Error("Too late")); // which is no reason to begin a third one beside the second
  await platform.time.advance(1_000);
  await begin();
  assert.is(gates.length, 2);
  await platform.time.advance(24_000);
  await begin();
  assert.is(gates.length, 3);
});

slices("stop() does not wait for a slice whose event was lost", async () => {
  const { lazy, log, platform } = rig(undefined, {
    background: () => [backgroundService("deaf", hang)],
  });
  const event = platform.event();
  await event.run(() => lazy.handle({ ...event, limit: 30_000 }, () => {}));
  event.end();
  const stopping = lazy.stop();
  await platform.time.advance(5_200);
  await stopping;
  assert.equal(log, ["start", "started", "stop"]);
});

slices("work that cannot be made is logged and tried again later, and fails no event", async () => {
  let fails = true;
  let made = 0;
  const { lazy, lines, platform } = rig(undefined, {
    background: () => {
      made++;
      if (fails) throw new Error("No binding");
      return [];
    },
    random: () => 0.5, // half of the jitter, which is half of the first delay of 1 s
  });
  const handle = (): Promise<string> => lazy.handle(platform.event(), () => "answered");
  assert.is(await handle(), "answered");
  assert.is(await handle(), "answered");
  await platform.time.advance(740);
  assert.is(await handle(), "answered");
  assert.is(made, 1);
  assert.match(lines.all.join(), "error: Cannot begin background work: Error: No binding");
  fails = false;
  await platform.time.advance(10);
  assert.is(await handle(), "answered");
  assert.is(made, 2);
});

slices("work that has ended is not begun again; work that failed is, after a delay", async () => {
  let fails = true;
  const log: string[] = [];
  const { lazy, platform } = rig(undefined, {
    background: () => [
      backgroundService("job", async () => {
        log.push("began");
        if (fails) throw new Error("Disk full");
      }),
    ],
  });
  const handle = async (): Promise<void> => {
    await lazy.handle({ ...platform.event(), limit: 30_000 }, () => {});
    await platform.time.advance(10);
  };
  await handle();
  await handle();
  assert.equal(log, ["began"]);
  await platform.time.advance(1_000);
  fails = false;
  await handle();
  assert.equal(log, ["began", "began"]);
  await platform.time.advance(1_000_000);
  await handle();
  assert.equal(log, ["began", "began"]);
});

slices.run();
