import {
  type Context,
  context,
  diag,
  DiagLogLevel,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  type DataPoint,
  type Histogram,
  MeterProvider,
  MetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { backgroundService, createHost, delay, hostedService } from "../mod.ts";
import { Channel } from "../src/channels/mod.ts";
import { consumer, TaskQueue } from "../src/consumers/mod.ts";
import { cron } from "../src/cron/mod.ts";
import { defineJob, jobServer } from "../src/jobs/mod.ts";
import {
  openTelemetry,
  type TelemetryOptions,
  traceHeaders,
  tracing,
} from "../src/opentelemetry/mod.ts";
import { leader, supervised } from "../src/supervision/mod.ts";
import { FakeJobStorage, FakeLease, FakeSource, quiet } from "../src/testing/mod.ts";
import { afterEach } from "./_after_each.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { rig } from "./_rig.ts";

guard(test);

test.before(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
test.after(() => context.disable());

/** What went wrong in telemetry. */
let complaints: unknown[][] = [];
const note = (...args: unknown[]): unknown => complaints.push(args);
diag.setLogger({ error: note, warn: note, info: note, debug: note, verbose: note }, {
  logLevel: DiagLogLevel.ERROR,
  suppressOverrideMessage: true,
});
test.after(() => diag.disable());
afterEach(test, () => {
  const found = complaints;
  complaints = [];
  assert.equal(found, []);
});

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** One number, or what a histogram has seen. */
interface Point {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
}

/** What an SDK gets of all that is measured and traced. */
class Telemetry {
  readonly exporter: InMemorySpanExporter = new InMemorySpanExporter();
  readonly tracerProvider: BasicTracerProvider;
  readonly reader: Reader = new Reader();
  readonly meterProvider: MeterProvider = new MeterProvider({ readers: [this.reader] });

  constructor(processor?: SpanProcessor) {
    const spanProcessors = [processor ?? new SimpleSpanProcessor(this.exporter)];
    this.tracerProvider = new BasicTracerProvider({ spanProcessors });
  }

  get options(): TelemetryOptions {
    return { tracerProvider: this.tracerProvider, meterProvider: this.meterProvider };
  }

  get spans(): ReadableSpan[] {
    return this.exporter.getFinishedSpans();
  }

  span(name: string): ReadableSpan {
    const found = this.spans.filter((span) => span.name === name);
    assert.is(found.length, 1, `${name} in ${this.spans.map(({ name }) => name)}`);
    return found[0]!;
  }

  /** The name of the span that one is inside of. */
  parent(name: string): string | undefined {
    const id = this.span(name).parentSpanContext?.spanId;
    return this.spans.find((span) => span.spanContext().spanId === id)?.name;
  }

  /** By name and unit. */
  async metrics(): Promise<Record<string, Point[]>> {
    const { resourceMetrics, errors } = await this.reader.collect();
    assert.equal(errors, []);
    const all: Record<string, Point[]> = {};
    for (const { metrics, scope } of resourceMetrics.scopeMetrics) {
      assert.is(scope.name, "@runhost/host");
      for (const { descriptor: { name, unit }, dataPoints } of metrics) {
        all[`${name} ${unit}`] = dataPoints.map((point: DataPoint<unknown>) => ({
          attributes: point.attributes,
          value: typeof point.value === "number"
            ? point.value
            : (point.value as Histogram).sum as number,
        }));
      }
    }
    return all;
  }

  /** The values of a metric, by what its attributes say. */
  async values(metric: string): Promise<Record<string, number>> {
    const points = (await this.metrics())[metric] ?? [];
    const named = points.map(({ attributes, value }) =>
      [Object.values(attributes).join(" "), value] as const
    );
    return Object.fromEntries(named.filter(([, value]) => value !== 0));
  }
}

const refuse = (): never => {
  throw new RangeError("No");
};

test("openTelemetry() makes a span of the start and of the stop, with one for each hook", async () => {
  const telemetry = new Telemetry();
  const pool = hostedService("pool", { start: () => {}, stop: () => {} });
  const worker = backgroundService("worker", (signal) => delay(1e6, { signal }));
  const { host } = rig([pool, worker], { drainDelay: 0 });
  openTelemetry(host, telemetry.options);
  await host.start();
  assert.equal(
    telemetry.spans.map(({ name }) => name),
    [
      "starting pool",
      "starting worker",
      "start pool",
      "start worker",
      "started pool",
      "started worker",
      "host start",
    ].filter((name) => telemetry.spans.some((span) => span.name === name)),
  );
  assert.is(telemetry.parent("start pool"), "host start");
  assert.is(telemetry.parent("start worker"), "host start");
  assert.is(telemetry.parent("host start"), undefined);
  host.lifetime.stopApplication("enough");
  await host.stop();
  assert.is(telemetry.parent("stop pool"), "host stop");
  assert.is(telemetry.parent("stop worker"), "host stop");
  assert.not.ok(telemetry.spans.some(({ name }) => name.startsWith("execute")));
  const { attributes, status, kind } = telemetry.span("stop pool");
  assert.equal(attributes, { "runhost.service.name": "pool", "runhost.phase": "stop" });
  assert.equal([status.code, kind], [SpanStatusCode.UNSET, SpanKind.INTERNAL]);
  const stop = telemetry.span("host stop");
  assert.match(String(stop.attributes["runhost.reason"]), "enough");
  assert.equal(stop.events.map(({ name }) => name), ["stopping"]);
});

test("openTelemetry() puts the span of a start into the one that is active where it is asked for", async () => {
  const telemetry = new Telemetry();
  const { host } = rig([]);
  openTelemetry(host, telemetry.options);
  const outer = telemetry.tracerProvider.getTracer("test").startSpan("outer");
  await context.with(trace.setSpan(ROOT_CONTEXT, outer), () => host.start());
  outer.end();
  await host.stop();
  assert.is(telemetry.parent("host start"), "outer");
  assert.is(telemetry.parent("host stop"), undefined);
});

test("openTelemetry() marks what failed, and the start with it", async () => {
  const telemetry = new Telemetry();
  const { host } = rig([
    hostedService("fine", { start: () => {}, stop: refuse }),
    hostedService("bad", { start: refuse }),
  ]);
  openTelemetry(host, telemetry.options);
  await rejection(host.start());
  for (const name of ["start bad", "host start", "stop fine"]) {
    const { status, attributes, events } = telemetry.span(name);
    assert.is(status.code, SpanStatusCode.ERROR, name);
    assert.match(String(status.message), "No");
    assert.ok(attributes["error.type"]);
    assert.equal(events.map((event) => event.name).includes("exception"), true);
  }
  assert.is(telemetry.parent("start bad"), "host start");
  assert.is(telemetry.parent("stop fine"), "host stop");
  assert.is(telemetry.span("start bad").attributes["error.type"], "RangeError");
});

test("openTelemetry() tells of a drain, of the end of the grace, and of what was abandoned", async () => {
  const telemetry = new Telemetry();
  const stuck = hostedService("stuck", { stop: () => new Promise(() => {}) });
  const options = { drainDelay: 100, shutdownTimeout: 1_000, abandonTimeout: 200 };
  const { host, clock } = rig([stuck], options);
  openTelemetry(host, telemetry.options);
  await host.start();
  const stopped = rejection(host.stop());
  await clock.advance(1_500);
  await stopped;
  const stop = telemetry.span("host stop");
  assert.equal(stop.events.map(({ name }) => name), [
    "draining",
    "stopping",
    "grace ended",
    "exception",
  ]);
  assert.is(stop.events[0]?.attributes?.["runhost.drain.delay"], 0.1);
  assert.is(stop.status.code, SpanStatusCode.ERROR);
  assert.is(telemetry.span("stop stuck").status.code, SpanStatusCode.ERROR);
  const failures = await telemetry.values("runhost.service.failures {failure}");
  assert.equal(failures, { "stuck stop ServiceTimeoutError": 1 });
});

test("openTelemetry() measures states, and how long starts, stops and hooks took", async () => {
  const telemetry = new Telemetry();
  const { host, clock } = rig([
    hostedService("pool", { start: (_, { clock }) => delay(250, { clock }) }),
  ]);
  openTelemetry(host, telemetry.options);
  assert.equal(await telemetry.values("runhost.host.state {host}"), { created: 1 });
  const started = host.start();
  await quiet();
  assert.equal(await telemetry.values("runhost.service.state {service}"), { "pool starting": 1 });
  await clock.advance(250);
  await started;
  assert.equal(await telemetry.values("runhost.host.state {host}"), { started: 1 });
  assert.equal(await telemetry.values("runhost.host.start.duration s"), { "": 0.25 });
  await host.stop();
  assert.equal(await telemetry.values("runhost.host.state {host}"), { stopped: 1 });
  assert.equal(await telemetry.values("runhost.service.state {service}"), { "pool stopped": 1 });
  const hooks = await telemetry.values("runhost.hook.duration s");
  assert.is(hooks["pool start"], 0.25);
  const all = await telemetry.metrics();
  assert.is(all["runhost.host.stop.duration s"]?.length, 1);
  assert.is(all["runhost.host.state {host}"]?.length, 5);
  assert.is(all["runhost.service.state {service}"]?.length, 8);
});

test("openTelemetry() counts failures of work, and restarts", async () => {
  const telemetry = new Telemetry();
  let lives = 0;
  const feed = supervised("feed", {
    restart: { delay: 10, attempts: 5, jitter: 0 },
    make: () =>
      backgroundService("feed", async (signal) => {
        if (++lives < 3) refuse();
        await delay(1e6, { signal });
      }),
  });
  const broken = hostedService("broken", {
    backgroundServiceExceptionBehavior: "ignore",
    started: (_, { fail }) => fail(new TypeError("Lost")),
  });
  const bad = backgroundService("bad", {
    backgroundServiceExceptionBehavior: "ignore",
    execute: async () => refuse(),
  });
  const { host, clock } = rig([feed, broken, bad]);
  openTelemetry(host, telemetry.options);
  await host.start();
  await clock.advance(100);
  assert.equal(await telemetry.values("runhost.service.restarts {restart}"), {
    "feed RangeError": 2,
  });
  const failures = await telemetry.values("runhost.service.failures {failure}");
  assert.is(failures["bad execute RangeError"], 1);
  assert.is(failures["broken TypeError"], 1);
  const hooks = await telemetry.values("runhost.hook.duration s");
  assert.not.ok(Object.keys(hooks).some((name) => name.includes("execute")));
  await host.stop();
});

test("openTelemetry() measures consumers, also inside of what is supervised", async () => {
  const telemetry = new Telemetry();
  const source = new FakeSource(["a", "b", "bad"]);
  const mails = supervised("mails", {
    make: () =>
      consumer<string>("inner", {
        source,
        concurrency: 3,
        retry: { attempts: 2, delay: 1, jitter: 0 },
        handle: async (value, signal) => {
          if (value === "bad") refuse();
          if (value === "b") await delay(1e6, { signal, clock });
        },
      }),
  });
  const { host, clock } = rig([mails]);
  openTelemetry(host, telemetry.options);
  await host.start();
  source.fail("receive", new Error("Away"));
  await clock.advance(20);
  assert.equal(await telemetry.values("runhost.items {item}"), {
    "mails done": 1,
    "mails dead_lettered": 1,
  });
  assert.equal(await telemetry.values("runhost.items.active {item}"), { mails: 1 });
  assert.equal(await telemetry.values("runhost.attempts.failed {attempt}"), { mails: 2 });
  assert.equal(await telemetry.values("runhost.attempts.retried {attempt}"), { mails: 1 });
  await clock.advance(1e6);
  await host.stop();
});

test("openTelemetry() measures task queues, channels and schedules", async () => {
  const telemetry = new Telemetry();
  const queue = new TaskQueue("queue", { capacity: 10 });
  const channel = new Channel<number>();
  const wall = Date.UTC(2026, 0, 1);
  let runs = 0;
  const nightly = cron("nightly", {
    pattern: "* * * * * *",
    now: () => wall + clock.now(),
    timeZone: "UTC",
    work: async () => {
      if (++runs === 2) refuse();
    },
  });
  const { host, clock } = rig([queue, nightly]);
  openTelemetry(host, { ...telemetry.options, queues: { orders: channel } });
  channel.tryWrite(1);
  channel.tryWrite(2);
  await host.start();
  await clock.advance(2_500);
  for (let task = 0; task < 3; task++) {
    await queue.enqueue(() => delay(100, { clock }).then(() => task === 1 && refuse()));
  }
  await quiet();
  assert.equal(await telemetry.values("runhost.queue.length {item}"), { queue: 2, orders: 2 });
  assert.equal(await telemetry.values("runhost.items.active {item}"), { queue: 1 });
  await clock.advance(400);
  assert.equal(await telemetry.values("runhost.queue.length {item}"), { orders: 2 });
  assert.equal(await telemetry.values("runhost.items {item}"), {
    "queue done": 2,
    "queue failed": 1,
  });
  assert.equal(await telemetry.values("runhost.schedule.runs {run}"), {
    "nightly done": 1,
    "nightly failed": 1,
  });
  await host.stop();
});

test("openTelemetry() measures how late a schedule is", async () => {
  const telemetry = new Telemetry();
  // Its wall clock is a minute behind: what it is about to do was due a minute ago.
  const late = cron("late", {
    pattern: "* * * * * *",
    now: () => Date.now() - 60_000,
    work: () => {},
  });
  const early = cron("early", { pattern: "@yearly", work: () => {} });
  const { host } = rig([late, early]);
  openTelemetry(host, telemetry.options);
  await host.start();
  await quiet();
  const lags = (await telemetry.metrics())["runhost.schedule.lag s"] ?? [];
  assert.equal(lags.map(({ attributes }) => attributes), [
    { "runhost.service.name": "late" },
    { "runhost.service.name": "early" },
  ]);
  assert.ok(lags[0]!.value >= 58, String(lags[0]?.value));
  assert.is(lags[1]?.value, 0);
  await host.stop();
});

test("openTelemetry() says who leads", async () => {
  const telemetry = new Telemetry();
  const one = leader("one", { lease: new FakeLease(), make: () => hostedService("inner", {}) });
  const { host, clock } = rig([one]);
  openTelemetry(host, telemetry.options);
  const points = async (): Promise<Point[]> =>
    (await telemetry.metrics())["runhost.leader.active {leader}"] ?? [];
  assert.equal((await points()).map(({ value }) => value), [0]);
  await host.start();
  await clock.advance(10);
  assert.equal(await points(), [{ attributes: { "runhost.service.name": "one" }, value: 1 }]);
  await host.stop();
});

test("openTelemetry() reads no more after its end, and nothing without a provider", async () => {
  const telemetry = new Telemetry();
  const { host, lines } = rig([hostedService("pool", { start: () => {} })]);
  openTelemetry(host, telemetry.options)();
  openTelemetry(host);
  await host.start();
  await host.stop();
  assert.equal(telemetry.spans, []);
  assert.equal(await telemetry.metrics(), {});
  assert.equal(lines.heads, []);
});

test("openTelemetry() and tracing() refuse what is none", () => {
  const { host } = rig([]);
  for (
    const [call, message] of [
      [() => openTelemetry({} as never), /^Cannot use host.subscribe: expected function/],
      [
        () => openTelemetry(host, { tracerProvider: {} as never }),
        /^Cannot use openTelemetry options.tracerProvider.getTracer: expected function/,
      ],
      [
        () => openTelemetry(host, { meterProvider: 1 as never }),
        /^Cannot use openTelemetry options.meterProvider: expected object/,
      ],
      [
        () => openTelemetry(host, { queues: { a: {} as never } }),
        /^Cannot use openTelemetry options.queues\["a"\].count: expected number/,
      ],
      [
        () => tracing({ system: 1 as never }),
        /^Cannot use tracing options.system: expected string/,
      ],
      [
        () => tracing({ destination: 1 as never }),
        /^Cannot use tracing options.destination: expected string/,
      ],
    ] as const
  ) {
    const error = thrown(call as () => unknown) as Error;
    assert.instance(error, TypeError);
    assert.match(error.message, message);
  }
});

test("a provider that throws harms neither host nor item", async () => {
  const telemetry = new Telemetry({
    onStart: () => refuse(),
    onEnd: () => refuse(),
    forceFlush: async () => {},
    shutdown: async () => {},
  });
  const source = new FakeSource(["a"]);
  const handled: string[] = [];
  const worker = consumer<string>("w", {
    source,
    around: tracing(telemetry.options),
    handle: (value) => handled.push(value),
  });
  const { host, lines } = rig([worker]);
  openTelemetry(host, telemetry.options);
  await host.start();
  await quiet();
  await host.stop();
  assert.equal(handled, ["a"]);
  assert.equal(source.log, ["ack a"]);
  assert.equal(lines.heads, []);
  assert.equal(await telemetry.values("runhost.items {item}"), { "w done": 1 });
  assert.ok(complaints.length > 0);
  assert.match(String(complaints[0]?.[0]), "@runhost/host/opentelemetry failed");
  complaints = [];
});

test("an exporter that throws at the end of a span leaves the item done", async () => {
  const exporter = new InMemorySpanExporter();
  exporter.export = refuse;
  const telemetry = new Telemetry(new SimpleSpanProcessor(exporter));
  const source = new FakeSource(["a"]);
  const { host } = rig([
    consumer<string>("w", { source, around: tracing(telemetry.options), handle: () => {} }),
  ]);
  openTelemetry(host, telemetry.options);
  await host.start();
  await quiet();
  await host.stop();
  assert.equal(source.log, ["ack a"]);
  complaints = [];
});

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

/** Handles one item with these headers, and gives its span. */
async function traced(
  headers: Readonly<Record<string, unknown>> | undefined,
  handle: () => unknown = () => {},
): Promise<ReadableSpan> {
  const telemetry = new Telemetry();
  const source = new FakeSource<string>();
  const around = tracing({ ...telemetry.options, system: "redis", destination: "mails" });
  const { host } = rig([
    consumer<string>("w", { source, around, handle, retry: { attempts: 1 } }),
  ]);
  await host.start();
  source.send("a", { headers });
  await quiet();
  await host.stop();
  return telemetry.span("process mails");
}

test("tracing() makes a span of each attempt, by the messaging conventions", async () => {
  const { kind, attributes, status, links, parentSpanContext } = await traced(undefined);
  assert.is(kind, SpanKind.CONSUMER);
  assert.equal(attributes, {
    "messaging.system": "redis",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.destination.name": "mails",
    "runhost.service.name": "w",
    "runhost.attempt": 1,
  });
  assert.equal([status.code, links, parentSpanContext], [SpanStatusCode.UNSET, [], undefined]);
});

test("tracing() links to the sender, and begins a trace of its own", async () => {
  const traceparent = `00-${traceId}-${spanId}-01`;
  for (
    const headers of [
      { traceparent },
      { traceparent: [traceparent] },
      { traceparent: new TextEncoder().encode(traceparent) },
      { traceparent: `cc-${traceId}-${spanId}-01-what-will-be` },
    ]
  ) {
    const span = await traced({ ...headers, tracestate: "a=b" });
    assert.is(span.links.length, 1);
    const [{ context }] = span.links as [{ context: ReturnType<ReadableSpan["spanContext"]> }];
    assert.equal([context.traceId, context.spanId, context.isRemote], [traceId, spanId, true]);
    assert.is(context.traceState?.get("a"), "b");
    assert.not.equal(span.spanContext().traceId, traceId);
    assert.is(span.parentSpanContext, undefined);
  }
});

test("tracing() links to nobody if the headers say nothing that can be read", async () => {
  for (
    const traceparent of [
      "",
      7,
      null,
      {},
      `ff-${traceId}-${spanId}-01`,
      `00-${traceId}-${spanId}-01-more`,
      `00-${"0".repeat(32)}-${spanId}-01`,
      `00-${traceId}-${"0".repeat(16)}-01`,
      `00-${traceId.toUpperCase()}-${spanId}-01`,
    ]
  ) {
    assert.equal((await traced({ traceparent })).links, [], String(traceparent));
  }
});

test("tracing() is active in the handler, and traceHeaders() sends from there", async () => {
  let headers: Record<string, unknown> = {};
  let active: Context = ROOT_CONTEXT;
  const span = await traced(undefined, async () => {
    await quiet();
    active = context.active();
    headers = traceHeaders({ tenant: "x" });
  });
  const { traceId, spanId } = span.spanContext();
  assert.is(trace.getSpanContext(active)?.spanId, spanId);
  assert.equal(headers, { tenant: "x", traceparent: `00-${traceId}-${spanId}-01` });
  const next = await traced(headers);
  assert.is(next.links[0]?.context.spanId, spanId);
});

test("traceHeaders() leaves headers as they are when nothing is active", () => {
  const headers = { tenant: "x" };
  assert.equal(traceHeaders(headers), headers);
  assert.is.not(traceHeaders(headers), headers);
  assert.equal(traceHeaders(), {});
});

test("tracing() and traceHeaders() use the propagator that is registered", async () => {
  propagation.setGlobalPropagator({
    inject: (_context, carrier, setter) => setter.set(carrier, "b", "from us"),
    extract: (context, carrier, getter) =>
      getter.get(carrier, "b") === undefined
        ? context
        : trace.setSpanContext(context, { traceId, spanId, traceFlags: 1 }),
    fields: () => ["b"],
  });
  try {
    assert.equal(traceHeaders(), { b: "from us" });
    assert.is((await traced({ b: "them" })).links[0]?.context.spanId, spanId);
  } finally {
    propagation.disable();
  }
});

test("tracing() marks a handler that failed, and measures how long it took", async () => {
  const telemetry = new Telemetry();
  const source = new FakeSource(["a"]);
  const { host, clock } = rig([
    consumer<string>("w", {
      source,
      around: tracing(telemetry.options),
      retry: { attempts: 2, delay: 10, jitter: 0 },
      handle: (_value, _signal, { attempt }) => attempt === 1 && refuse(),
    }),
  ]);
  await host.start();
  await clock.advance(100);
  await host.stop();
  assert.equal(source.log, ["ack a"]);
  const [first, second] = telemetry.spans;
  assert.is(telemetry.spans.length, 2);
  assert.equal([first?.name, second?.name], ["process w", "process w"]);
  assert.is(first?.status.code, SpanStatusCode.ERROR);
  assert.is(first?.attributes["error.type"], "RangeError");
  assert.is(second?.status.code, SpanStatusCode.UNSET);
  assert.is(second?.attributes["runhost.attempt"], 2);
  const points = (await telemetry.metrics())["messaging.process.duration s"] ?? [];
  const base = {
    "messaging.system": "runhost",
    "messaging.operation.name": "process",
    "messaging.destination.name": "w",
  };
  assert.equal(points.map(({ attributes }) => attributes), [
    { ...base, "error.type": "RangeError" },
    base,
  ]);
  assert.ok(points.every(({ value }) => value >= 0));
});

test("tracing() takes giving way to the end of the grace for no failure", async () => {
  const telemetry = new Telemetry();
  const source = new FakeSource(["a"]);
  const { host } = rig([
    consumer<string>("w", {
      source,
      around: tracing(telemetry.options),
      handle: (_value, signal) => delay(1e6, { signal }),
    }),
  ], { shutdownTimeout: 0 });
  await host.start();
  await quiet();
  const stopped = host.stop(AbortSignal.abort());
  await quiet();
  await stopped;
  assert.equal(source.log, ["release a 0"]);
  assert.is(telemetry.span("process w").status.code, SpanStatusCode.UNSET);
});

test("tracing() prepares nothing without a provider, and finds one that is set later", async () => {
  const around = tracing();
  const { signal: forced } = new AbortController();
  const item = { attempt: 1, delivery: {}, context: { name: "w", forced } };
  const next = async (): Promise<string> => "as it is";
  const untouched = new Proxy(item, { get: refuse });
  assert.is(await around(next, untouched), "as it is");
  const telemetry = new Telemetry();
  trace.setGlobalTracerProvider(telemetry.tracerProvider);
  try {
    await around(next, item);
    assert.is(telemetry.span("process w").attributes["runhost.attempt"], 1);
  } finally {
    trace.disable();
  }
});

test("tracing() makes a span of each attempt at a job, linked to whoever enqueued it", async () => {
  const telemetry = new Telemetry();
  const resize = defineJob("resize", {
    queue: "images",
    execute: () => trace.getActiveSpan()?.spanContext().spanId,
  });
  const jobs = jobServer("jobs", {
    storage: new FakeJobStorage(),
    jobs: [resize],
    around: tracing(telemetry.options),
  });
  const host = createHost([jobs], { logger: false });
  await host.start();
  const sender = telemetry.tracerProvider.getTracer("test").startSpan("request");
  const headers = context.with(trace.setSpan(ROOT_CONTEXT, sender), () => traceHeaders());
  const active = await jobs.result(await jobs.enqueue(resize, undefined, { headers }));
  await host.stop();
  sender.end();

  const span = telemetry.span("process images");
  assert.is(span.spanContext().spanId, active);
  assert.is(span.links[0]?.context.spanId, sender.spanContext().spanId);
  assert.is(span.attributes["messaging.destination.name"], "images");
  assert.is(span.attributes["runhost.service.name"], "jobs");
});

test.run();
