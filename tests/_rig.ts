import { createHost, type Host, type HostEvent, type HostOptions, type Services } from "../mod.ts";
import { FakeClock } from "../src/testing/mod.ts";
import { Lines } from "./_lines.ts";

/** A host on a clock that stands still, its log and its events. */
export interface Rig {
  readonly host: Host;
  readonly clock: FakeClock;
  readonly lines: Lines;
  readonly events: readonly HostEvent[];
}

/** Creates a host to be tested. */
export function rig(services: Services, options: HostOptions = {}): Rig {
  const clock = new FakeClock();
  const lines = new Lines();
  const events: HostEvent[] = [];
  const onEvent = (event: HostEvent): number => events.push(event);
  const defaults = { clock, logger: lines, onEvent, hostLifetime: false } as const;
  const host = createHost(services, { ...defaults, ...options });
  return { host, clock, lines, events };
}
