/** What the example needs of Bun: `runHost`, and a server. */
import { type HostedService, httpServer } from "@runhost/host/bun";
import type { Hono } from "hono";

export { runHost } from "@runhost/host/bun";

export function webServer({ fetch }: Hono, port: number): HostedService {
  return httpServer("web", { fetch, port });
}
