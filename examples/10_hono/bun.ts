/**
 * Shows a Hono application on Bun.
 *
 *     bun examples/10_hono/bun.ts
 *
 * @module
 */

import process from "node:process";
import { httpServer, runHost } from "@runhost/host/bun";
import { application } from "./app.ts";

const port = Number(process.env["PORT"] ?? 3000);

await runHost([
  ({ host }) => httpServer("web", { fetch: application(host).fetch, port }),
]);
