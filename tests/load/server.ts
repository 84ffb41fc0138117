/**
 * One instance of a service under load: with a host, or as servers are often written.
 *
 *     PORT=8080 npx tsx tests/load/server.ts host|naive
 *
 * @module
 */

import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { healthHandler } from "@runhost/host/health";
import type { Host, HostedService } from "@runhost/host";

type Fetch = (request: Request) => Promise<Response>;

/** What is used of the runtimes besides Node, so that every runtime's tools can check this file. */
declare const globalThis: {
  readonly Deno?: {
    serve(options: object, fetch: Fetch): { shutdown(): Promise<void> };
  };
  readonly Bun?: { serve(options: object): { stop(): Promise<void> } };
};

const { Deno, Bun } = globalThis;
const place = { port: Number(process.env["PORT"]), hostname: "127.0.0.1" };

/** Takes a few milliseconds, as answers do. */
async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  await setTimeout(Number(pathname.slice(1)) % 10);
  return new Response(`answer to ${pathname}`);
}

/** Not ready for half a second, so that the balancer learns of it, and only then the stop. */
async function withHost(): Promise<void> {
  let health: Fetch;
  const fetch: Fetch = (request) =>
    request.url.endsWith("/readyz") ? health(request) : answer(request);
  const web = (service: HostedService) => ({ host }: { readonly host: Host }): HostedService => {
    health = healthHandler(host);
    return service;
  };
  const options = { drainDelay: 500 };

  if (Deno) {
    const { httpServer, runHost } = await import("@runhost/host/deno");
    await runHost([web(httpServer("web", { fetch, ...place }))], options);
  } else if (Bun) {
    const { httpServer, runHost } = await import("@runhost/host/bun");
    await runHost([web(httpServer("web", { fetch, ...place }))], options);
  } else {
    const { httpServer, runHost } = await import("@runhost/host/node");
    const { createAdaptorServer } = await import("@hono/node-server");
    const server = createAdaptorServer({ fetch });
    await runHost([web(httpServer("web", { server, ...place }))], options);
  }
}

/** Closes the server when it is told to, and leaves when that is done. */
async function naively(): Promise<void> {
  const fetch: Fetch = async (request) =>
    request.url.endsWith("/readyz") ? new Response("ok") : await answer(request);
  let close: () => Promise<void>;
  if (Deno) {
    const server = Deno.serve({ onListen() {}, ...place }, fetch);
    close = () => server.shutdown();
  } else if (Bun) {
    const server = Bun.serve({ fetch, ...place });
    close = () => server.stop();
  } else {
    const { createAdaptorServer } = await import("@hono/node-server");
    const server = createAdaptorServer({ fetch });
    server.listen(place.port, place.hostname);
    close = () => new Promise((resolve) => void server.close(() => resolve()));
  }
  process.once("SIGTERM", async () => {
    await close();
    process.exit(0);
  });
}

await (process.argv[2] === "host" ? withHost() : naively());
