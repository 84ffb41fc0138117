/** What the example needs of Node: `runHost`, and a server. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Fetch, Listener } from "../web_server.ts";

export { runHost } from "@runhost/host/node";

export function listen(port: number, fetch: Fetch): Promise<Listener> {
  const server = createServer(getRequestListener(fetch));
  const listener: Listener = {
    get port(): number {
      return (server.address() as AddressInfo).port;
    },
    close: () =>
      new Promise((resolve) => {
        // A connection that is kept alive would hold the server: it is told to go, or closed.
        server.prependListener("request", (_, response: ServerResponse) => {
          response.setHeader("Connection", "close");
        });
        const sweep = setInterval(() => server.closeIdleConnections(), 50);
        server.close(() => resolve(clearInterval(sweep)));
      }),
    cut: () => server.closeAllConnections(),
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, () => resolve(listener));
  });
}
