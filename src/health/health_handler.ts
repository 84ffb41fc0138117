import { hostLink } from "../_host/host_link.ts";
import { look, passes } from "./_look.ts";
import type { Probe } from "./types.ts";
import type { Host } from "../types.ts";

/**
 * Answers probes over HTTP, as Kubernetes' API server does: a path that ends in `/livez`,
 * `/startupz` or `/readyz`, wherever it is mounted, with 200 or 503. Other paths are 404, other
 * methods than GET and HEAD 405. See `HealthReport` for what each of them means.
 *
 * The body is `ok`; with `?verbose`, and when something fails, a line for each check, where one that is
 * degraded begins with `[-]` as well, but fails nothing; JSON, with the same in it, for `Accept:
 * application/json`. Reasons are withheld because they may hold secrets; the log has them. (The body
 * of an answer to HEAD is for the server to leave out.)
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
