/** What the example needs of Deno: `runHost`, a server, and who asks it. */
import { type HostedService, httpServer } from "@runhost/host/deno";
import type { Context, Hono } from "hono";
import { isLoopback } from "../address.ts";

export { runHost } from "@runhost/host/deno";

export function webServer({ fetch }: Hono, port: number): HostedService {
  return httpServer("web", { fetch, port });
}

/** Whether a request comes from this machine. */
export function isLocal(c: Context): boolean {
  const { remoteAddr } = c.env as { readonly remoteAddr: { readonly hostname: string } };
  return isLoopback(remoteAddr.hostname);
}
