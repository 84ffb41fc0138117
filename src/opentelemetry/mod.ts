/**
 * Telemetry: spans and metrics of a host and its services, on `@opentelemetry/api`, an optional peer.
 *
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { openTelemetry } from "@runhost/host/opentelemetry";
 *
 * const host = createHost([]);
 * openTelemetry(host); // the global providers, if there are any
 * await host.start();
 * await host.stop();
 * ```
 *
 * @module
 */

export { openTelemetry, type OpenTelemetryOptions } from "./open_telemetry.ts";
export type { Countable } from "./_metrics.ts";
export type { TelemetryOptions } from "./_providers.ts";
export {
  type Around,
  type TracedItem,
  traceHeaders,
  tracing,
  type TracingOptions,
} from "./tracing.ts";
