import { hostLink, type LinkedMember } from "../_host/host_link.ts";
import { createWatch, type Finding, found, type Watch } from "./_watch.ts";
import type { Probe } from "./types.ts";
import type { Host } from "../types.ts";

/** One for each service, whoever probes. */
const watches = new WeakMap<LinkedMember, Watch>();

/** All that a probe finds, the host itself first. Asks nobody who does not count for it. */
export async function look(host: Host, probe: Probe): Promise<Finding[]> {
  const services = await Promise.all(
    hostLink(host).members().map((member) => {
      let watch = watches.get(member);
      if (!watch) watches.set(member, watch = createWatch(member));
      return watch[probe]?.();
    }),
  );
  const { state, lifetime } = host; // as they are now, after the wait
  const ok = {
    livez: state !== "stopped",
    startupz: lifetime.started.aborted,
    readyz: state === "started",
  };
  const self = found("host", ok[probe] ? undefined : new Error(`The host is ${state}`));
  return [self, ...services].filter((it) => !!it);
}

/** Whether a probe passes. */
export function passes(findings: readonly Finding[]): boolean {
  return !findings.some(({ status }) => status === "failed");
}
