import {
  diag,
  type Meter,
  type MeterProvider,
  metrics,
  type Span,
  SpanStatusCode,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { check, nothing } from "../_check.ts";
import { textOf } from "../_log.ts";

/** Whose telemetry it is: the instrumentation scope of all spans and metrics. */
export const scope = "@runhost/host";

/** Where telemetry goes. */
export interface TelemetryOptions {
  /**
   * Makes the spans.
   *
   * @default {the global one, also if that is set later; nothing without one}
   */
  readonly tracerProvider?: TracerProvider | undefined;

  /**
   * Takes the measurements.
   *
   * @default {the global one, if that is set by then; nothing without one}
   */
  readonly meterProvider?: MeterProvider | undefined;
}

/** The names of {@linkcode TelemetryOptions}. */
export const optionNames: readonly (keyof TelemetryOptions)[] = ["tracerProvider", "meterProvider"];

/** @throws {TypeError} If a provider is none. */
export function checkProviders(label: string, options: TelemetryOptions): void {
  const { tracerProvider, meterProvider } = options;
  if (tracerProvider !== undefined) {
    check(`${label}.tracerProvider`, tracerProvider, { getTracer: nothing });
  }
  if (meterProvider !== undefined) {
    check(`${label}.meterProvider`, meterProvider, { getMeter: nothing });
  }
}

/** What the API stands in with until a global provider is set. */
interface Proxy {
  getDelegateTracer(name: string): Tracer | undefined;
}

/** Gives the tracer once there is a provider for it; until then, spans need not even be prepared. */
export function tracerOf({ tracerProvider }: TelemetryOptions): () => Tracer | undefined {
  let tracer: Tracer | undefined = tracerProvider?.getTracer(scope);
  return () => {
    if (tracer) return tracer;
    const found = trace.getTracerProvider();
    return tracer = "getDelegateTracer" in found
      ? (found as unknown as Proxy).getDelegateTracer(scope)
      : found.getTracer(scope);
  };
}

/** The meter of the provider there is now. */
export function meterOf({ meterProvider = metrics.getMeterProvider() }: TelemetryOptions): Meter {
  return meterProvider.getMeter(scope);
}

/** Does something for telemetry alone: what that throws is for its own log, and changes nothing. */
export function harmlessly<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    try {
      diag.error(`${scope}/opentelemetry failed`, error);
    } catch {
      // Where would one log it?
    }
  }
}

/** What an error is counted as: few words, whatever was thrown. */
export function errorType(error: unknown): string {
  try {
    return error instanceof Error && error.name || "_OTHER";
  } catch {
    return "_OTHER"; // not everything that is thrown bears to be looked at
  }
}

/** Marks a span as failed. */
export function markFailed(span: Span, error: unknown): void {
  span.setAttribute("error.type", errorType(error));
  span.recordException(error instanceof Error ? error : textOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: textOf(error) });
}
