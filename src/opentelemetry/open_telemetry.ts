import { check, checkNames, nothing } from "../_check.ts";
import { LifecycleSpans } from "./_lifecycle_spans.ts";
import { type Countable, Metrics } from "./_metrics.ts";
import {
  checkProviders,
  harmlessly,
  meterOf,
  optionNames,
  type TelemetryOptions,
  tracerOf,
} from "./_providers.ts";
import type { Host } from "../types.ts";

/** Options of {@linkcode openTelemetry}. */
export interface OpenTelemetryOptions extends TelemetryOptions {
  /**
   * What else has a length, by the name that its metric shall have: a `Channel`, an `Inbox`. Queues that
   * are services are found in the host.
   *
   * @default {{}}
   */
  readonly queues?: Readonly<Record<string, Countable>> | undefined;
}

/**
 * Tells OpenTelemetry of a host: a span for its start and for its stop, with one for each hook inside; and
 * metrics, which the guide Telemetry lists. Call it before the start, and once for each host.
 *
 * It reads the events of the host, and changes nothing in it: what a provider, a processor or an exporter
 * throws goes to the `diag` of `@opentelemetry/api`. A span of a hook is not active inside the hook.
 * Without a provider it does nothing.
 *
 * The metrics of a host that has stopped go on saying so, until the function that this returns is called,
 * or their provider shuts down. Flushing the providers is the program's, when `run()` has returned.
 *
 * @returns A function that ends it.
 * @throws {TypeError} If `host` is no host, or an option has the wrong type.
 *
 * @example Count what is done
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { TaskQueue } from "@runhost/host/consumers";
 * import { openTelemetry } from "@runhost/host/opentelemetry";
 * import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
 * import { equal } from "node:assert/strict";
 *
 * class Reader extends MetricReader {
 *   protected override async onForceFlush(): Promise<void> {}
 *   protected override async onShutdown(): Promise<void> {}
 * }
 * const reader = new Reader();
 * const meterProvider = new MeterProvider({ readers: [reader] });
 *
 * const queue = new TaskQueue("mails", { capacity: 10 });
 * const host = createHost([queue]);
 * const end = openTelemetry(host, { meterProvider });
 * await host.start();
 * await queue.enqueue(() => {});
 * await host.stop();
 *
 * const { resourceMetrics } = await reader.collect();
 * const metrics = resourceMetrics.scopeMetrics[0]?.metrics ?? [];
 * const items = metrics.find(({ descriptor }) => descriptor.name === "runhost.items");
 * equal(items?.dataPoints[0]?.value, 1); // done
 * end();
 * ```
 */
export function openTelemetry(host: Host, options: OpenTelemetryOptions = {}): () => void {
  const label = "openTelemetry options";
  check("host", host, {});
  check("host.subscribe", host.subscribe, nothing);
  check(label, options, {});
  checkNames(label, options, [...optionNames, "queues"]);
  checkProviders(label, options);
  const { queues = {} } = options;
  check(`${label}.queues`, queues, {});
  for (const [name, queue] of Object.entries(queues)) {
    check(`${label}.queues["${name}"]`, queue, {});
    check(`${label}.queues["${name}"].count`, queue.count, 0);
  }
  const spans = new LifecycleSpans(tracerOf(options));
  const metrics = new Metrics(host, queues, meterOf(options));
  const end = host.subscribe((event) => {
    harmlessly(() => spans.read(event));
    harmlessly(() => metrics.read(event));
  });
  return () => {
    end();
    harmlessly(() => metrics.close());
  };
}
