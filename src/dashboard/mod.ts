/**
 * A dashboard for a host and its jobs, as an application of Hono: {@linkcode dashboard}.
 *
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { dashboard } from "@runhost/host/dashboard";
 * import { Hono } from "hono";
 *
 * const host = createHost([]);
 * const app = new Hono();
 * // Whoever has the role may do all; say here what your application knows of its users.
 * app.route("/dashboard", dashboard(host, { authorize: (c) => c.req.header("x-role") === "operator" }));
 * ```
 *
 * @module
 */

export { dashboard, type DashboardOptions } from "./dashboard.ts";
export type { Access } from "./_access.ts";
export type { JobPart } from "./_view.ts";
