/**
 * The errors a host makes itself. Everything else it rejects with is yours, unchanged.
 *
 * @module
 */

import type { Phase } from "./events.ts";

/** What a {@linkcode ServiceTimeoutError} says besides its message. */
export interface UnsettledHook {
  /** The service's unique name. */
  readonly service: string;
  /** The hook that had not settled. */
  readonly phase: Phase;
  /** How long it had been running, in milliseconds. */
  readonly elapsed: number;
}

/** A hook did not settle within its limits: during a start that timed out, or it was abandoned. */
export class ServiceTimeoutError extends Error implements UnsettledHook {
  override readonly name: string = "ServiceTimeoutError";
  /** Stable; compare this rather than the class, of which a program may hold two copies. */
  readonly code: "ERR_SERVICE_TIMEOUT" = "ERR_SERVICE_TIMEOUT";
  readonly service: string;
  readonly phase: Phase;
  readonly elapsed: number;

  /** Made by the host. */
  constructor({ service, phase, elapsed }: UnsettledHook) {
    super(`Cannot ${verb(phase)} "${service}": still running after ${elapsed} ms`);
    this.service = service;
    this.phase = phase;
    this.elapsed = elapsed;
  }
}

/** `host.abort()` (a second Ctrl+C) left hooks running. */
export class ForcedStopError extends Error {
  override readonly name: string = "ForcedStopError";
  /** Stable; compare this rather than the class. */
  readonly code: "ERR_FORCED_STOP" = "ERR_FORCED_STOP";
  /** What was still running. */
  readonly abandoned: readonly UnsettledHook[];

  /** Made by the host. */
  constructor(abandoned: readonly UnsettledHook[], options?: ErrorOptions) {
    const hooks = abandoned.map((it) => `"${it.service}" (${it.phase}, ${it.elapsed} ms)`);
    super(`Forced to stop: still running: ${hooks.join(", ")}`, options);
    this.abandoned = abandoned;
  }
}

/** A call the host, or a service, cannot answer in the state it is in. */
export class HostStateError extends Error {
  override readonly name: string = "HostStateError";
  /** Stable; compare this rather than the class. */
  readonly code: "ERR_HOST_STATE" = "ERR_HOST_STATE";
}

function verb(phase: Phase): string {
  return phase === "start" || phase === "stop" || phase === "dispose"
    ? `${phase} service`
    : `finish "${phase}" of service`;
}
