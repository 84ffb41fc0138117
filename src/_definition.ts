import { check, nothing } from "./_check.ts";
import type { HostedServiceHooks } from "./hosted_service.ts";
import type { HostedService, ServiceContext } from "./types.ts";

const hooks = ["starting", "start", "started", "stopping", "stop", "stopped"] as const;

/** What the host reads from a service, read from a definition; hooks keep their `this`. */
export function members(name: string, definition: HostedServiceHooks): HostedServiceHooks {
  check("the name of a service", name, "");
  check(`service "${name}"`, definition, {});
  const { stopTimeout, backgroundServiceExceptionBehavior, holdsReady, heartbeat } = definition;
  const result: Record<string, unknown> = {
    name,
    stopTimeout,
    backgroundServiceExceptionBehavior,
    holdsReady,
    heartbeat,
  };
  for (const hook of [...hooks, "health"] as const) {
    const call = definition[hook];
    if (call === undefined) continue;
    check(`service "${name}".${hook}`, call, nothing);
    result[hook] = call.bind(definition);
  }
  if ("details" in definition) {
    const get = (): unknown => definition.details; // as it is when somebody looks
    Object.defineProperty(result, "details", { enumerable: true, get });
  }
  return result;
}

/**
 * Gives a service the name, the settings and the hooks of a definition. Where both have a hook, the definition's encloses
 * the service's own: it starts before and stops after, so that the work finds what it needs.
 */
export function define<S extends HostedService>(
  service: S,
  name: string,
  definition: HostedServiceHooks,
): S & HostedService {
  const result = members(name, definition) as Record<string, unknown>;
  for (const hook of hooks) {
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
