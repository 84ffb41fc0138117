/**
 * What a host tells those who watch it: one typed union, and a line for each.
 *
 * @module
 */

import { renderError } from "./_log.ts";

/**
 * A hook of a service or of the host lifetime, its background work (`execute`), work it handed over
 * (`waitUntil`), or its disposal.
 */
export type Phase =
  | "waitForStart"
  | "starting"
  | "start"
  | "started"
  | "execute"
  | "waitUntil"
  | "stopping"
  | "stop"
  | "stopped"
  | "dispose";

/** What every event has. */
export interface HostEventBase {
  /** 1, 2, 3 and so on, without gaps, from the first event somebody observed. */
  readonly seq: number;
  /** Milliseconds of the host's clock. */
  readonly time: number;
}

/** What every event of a hook has. */
export interface ServiceEventBase extends HostEventBase {
  /** The service's unique name; `hostLifetime` is the host lifetime. */
  readonly service: string;
  /** The hook. */
  readonly phase: Phase;
}

/** `start()` or `run()` was called. */
export interface HostStartingEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "hostStarting";
}

/** Every service is up; `lifetime.started` has fired. */
export interface HostStartedEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "hostStarted";
  /** Milliseconds since the start began. */
  readonly duration: number;
}

/** The start failed or was cancelled; the rollback follows. */
export interface HostStartFailedEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "hostStartFailed";
  /** Milliseconds since the start began. */
  readonly duration: number;
  /** Why. */
  readonly error: unknown;
}

/** Somebody asked for the stop; `lifetime.stopping` has fired. */
export interface StopRequestedEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "stopRequested";
  /** Why: the reason of `lifetime.stopping`. */
  readonly reason: unknown;
}

/** A `drainDelay` begins: the host is not ready any more, but still serves. */
export interface HostDrainingEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "hostDraining";
  /** Milliseconds it takes, unless the grace ends before. */
  readonly delay: number;
}

/** The stop, after any `drainDelay`, or the rollback of a start begins. */
export interface HostStoppingEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "hostStopping";
}

/** The grace of the stop is over; `forced` has aborted for every service. */
export interface GraceEndedEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "graceEnded";
  /** Why: the reason of `forced`. */
  readonly reason: unknown;
}

/**
 * The host has stopped. What was abandoned, and `context.fail()`, may still cause events.
 */
export interface HostStoppedEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "hostStopped";
  /** Milliseconds since the stop began. */
  readonly duration: number;
  /** What the stop rejects with, if it failed; why a start failed is in `hostStartFailed`. */
  readonly error?: unknown;
}

/** A server accepts connections. */
export interface ServiceListeningEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "serviceListening";
  /** The service's unique name. */
  readonly service: string;
  /** Where it can be reached. */
  readonly url: string;
}

/** A hook was called, or background work began. Exactly one of the three ends follows. */
export interface ServiceBeganEvent extends ServiceEventBase {
  /** Tells the events apart. */
  readonly type: "serviceBegan";
}

/** A hook fulfilled, or background work ended: by itself, or because it was told to. */
export interface ServiceDoneEvent extends ServiceEventBase {
  /** Tells the events apart. */
  readonly type: "serviceDone";
  /** Milliseconds since it began. */
  readonly duration: number;
}

/** A hook rejected or threw, or background work failed. */
export interface ServiceFailedEvent extends ServiceEventBase {
  /** Tells the events apart. */
  readonly type: "serviceFailed";
  /** Milliseconds since it began. */
  readonly duration: number;
  /** What it rejected with. */
  readonly error: unknown;
}

/** A hook, or background work, outlived every limit. The host no longer waits for it. */
export interface ServiceAbandonedEvent extends ServiceEventBase {
  /** Tells the events apart. */
  readonly type: "serviceAbandoned";
  /** Milliseconds since it began. */
  readonly duration: number;
  /** The error that says so in the outcome. */
  readonly error: unknown;
}

/** A service called `context.fail()`. */
export interface ServiceFaultedEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "serviceFaulted";
  /** The service's unique name. */
  readonly service: string;
  /** What it said. */
  readonly error: unknown;
}

/** Something abandoned settled after all; also after `hostStopped`. */
export interface ServiceLateEvent extends ServiceEventBase {
  /** Tells the events apart. */
  readonly type: "serviceLate";
  /** Milliseconds since it began. */
  readonly duration: number;
  /** What it rejected with, if it did. */
  readonly error?: unknown;
}

