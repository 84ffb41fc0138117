import { type Context, context, type Span, trace, type Tracer } from "@opentelemetry/api";
import { textOf } from "../_log.ts";
import { markFailed } from "./_providers.ts";
import { isStartPhase } from "../_host/call.ts";
import type { HostEvent, ServiceEventBase } from "../events.ts";

/**
 * Makes a span of each start and each stop, and in it one of each hook. Their times are those of the
 * provider: events are told when they happen.
 */
export class LifecycleSpans {
  readonly #tracer: () => Tracer | undefined;
  #start: Span | undefined;
  #stop: Span | undefined;
  /** What the hooks of a start, and of a stop, are inside of; stays when that has ended. */
  #inStart: Context | undefined;
  #inStop: Context | undefined;
  /** Why the stop was asked for, until its span begins. */
  #reason: string | undefined;
  /** The spans of hooks that have not ended. */
  readonly #hooks = new Map<string, Span>();

  constructor(tracer: () => Tracer | undefined) {
    this.#tracer = tracer;
  }

  read(event: HostEvent): void {
    switch (event.type) {
      case "hostStarting":
        this.#start = this.#tracer()?.startSpan("host start");
        this.#inStart = this.#start && trace.setSpan(context.active(), this.#start);
        break;
      case "hostStarted":
        this.#start?.end();
        break;
      case "hostStartFailed":
        endFailed(this.#start, event.error);
        break;
      case "stopRequested":
        this.#reason = reasonOf(event.reason);
        break;
      case "hostDraining":
        this.#begin();
        this.#stop?.addEvent("draining", { "runhost.drain.delay": event.delay / 1_000 });
        break;
      case "hostStopping":
        this.#begin();
        this.#stop?.addEvent("stopping");
        break;
      case "graceEnded":
        (this.#stop ?? this.#start)?.addEvent("grace ended", {
          "runhost.reason": reasonOf(event.reason),
        });
        break;
      case "hostStopped":
        if ("error" in event) endFailed(this.#stop, event.error);
        else this.#stop?.end();
        break;
      case "serviceBegan":
        this.#hookBegan(event);
        break;
      case "serviceDone":
        this.#take(event)?.end();
        break;
      case "serviceFailed":
      case "serviceAbandoned":
        endFailed(this.#take(event), event.error);
        break;
    }
  }

  #begin(): void {
    if (this.#stop) return;
    const attributes = this.#reason === undefined ? {} : { "runhost.reason": this.#reason };
    this.#stop = this.#tracer()?.startSpan("host stop", { attributes });
    this.#inStop = this.#stop && trace.setSpan(context.active(), this.#stop);
  }

  /** Background and handed-over work has no span: it may last as long as the process. */
  #hookBegan({ service, phase }: ServiceEventBase): void {
    if (phase === "execute" || phase === "waitUntil") return;
    const parent = isStartPhase(phase) || !this.#inStop ? this.#inStart : this.#inStop;
    const attributes = { "runhost.service.name": service, "runhost.phase": phase };
    const span = this.#tracer()?.startSpan(`${phase} ${service}`, { attributes }, parent);
    if (span) this.#hooks.set(keyOf(service, phase), span);
  }

  #take({ service, phase }: ServiceEventBase): Span | undefined {
    const key = keyOf(service, phase);
    const span = this.#hooks.get(key);
    this.#hooks.delete(key);
    return span;
  }
}

function keyOf(service: string, phase: string): string {
  return `${phase} ${service}`; // a phase has no blank
}

/** Why in one line: what the host says of it, and what it was told. */
function reasonOf(reason: unknown): string {
  const { cause } = (reason ?? {}) as { readonly cause?: unknown };
  return cause === undefined ? textOf(reason) : `${textOf(reason)}: ${textOf(cause)}`;
}

function endFailed(span: Span | undefined, error: unknown): void {
  if (!span) return;
  markFailed(span, error);
  span.end();
}
