/**
 * Shows a Hono application on Deno.
 *
 *     deno run -A examples/10_hono/deno.ts
 *
 * @module
 */

import process from "node:process";
import { httpServer, runHost } from "@runhost/host/deno";
import { application } from "./app.ts";

const port = Number(process.env["PORT"] ?? 3000);

await runHost([
  ({ host }) => httpServer("web", { fetch: application(host).fetch, port }),
]);
