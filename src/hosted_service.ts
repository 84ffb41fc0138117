import { check, nothing } from "./_check.ts";
import { BackgroundService } from "./background_service.ts";
import type { HostedLifecycleService, HostedService, ServiceContext } from "./types.ts";

/** The hooks of a {@linkcode hostedService}, each optional, and its settings. */
export type HostedServiceHooks = Partial<Omit<HostedLifecycleService, "name">>;

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
 * @throws {TypeError} If the name is not a string or a hook not a function.
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
  return { start() {}, stop() {}, ...members(name, hooks) };
}

/**
 * A background service from a function, or from a definition with more hooks.
 *
 * @param name What the host calls it.
 * @param work The work: see `BackgroundService.execute` for what its signal means.
 * @throws {TypeError} If the name is not a string, or the work or a hook not a function.
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
  const { start, stop, ...rest } = members(name, definition);
  check(`service "${name}"`, definition, { execute: nothing });
  const Service = start || stop ? PreparedService : WorkService;
  return Object.assign(new Service(definition), rest);
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

class PreparedService extends WorkService {
  override async start(signal: AbortSignal, context: ServiceContext): Promise<void> {
    await this.definition.start?.(signal, context);
    await super.start(signal, context);
  }

  override async stop(signal: AbortSignal, context: ServiceContext): Promise<void> {
    await super.stop(signal, context);
    await this.definition.stop?.(signal, context);
  }
}

/** What the host reads from a service, read from a definition; hooks keep their `this`. */
function members(name: string, definition: HostedServiceHooks): HostedServiceHooks {
  check("the name of a service", name, "");
  check(`service "${name}"`, definition, {});
  const { stopTimeout, backgroundServiceExceptionBehavior } = definition;
  const result: Record<string, unknown> = { name, stopTimeout, backgroundServiceExceptionBehavior };
  for (const hook of ["starting", "start", "started", "stopping", "stop", "stopped"] as const) {
    const call = definition[hook];
    if (call === undefined) continue;
    check(`service "${name}".${hook}`, call, nothing);
    result[hook] = call.bind(definition);
  }
  return result;
}
