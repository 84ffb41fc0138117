import { look, passes } from "./_look.ts";
import type { HealthCheck, Probe } from "./types.ts";
import type { Host } from "../types.ts";

/** How a host is. */
export interface HealthReport {
  /**
   * Whether no `heartbeat` was missed and the host has not stopped. Stays true while it starts,
   * drains and stops, and depends on no `health` check: a restart mends no database.
   */
  readonly live: boolean;
  /** Whether the host has started: `lifetime.started` has fired. */
  readonly started: boolean;
  /**
   * Whether the host is started and nobody has asked for the stop, every service with `holdsReady`
   * has called `context.ready()`, and no `health` check failed.
   */
  readonly ready: boolean;
  /** All that was looked at, of each probe the host first. */
  readonly checks: readonly HealthCheck[];
}

/**
 * Asks a host how it is, and while it is started each service that has a `health` check: all at
 * the same time, for 800 ms at most. One that has not answered by then counts as failed and is not
 * asked again before it has; answers are good for 1 s, whoever asks.
 *
 * When a check begins to fail, or to be degraded, the host's logger is told why, once, and once when it
 * recovers.
 *
 * @returns Never rejects because of a service.
 * @throws {TypeError} If `host` is none.
 *
 * @example Which service it is
 * ```ts
 * import { createHost, hostedService } from "@runhost/host";
 * import { health } from "@runhost/host/health";
 * import { equal } from "node:assert/strict";
 *
 * const db = hostedService("db", {
 *   health: () => Promise.reject(new Error("Connection lost")),
 * });
 * const host = createHost([db], { logger: false });
 * await host.start();
 *
 * const { ready, checks } = await health(host);
 * const failed = checks.find(({ status }) => status === "failed");
 * equal(ready, false);
 * equal(failed?.name, "db");
 * equal(String(failed?.error), "Error: Connection lost");
 *
 * await host.stop();
 * ```
 */
export async function health(host: Host): Promise<HealthReport> {
  const readyz = await look(host, "readyz"); // the others after the wait: all are of one moment
  const [livez, startupz] = await Promise.all([look(host, "livez"), look(host, "startupz")]);
  return {
    live: passes(livez),
    started: passes(startupz),
    ready: passes(readyz),
    checks: Object.entries({ livez, startupz, readyz }).flatMap(([probe, findings]) =>
      findings.map((it): HealthCheck => ({ probe: probe as Probe, ...it }))
    ),
  };
}
