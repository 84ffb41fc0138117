/**
 * The errors a host makes itself. Everything else it rejects with is yours, unchanged.
 *
 * @module
 */

import type { Phase } from "./events.ts";

/** A hook that has not settled. */
export interface UnsettledHook {
  /** The service's unique name. */
  readonly service: string;
  /** The hook. */
  readonly phase: Phase;
  /** How long it had been running, in milliseconds. */
  readonly elapsed: number;
}

/** A hook did not settle within its limits: during a start that timed out, or it was abandoned. */
export class ServiceTimeoutError extends Error implements UnsettledHook {
  /** The name of the class. */
  override readonly name: string = "ServiceTimeoutError";
  /** Stable; compare this rather than the class, of which a program may hold two copies. */
  readonly code: "ERR_SERVICE_TIMEOUT" = "ERR_SERVICE_TIMEOUT";
  /** The service's unique name. */
  readonly service!: string;
  /** The hook. */
  readonly phase!: Phase;
  /** How long it had been running, in milliseconds. */
  readonly elapsed!: number;

  /** Made by the host. */
  constructor(hook: UnsettledHook) {
    const { service, phase, elapsed } = hook;
    const verb = /^(start|stop|dispose)$/.test(phase) ? phase : `finish "${phase}" of`;
    super(`Cannot ${verb} service "${service}": still running after ${elapsed} ms`);
    Object.assign(this, hook);
  }
}

/** `host.abort()` (a second Ctrl+C) left hooks running. */
export class ForcedStopError extends Error {
  /** The name of the class. */
  override readonly name: string = "ForcedStopError";
  /** Stable; compare this rather than the class. */
  readonly code: "ERR_FORCED_STOP" = "ERR_FORCED_STOP";
  /** What was still running. */
  readonly abandoned: readonly UnsettledHook[];

  /** Made by the host. */
  constructor(abandoned: readonly UnsettledHook[], options?: ErrorOptions) {
    const hooks = abandoned.map((it) => `"${it.service}" (${it.phase}, ${it.elapsed} ms)`);
    super(`Forced to stop: still running: ${hooks.join(", ") || "nothing"}`, options);
    this.abandoned = abandoned;
  }
}

/** A call the host, or a service, cannot answer in the state it is in. */
export class HostStateError extends Error {
  /** The name of the class. */
  override readonly name: string = "HostStateError";
  /** Stable; compare this rather than the class. */
  readonly code: "ERR_HOST_STATE" = "ERR_HOST_STATE";
}
