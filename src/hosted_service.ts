import { check, nothing } from "./_check.ts";
import { define, readDefinition } from "./_definition.ts";
import { BackgroundService } from "./background_service.ts";
import type { HostedService, HostedServiceHooks, ServiceContext } from "./types.ts";

/** The work of a {@linkcode backgroundService}: `BackgroundService.execute` as a function. */
export type Execute = (signal: AbortSignal, context: ServiceContext) => Promise<unknown>;

/**
 * A {@linkcode backgroundService} that is more than its work. `start` runs before the work begins,
 * `stop` after it has ended: the place to open and close what it needs.
 */
export interface BackgroundServiceDefinition extends HostedServiceHooks {
  /** The work; see `BackgroundService.execute`. */
  readonly execute: Execute;
}

/**
 * A service from functions.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If the name is not a string, a hook not a function, or a setting of the wrong
 * type.
 * @throws {RangeError} If a time limit is negative or `NaN`.
 *
 * @example A connection
 * ```ts
 * import { createHost, hostedService } from "@runhost/host";
 * import { equal } from "node:assert/strict";
 *
 * const pool = { open: false };
 * const service = hostedService("pool", {
 *   start: () => (pool.open = true),
 *   stop: () => (pool.open = false),
 * });
 *
 * const host = createHost([service]);
 * await host.start();
 * equal(pool.open, true);
 * await host.stop();
 * equal(pool.open, false);
 * ```
 */
export function hostedService(name: string, hooks: HostedServiceHooks): HostedService {
  const service = readDefinition(name, hooks);
  const { start = nothing, stop = nothing } = service;
  return Object.assign(service, { start, stop });
}

/**
 * A background service from a function, or from a definition with more hooks.
 *
 * @param name What the host calls it.
 * @param work The work: see `BackgroundService.execute` for what its signal means.
 * @throws {TypeError} If the name is not a string, the work or a hook not a function, or a setting of
 * the wrong type.
 * @throws {RangeError} If a time limit is negative or `NaN`.
 *
 * @example A worker with a connection of its own
 * ```ts
 * import { backgroundService, createHost } from "@runhost/host";
 * import { deepEqual } from "node:assert/strict";
 *
 * const log: string[] = [];
 * const worker = backgroundService("worker", {
 *   start: () => log.push("connect"),
 *   execute: async () => log.push("work"),
 *   stop: () => log.push("disconnect"),
 * });
 *
 * await createHost([worker], { stopWhenIdle: true }).run();
 *
 * deepEqual(log, ["connect", "work", "disconnect"]);
 * ```
 */
export function backgroundService(
  name: string,
  work: Execute | BackgroundServiceDefinition,
): BackgroundService & HostedService {
  const definition = typeof work === "function" ? { execute: work } : work;
  const service = define(new WorkService(definition), name, definition);
  check(`service "${name}"`, definition, { execute: nothing });
  return service;
}

class WorkService extends BackgroundService {
  readonly definition: BackgroundServiceDefinition;

  constructor(definition: BackgroundServiceDefinition) {
    super();
    this.definition = definition;
  }

  override execute(signal: AbortSignal, context: ServiceContext): Promise<unknown> {
    return this.definition.execute(signal, context);
  }
}