/** An incarnation of a `supervised` service is over, and another one follows when it has ended. */
export interface ServiceRestartingEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "serviceRestarting";
  /** The service's unique name. */
  readonly service: string;
  /** How many failures in a row there were: 1 for the first; 0 after a clean end. */
  readonly attempt: number;
  /** Milliseconds from the end of the one to the start of the other. */
  readonly delay: number;
  /** What it failed with; `undefined` after a clean end. */
  readonly error: unknown;
}

/** A `leader` has the lease, and its service is about to start. */
export interface LeaderElectedEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "leaderElected";
  /** The service's unique name. */
  readonly service: string;
  /** The token of its term. */
  readonly token: number;
}

/** A `leader` leads no longer. */
export interface LeaderLostEvent extends HostEventBase {
  /** Tells the events apart. */
  readonly type: "leaderLost";
  /** The service's unique name. */
  readonly service: string;
  /** The token of its term. */
  readonly token: number;
  /**
   * Why: its service has ended, and the lease is given back (`released`); the lease could not be renewed
   * in time (`undecided`), or somebody else has it (`refused`).
   */
  readonly reason: "released" | "undecided" | "refused";
}

/** Everything a host tells. Switch over `type`. */
export type HostEvent =
  | HostStartingEvent
  | HostStartedEvent
  | HostStartFailedEvent
  | StopRequestedEvent
  | HostDrainingEvent
  | HostStoppingEvent
  | GraceEndedEvent
  | HostStoppedEvent
  | ServiceBeganEvent
  | ServiceDoneEvent
  | ServiceFailedEvent
  | ServiceAbandonedEvent
  | ServiceFaultedEvent
  | ServiceLateEvent
  | ServiceListeningEvent
  | ServiceRestartingEvent
  | LeaderElectedEvent
  | LeaderLostEvent;

/**
 * Renders any event as a line for a human; an error with its stack and causes.
 *
 * @example Watch a host
 * ```ts
 * import { createHost, formatEvent, hostedService } from "@runhost/host";
 * import { ok } from "node:assert/strict";
 *
 * const lines: string[] = [];
 * const pool = hostedService("pool", { start: () => {} });
 * const host = createHost([pool], { onEvent: (event) => lines.push(formatEvent(event)) });
 * await host.start();
 * await host.stop();
 *
 * ok(lines[2]?.startsWith("pool: start done after"));
 * ```
 */
export function formatEvent(event: HostEvent): string {
  switch (event.type) {
    case "hostStarting":
      return "Host starting";
    case "hostStarted":
      return `Host started after ${ms(event.duration)}`;
    case "hostStartFailed":
      return `Host failed to start after ${ms(event.duration)}: ${renderError(event.error)}`;
    case "stopRequested":
      return `Stop requested: ${message(event.reason)}`;
    case "hostDraining":
      return `Host draining for ${ms(event.delay)}`;
    case "hostStopping":
      return "Host stopping";
    case "graceEnded":
      return `Grace ended: ${message(event.reason)}`;
    case "hostStopped":
      return "error" in event
        ? `Host stopped after ${ms(event.duration)}: ${renderError(event.error)}`
        : `Host stopped after ${ms(event.duration)}`;
    case "serviceBegan":
      return `${event.service}: ${event.phase}`;
    case "serviceDone":
      return `${hook(event)} done after ${ms(event.duration)}`;
    case "serviceFailed":
      return `${hook(event)} failed after ${ms(event.duration)}: ${renderError(event.error)}`;
    case "serviceAbandoned":
      return `${hook(event)} abandoned after ${ms(event.duration)}`;
    case "serviceFaulted":
      return `${event.service}: reports a failure: ${renderError(event.error)}`;
    case "serviceLate":
      return "error" in event
        ? `${hook(event)} failed late, after ${ms(event.duration)}: ${renderError(event.error)}`
        : `${hook(event)} done late, after ${ms(event.duration)}`;
    case "serviceListening":
      return `${event.service}: listening on ${event.url}`;
    case "serviceRestarting":
      return event.attempt
        ? `${event.service}: restarts in ${ms(event.delay)} (${event.attempt}): ${
          renderError(event.error)
        }`
        : `${event.service}: restarts in ${ms(event.delay)}`;
    case "leaderElected":
      return `${event.service}: leads, token ${event.token}`;
    case "leaderLost":
      return `${event.service}: leads no longer, token ${event.token}, ${event.reason}`;
  }
  return event satisfies never;
}

function hook(event: ServiceEventBase): string {
  return `${event.service}: ${event.phase}`;
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}

function message(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
