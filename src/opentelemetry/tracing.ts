import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { isCleanAbort } from "../_abort.ts";
import { check, checkNames } from "../_check.ts";
import {
  checkProviders,
  errorType,
  harmlessly,
  markFailed,
  meterOf,
  optionNames,
  type TelemetryOptions,
  tracerOf,
} from "./_providers.ts";
import { extract, inject } from "./_trace_context.ts";

/** Options of {@linkcode tracing}. */
export interface TracingOptions extends TelemetryOptions {
  /**
   * Which engine the items come from, `messaging.system`: `rabbitmq`, say. The messaging conventions list
   * the names.
   *
   * @default {"runhost"}
   */
  readonly system?: string | undefined;

  /**
   * Which queue, stream or topic they come from, `messaging.destination.name`. Part of the name of each
   * span, so one of few.
   *
   * @default {the queue of a job, else the name of the service}
   */
  readonly destination?: string | undefined;
}

/** What is known of an item: the `Item` of a consumer has it, and so has the `JobContext` of a job. */
export interface TracedItem {
  /** Which attempt this is, 1 for the first. */
  readonly attempt: number;
  /** What travelled with a job: also the trace context. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** The queue of a job. */
  readonly queue?: string | undefined;
  /** How the source delivered an item. */
  readonly delivery?: {
    /** What travelled with the value: also the trace context. */
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
    /** Aborts when the source has lost its hold. */
    readonly lost?: AbortSignal | undefined;
  } | undefined;
  /** Of the service. */
  readonly context: {
    /** The service's name. */
    readonly name: string;
    /** Aborts when its grace is over. */
    readonly forced: AbortSignal;
  };
}

/** What {@linkcode tracing} gives: an `around` of a consumer or of a job server. */
export type Around = (next: () => Promise<unknown>, item: TracedItem) => unknown;

/**
 * Makes an `around` that traces each attempt: a span `process DESTINATION` of the messaging conventions, of
 * kind consumer, which is active in the handler; and its duration in the histogram
 * `messaging.process.duration`.
 *
 * The span begins a trace of its own, linked to whoever has sent the item: the trace context in the
 * `headers` of its delivery, read by the global propagator, or as W3C Trace Context if none is registered.
 * Baggage travels on. A handler that fails marks the span; one that gave way to the end of the grace, or to
 * the loss of its delivery, does not, as it has not failed. A job that was cancelled marks it, with `AbortError`.
 *
 * Whatever telemetry throws goes to the `diag` of `@opentelemetry/api`, and the item is handled. Without a
 * provider no span is prepared. That the span is active needs a context manager, which the SDK registers.
 *
 * @throws {TypeError} If an option has the wrong type.
 *
 * @example From the sender to the handler
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { consumer } from "@runhost/host/consumers";
 * import { traceHeaders, tracing } from "@runhost/host/opentelemetry";
 * import { FakeSource } from "@runhost/host/testing";
 * import {
 *   BasicTracerProvider,
 *   InMemorySpanExporter,
 *   SimpleSpanProcessor,
 * } from "@opentelemetry/sdk-trace-base";
 * import { equal } from "node:assert/strict";
 *
 * const exporter = new InMemorySpanExporter();
 * const spanProcessors = [new SimpleSpanProcessor(exporter)];
 * const tracerProvider = new BasicTracerProvider({ spanProcessors });
 *
 * const source = new FakeSource<string>();
 * const mailer = consumer<string>("mailer", {
 *   source,
 *   around: tracing({ tracerProvider, destination: "mails" }),
 *   handle: () => {},
 * });
 * const host = createHost([mailer]);
 * await host.start();
 * source.send("hello", { headers: traceHeaders() });
 * await mailer.onIdle({ quiet: 10 });
 * await host.stop();
 *
 * equal(exporter.getFinishedSpans()[0]?.name, "process mails");
 * ```
 */
