/**
 * Shows server-sent events and WebSockets on Node that end well when the host stops. `bun.ts` and
 * `deno.ts` beside it do the same there.
 *
 *     npx tsx examples/11_streams/node.ts
 *
 * @module
 */

import process from "node:process";
import { createAdaptorServer } from "@hono/node-server";
import { type Host, type HostedService, httpServer, runHost } from "@runhost/host/node";
// @ts-types="npm:@types/ws@^8.18.2"
import { WebSocketServer } from "ws";
import { events, welcome } from "./streams.ts";

function web(host: Host): HostedService {
  const server = createAdaptorServer({ fetch: events(host).fetch });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, connection, head) => {
    sockets.handleUpgrade(request, connection, head, (socket) => {
      socket.once("close", welcome(socket, host));
    });
  });
  return httpServer("web", { server, port: Number(process.env["PORT"] ?? 3000) });
}

await runHost([({ host }) => web(host)]);
