/** Shows Express in a host: health routes, and a stop that finishes what is in flight. */
import { createServer } from "node:http";
import process from "node:process";
import { getRequestListener } from "@hono/node-server";
import { delay, type Host, httpServer, runHost } from "@runhost/host/node";
import { healthHandler } from "@runhost/host/health";
// @ts-types="npm:@types/express@^5.0.6"
import express, { type Express } from "express";

function application(host: Host): Express {
  const app = express();
  app.get(["/livez", "/readyz", "/startupz"], getRequestListener(healthHandler(host)));

  app.get("/", async (_request, response) => {
    console.log("Working...");
    await delay(500);
    response.send("Hello from Express");
  });
  return app;
}

const port = Number(process.env["PORT"] ?? 3000);

await runHost([
  ({ host }) => httpServer("web", { server: createServer(application(host)), port }),
]);
