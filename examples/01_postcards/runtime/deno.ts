/** What the example needs of Deno: `runHost`, and a server. */
import { type HostedService, httpServer } from "@runhost/host/deno";
import type { Hono } from "hono";

export { runHost } from "@runhost/host/deno";

export function webServer({ fetch }: Hono, port: number): HostedService {
  return httpServer("web", { fetch, port });
}