export function tracing(options: TracingOptions = {}): Around {
  const label = "tracing options";
  check(label, options, {});
  checkNames(label, options, [...optionNames, "system", "destination"]);
  checkProviders(label, options);
  const { system = "runhost", destination } = options;
  check(`${label}.system`, system, "");
  if (destination !== undefined) check(`${label}.destination`, destination, "");
  const tracer = tracerOf(options);
  let durations: Histogram | undefined;

  /** Makes the span, unless there is nobody to make one. */
  const begin = (item: TracedItem): Attempt | undefined => {
    const found = tracer();
    if (!found) return undefined;
    durations ??= meterOf(options).createHistogram("messaging.process.duration", {
      unit: "s",
      description: "Duration of processing operation",
      advice,
    });
    return new Attempt(found, durations, system, destination, item);
  };

  return (next, item) => {
    const attempt = harmlessly(() => begin(item));
    return attempt ? attempt.run(next) : next();
  };
}

/** The buckets of the conventions. */
const advice = {
  explicitBucketBoundaries: [
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1,
    2.5,
    5,
    7.5,
    10,
  ],
};

/** One attempt at an item, from its begin to its end. */
class Attempt {
  readonly #item: TracedItem;
  readonly #span: Span;
  readonly #context: Context;
  readonly #durations: Histogram;
  readonly #attributes: Attributes;
  readonly #begun: number = performance.now();

  constructor(
    tracer: Tracer,
    durations: Histogram,
    system: string,
    destination: string | undefined,
    item: TracedItem,
  ) {
    const { attempt, delivery, context: { name } } = item;
    const place = destination ?? item.queue ?? name;
    this.#item = item;
    this.#durations = durations;
    this.#attributes = {
      "messaging.system": system,
      "messaging.operation.name": "process",
      "messaging.destination.name": place,
    };
    const headers = delivery?.headers ?? item.headers;
    const sent = headers ? extract(ROOT_CONTEXT, headers) : ROOT_CONTEXT;
    const sender = trace.getSpanContext(sent);
    const links: Link[] = sender ? [{ context: sender }] : [];
    const attributes = {
      ...this.#attributes,
      "messaging.operation.type": "process",
      "runhost.service.name": name,
      "runhost.attempt": attempt,
    };
    // A root: what is active here is whatever was so at the start of the host.
    const options = { kind: SpanKind.CONSUMER, root: true, attributes, links };
    this.#span = tracer.startSpan(`process ${place}`, options, sent);
    this.#context = trace.setSpan(sent, this.#span);
  }

  async run(next: () => Promise<unknown>): Promise<void> {
    try {
      await context.with(this.#context, next);
    } catch (error) {
      harmlessly(() => this.#end({ error }));
      throw error;
    }
    harmlessly(() => this.#end());
  }

  #end(failure?: { readonly error: unknown }): void {
    const { delivery, context } = this.#item;
    let attributes = this.#attributes;
    if (failure && !isCleanAbort(failure.error, context.forced, delivery?.lost)) {
      attributes = { ...attributes, "error.type": errorType(failure.error) };
      markFailed(this.#span, failure.error);
    }
    this.#durations.record((performance.now() - this.#begun) / 1_000, attributes);
    this.#span.end();
  }
}

/**
 * Headers for an item that is about to be sent, with the context that is active: whoever handles it is
 * linked to the span that sent it. Without an active span they are as they were.
 *
 * @param headers What else is to travel with it; left as it is.
 * @returns A new object.
 *
 * @example Send
 * ```ts
 * import { traceHeaders } from "@runhost/host/opentelemetry";
 * import { context, trace } from "@opentelemetry/api";
 * import { equal } from "node:assert/strict";
 *
 * const span = trace.wrapSpanContext({
 *   traceId: "0af7651916cd43dd8448eb211c80319c",
 *   spanId: "b7ad6b7169203331",
 *   traceFlags: 1,
 * });
 * const headers = traceHeaders({ tenant: "x" }, trace.setSpan(context.active(), span));
 *
 * equal(headers["tenant"], "x");
 * equal(headers["traceparent"], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
 * ```
 */
export function traceHeaders(headers?: undefined, active?: Context): Record<string, string>;
/** Headers for an item that is about to be sent, with others; see above. */
export function traceHeaders<H extends Readonly<Record<string, unknown>>>(
  headers: H,
  active?: Context,
): H & Record<string, unknown>;
export function traceHeaders(
  headers?: Readonly<Record<string, unknown>>,
  active: Context = context.active(),
): Record<string, unknown> {
  const all: Record<string, unknown> = { ...headers };
  harmlessly(() => inject(active, all));
  return all;
}
