/**
 * Shows server-sent events and WebSockets on Deno that end well when the host stops.
 *
 *     deno run -A examples/11_streams/deno.ts
 *
 * @module
 */

import process from "node:process";
import { type Host, type HostedService, httpServer, runHost } from "@runhost/host/deno";
import { events, welcome } from "./streams.ts";

/** What is used of Deno, so that every runtime's tools can check this file. */
declare const Deno: {
  upgradeWebSocket(request: Request): { socket: WebSocket; response: Response };
};

function web(host: Host): HostedService {
  const app = events(host);
  return httpServer("web", {
    port: Number(process.env["PORT"] ?? 3000),
    fetch(request, info, context) {
      if (request.headers.get("upgrade") !== "websocket") return app.fetch(request, info, context);
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => {
        const leave = welcome(socket, host);
        socket.onclose = leave;
      };
      return response;
    },
  });
}

await runHost([({ host }) => web(host)]);
