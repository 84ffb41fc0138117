import { check, checkNames, nothing } from "./_check.ts";
import { checkBehavior } from "./_host/settings.ts";
import type { HostedService, HostedServiceHooks, ServiceContext } from "./types.ts";

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
