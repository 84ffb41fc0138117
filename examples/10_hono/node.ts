/**
 * Shows a Hono application on Node. `bun.ts` and `deno.ts` beside it do the same there.
 *
 *     npx tsx examples/10_hono/node.ts
 *
 * @module
 */

import process from "node:process";
import { createAdaptorServer } from "@hono/node-server";
import { httpServer, runHost } from "@runhost/host/node";
import { application } from "./app.ts";

const port = Number(process.env["PORT"] ?? 3000);

await runHost([
  ({ host }) =>
    httpServer("web", {
      server: createAdaptorServer({ fetch: application(host).fetch }),
      port,
    }),
]);
