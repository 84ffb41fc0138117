/**
 * Whether a host is alive, started and ready: for probes over HTTP, and for code.
 *
 * ```ts
 * import { createHost, hostedService } from "@runhost/host";
 * import { healthHandler } from "@runhost/host/health";
 * import { equal } from "node:assert/strict";
 *
 * const db = hostedService("db", { health: () => true });
 * const host = createHost([db]);
 * const handle = healthHandler(host);
 * await host.start();
 *
 * const response = await handle(new Request("http://localhost/readyz?verbose"));
 * equal(response.status, 200);
 * equal(await response.text(), "[+]host ok\n[+]db ok\nreadyz check passed");
 *
 * await host.stop();
 * ```
 *
 * @module
 */

export { healthHandler } from "./health_handler.ts";
export { health, type HealthReport } from "./report.ts";
export type { HealthCheck, Probe } from "./types.ts";
