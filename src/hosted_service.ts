import { check, checkNames, nothing } from "./_check.ts";
import { checkBehavior } from "./_host/settings.ts";
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

// What every service made from a definition is read by; not for users of the package.

const hookNames = ["starting", "start", "started", "stopping", "stop", "stopped"] as const;

/** The settings of every service. */
const settings = {
  stopTimeout: 0,
  backgroundServiceExceptionBehavior: "",
  holdsReady: false,
  heartbeat: 0,
};

/** Checks a definition, and reads from it what a host reads from a service. Hooks keep their `this`. */
export function readDefinition(name: string, definition: HostedServiceHooks): HostedServiceHooks {
  check("the name of a service", name, "");
  const label = `service "${name}"`;
  check(label, definition, {});
  const keys = [...Object.keys(settings), ...hookNames, "health"] as (keyof typeof settings)[];
  checkNames(label, definition, [...keys, "details", "execute"]);
  checkBehavior(`${label}.`, definition);
  const result: Record<string, unknown> = { name };
  for (const key of keys) {
    const value: unknown = definition[key];
    if (value === undefined) continue;
    const { [key]: shape = nothing }: Record<string, unknown> = settings;
    check(`${label}.${key}`, value, shape);
    result[key] = typeof value === "function" ? value.bind(definition) : value;
  }
  if ("details" in definition) {
    const get = (): unknown => definition.details; // as it is when somebody looks
    Object.defineProperty(result, "details", { enumerable: true, get });
  }
  return result;
}

/**
 * Gives a service the name, the settings and the hooks of a definition. Where both have a hook, the
 * definition's encloses the service's own: it starts before and stops after, so that the work finds
 * what it needs.
 */
export function define<S extends HostedService>(
  service: S,
  name: string,
  definition: HostedServiceHooks,
): S & HostedService {
  const result = readDefinition(name, definition) as Record<string, unknown>;
  for (const hook of hookNames) {
    const own = (service as HostedServiceHooks)[hook]?.bind(service);
    const outer = result[hook] as typeof own;
    if (!own || !outer) continue;
    const [first, second] = hook.startsWith("start") ? [outer, own] : [own, outer];
    result[hook] = async (signal: AbortSignal, context: ServiceContext): Promise<void> => {
      await first(signal, context);
      await second(signal, context);
    };
  }
  return Object.defineProperties(service, Object.getOwnPropertyDescriptors(result));
}
