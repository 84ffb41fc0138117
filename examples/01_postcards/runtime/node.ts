/** What the example needs of Node: `runHost`, and a server. */
import { createAdaptorServer } from "@hono/node-server";
import { type HostedService, httpServer } from "@runhost/host/node";
import type { Hono } from "hono";

export { runHost } from "@runhost/host/node";

export function webServer({ fetch }: Hono, port: number): HostedService {
  return httpServer("web", { server: createAdaptorServer({ fetch }), port });
}
