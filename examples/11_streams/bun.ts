/**
 * Shows server-sent events and WebSockets on Bun that end well when the host stops.
 *
 *     bun examples/11_streams/bun.ts
 *
 * @module
 */

import process from "node:process";
import { type Host, type HostedService, httpServer, runHost } from "@runhost/host/bun";
import { events, type Socket, welcome } from "./streams.ts";

function web(host: Host): HostedService {
  const app = events(host);
  const leaving = new WeakMap<Socket, () => void>();
  return httpServer("web", {
    port: Number(process.env["PORT"] ?? 3000),
    fetch: (request, server, context) =>
      server.upgrade(request) ? undefined : app.fetch(request, server, context),
    serve: {
      websocket: {
        open: (socket: Socket) => leaving.set(socket, welcome(socket, host)),
        message() {},
        close: (socket: Socket) => leaving.get(socket)?.(),
      },
    },
  });
}

await runHost([({ host }) => web(host)]);
