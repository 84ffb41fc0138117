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

import { hostLink } from "../_host/host_link.ts";
import { look, passes } from "./_look.ts";
import type { HealthCheck, Probe } from "./types.ts";
import type { Host } from "../types.ts";

export type { HealthCheck, Probe };

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

/**
 * Answers probes over HTTP, as Kubernetes' API server does: a path that ends in `/livez`,
 * `/startupz` or `/readyz`, wherever it is mounted, with 200 or 503. Other paths are 404, other
 * methods than GET and HEAD 405. See {@linkcode HealthReport} for what each of them means.
 *
 * The body is `ok`; with `?verbose`, and when something fails, a line for each check, where one that is
 * degraded begins with `[-]` as well, but fails nothing; JSON, with the same in it, for `Accept: application/json`. Reasons are withheld, for they may hold secrets:
 * they are in the log. (The body of an answer to HEAD is for the server to leave out.)
 *
 * @throws {TypeError} If `host` is none.
 *
 * @example What a probe gets
 * ```ts
 * import { createHost, hostedService } from "@runhost/host";
 * import { healthHandler } from "@runhost/host/health";
 * import { equal } from "node:assert/strict";
 *
 * const cache = hostedService("cache", {
 *   holdsReady: true, // until it calls context.ready()
 * });
 * const host = createHost([cache]);
 * const handle = healthHandler(host);
 * await host.start();
 *
 * const live = await handle(new Request("http://localhost/livez"));
 * equal(live.status, 200);
 * equal(await live.text(), "ok");
 *
 * const ready = await handle(new Request("http://localhost/readyz"));
 * equal(ready.status, 503);
 * equal(
 *   await ready.text(),
 *   "[+]host ok\n[-]cache failed: reason withheld\nreadyz check failed",
 * );
 *
 * await host.stop();
 * ```
 */
export function healthHandler(host: Host): (request: Request) => Promise<Response> {
  hostLink(host); // a mistake shows here, not when somebody probes
  return async ({ method, url, headers }) => {
    const [, probe] = /^[^?]*\/(livez|startupz|readyz)(\?|$)/.exec(url) ?? [];
    if (!probe) return new Response(null, { status: 404 });
    if (method !== "GET" && method !== "HEAD") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }

    const findings = await look(host, probe as Probe);
    const ok = passes(findings);
    const init = { status: ok ? 200 : 503, headers: { "cache-control": "no-store" } };
    if (/application.json/i.test(headers.get("accept")!)) {
      const checks = findings.map(({ name, status }) => ({ name, status }));
      return Response.json({ status: ok ? "ok" : "failed", checks }, init);
    }
    const lines = findings.map(({ name, status }) =>
      status === "ok" ? `[+]${name} ok` : `[-]${name} ${status}: reason withheld`
    );
    lines.push(`${probe} check ${ok ? "passed" : "failed"}`);
    const brief = ok && !/[?&]verbose/.test(url);
    return new Response(brief ? "ok" : lines.join("\n"), init);
  };
}
