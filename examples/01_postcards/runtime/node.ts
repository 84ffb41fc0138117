/** What the example needs of Node: `runHost`, a server, and who asks it. */
import type { IncomingMessage } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { type HostedService, httpServer } from "@runhost/host/node";
import type { Context, Hono } from "hono";
import { isLoopback } from "../address.ts";

export { runHost } from "@runhost/host/node";

export function webServer({ fetch }: Hono, port: number): HostedService {
  return httpServer("web", { server: createAdaptorServer({ fetch }), port });
}

/** Whether a request comes from this machine. */
export function isLocal(c: Context): boolean {
  const { incoming } = c.env as { readonly incoming: IncomingMessage };
  return isLoopback(incoming.socket.remoteAddress);
}
