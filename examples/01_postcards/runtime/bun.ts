/** What the example needs of Bun: `runHost`, a server, and who asks it. */
import { type BunServer, type HostedService, httpServer } from "@runhost/host/bun";
import type { Context, Hono } from "hono";
import { isLoopback } from "../address.ts";

export { runHost } from "@runhost/host/bun";

export function webServer({ fetch }: Hono, port: number): HostedService {
  return httpServer("web", { fetch, port });
}

/** Whether a request comes from this machine. */
export function isLocal(c: Context): boolean {
  const server = c.env as BunServer;
  return isLoopback(server.requestIP(c.req.raw)?.address);
}
