/**
 * Shows server-sent events and WebSockets on Node that end well when the host stops. `bun.ts` and
 * `deno.ts` beside it do the same there.
 *
 *     npx tsx examples/12_streams/node.ts
 *
 * @module
 */

import process from "node:process";
import { createAdaptorServer } from "@hono/node-server";
import { type Host, type HostedService, httpServer, runHost } from "@runhost/host/node";
import { NodeSocket } from "./node_socket.ts";
import { events, welcome } from "./streams.ts";

function web(host: Host): HostedService {
  const server = createAdaptorServer({ fetch: events(host).fetch });
  server.on("upgrade", (request, connection) => {
    const leave = welcome(new NodeSocket(request, connection), host);
    connection.once("close", leave);
  });
  return httpServer("web", { server, port: Number(process.env["PORT"] ?? 3000) });
}

await runHost([({ host }) => web(host)]);
