import {
  type Context,
  createTraceState,
  defaultTextMapSetter,
  isSpanContextValid,
  propagation,
  type TextMapGetter,
  type TextMapPropagator,
  trace,
} from "@opentelemetry/api";

/** What travels with an item. */
export type Headers = Readonly<Record<string, unknown>>;

/** Version, trace, parent, flags. A later version than ours may go on after that. */
const traceparent = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Trace Context of the W3C, for programs that have registered no propagator. */
const w3c: TextMapPropagator = {
  inject(context, carrier, setter) {
    const sender = trace.getSpanContext(context);
    if (!sender || !isSpanContextValid(sender)) return;
    const { traceId, spanId, traceFlags, traceState } = sender;
    const flags = (traceFlags & 0xff).toString(16).padStart(2, "0");
    setter.set(carrier, "traceparent", `00-${traceId}-${spanId}-${flags}`);
    const state = traceState?.serialize();
    if (state) setter.set(carrier, "tracestate", state);
  },

  extract(context, carrier, getter) {
    const text = getter.get(carrier, "traceparent");
    const [, version, traceId, spanId, flags, more] =
      typeof text === "string" && traceparent.exec(text) || [];
    if (!traceId || !spanId || !flags || version === "00" && more !== undefined) return context;
    const state = getter.get(carrier, "tracestate");
    const sender = {
      traceId,
      spanId,
      traceFlags: parseInt(flags, 16) & 1,
      isRemote: true,
      ...(typeof state === "string" && { traceState: createTraceState(state) }),
    };
    return isSpanContextValid(sender) ? trace.setSpanContext(context, sender) : context;
  },

  fields: () => ["traceparent", "tracestate"],
};

/** Engines give texts, bytes, or several of either. */
const getter: TextMapGetter<Headers> = {
  keys: (headers) => Object.keys(headers),
  get(headers, name) {
    const value = headers[name];
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (first instanceof Uint8Array) return new TextDecoder().decode(first);
    return typeof first === "string" ? first : undefined;
  },
};

function propagator(): TextMapPropagator {
  return propagation.fields().length > 0 ? propagation as TextMapPropagator : w3c;
}

/** The context with whoever has sent these headers. */
export function extract(context: Context, headers: Headers): Context {
  return propagator().extract(context, headers, getter);
}

/** Puts the context into headers. */
export function inject(context: Context, headers: Record<string, unknown>): void {
  propagator().inject(context, headers, defaultTextMapSetter);
}
