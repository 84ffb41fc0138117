/**
 * The servers of whichever runtime runs this, behind one face.
 *
 * @module
 */

import { createAdaptorServer } from "@hono/node-server";
import type { HostedService, ServiceContext } from "../mod.ts";

type Entry = Pick<
  typeof import("../src/runtime/node.ts"),
  "createHost" | "probeServer" | "RequestsCutError" | "runHost"
>;

export const runtime: "bun" | "deno" | "node" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

export const entry: Entry = await import(`../src/runtime/${runtime}.ts`);

/** A fetch handler; `env` and `context` are not given on Node. */
export type Handler = (
  request: Request,
  env: never,
  context: never,
) => Response | Promise<Response> | undefined;

export interface WebOptions {
  readonly port?: number;
  readonly hostname?: string;
  readonly serve?: object;
  readonly stopTimeout?: number;
}

type HttpServer = (name: string, options: object) => HostedService;

/** `httpServer` of this runtime; each has options of its own. */
export const httpServer: HttpServer = (entry as unknown as { httpServer: HttpServer }).httpServer;

/** A server on any port, with a handler; on Node as `@hono/node-server` makes it. */
export function web(fetch: Handler, options: WebOptions = {}, name: string = "web"): HostedService {
  const failed = (): Response => new Response(null, { status: 500 });
  const quietly = { error: failed, onError: failed, development: false, ...options.serve };
  const where = { port: 0, hostname: "127.0.0.1", ...options };
  if (runtime !== "node") return httpServer(name, { ...where, serve: quietly, fetch });
  const server = (_context: ServiceContext): unknown =>
    createAdaptorServer({ fetch: fetch as never });
  return httpServer(name, { ...where, server });
}
