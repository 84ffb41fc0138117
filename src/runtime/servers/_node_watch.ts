import { nothing } from "../../_check.ts";
import type { ServiceContext } from "../../types.ts";
import { type Cut, leaving } from "./_http_server.ts";
import type { HttpServer } from "./_node_server.ts";

/** More of {@linkcode HttpServer}: what some servers have. */
export interface Server extends HttpServer {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  prependListener(event: string, listener: (...args: never[]) => void): unknown;
  once(event: string, listener: (...args: never[]) => void): unknown;
  /** Closes those that are still HTTP/1. */
  closeAllConnections?(): void;
  /** It has this if it speaks TLS. */
  addContext?(): void;
}

interface Connection {
  readonly destroyed: boolean;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  destroy(): unknown;
  once(event: "close", listener: () => void): unknown;
}

/** A connection of HTTP/2. */
interface Session {
  close(): void;
  once(event: "close", listener: () => void): unknown;
}

interface NodeResponse {
  readonly headersSent: boolean;
  readonly req: {
    readonly httpVersionMajor: number;
    readonly socket: Connection;
  };
  /** Of HTTP/2. */
  readonly stream?: { readonly session?: Session };
  setHeader(name: string, value: string): unknown;
  on(event: "close", listener: () => void): unknown;
}

/** Knows what is in flight on a server of Node. */
export interface ServerWatch {
  requests(): number;
  /** Resolves when no request is in flight; connections of HTTP/2 end with that. */
  drained(): Promise<void>;
  /** Closes the connections that are HTTP/1, and those that speak no TLS yet where they should. */
  closeAll(): void;
  cut(): Cut;
  /** Takes its listeners off the server. */
  end(): void;
}

export function watchServer(server: Server, { host }: ServiceContext): ServerWatch {
  const connections = new Set<Connection>();
  /** Those whose TLS handshake has not ended. */
  const greeting = new Set<Connection>();
  const sessions = new Set<Session>();
  const responses = new Set<NodeResponse>();
  const known = new WeakSet<Connection>();
  let draining = false;
  let settled = nothing;

  const ended = (response: NodeResponse): void => {
    responses.delete(response);
    if (!responses.size) settled();
  };

  const closeAll = (): void => {
    server.closeAllConnections?.();
    for (const connection of greeting) connection.destroy();
  };

  const listeners: Readonly<Record<string, (...args: never[]) => void>> = {
    connection(connection: Connection): void {
      connections.add(connection);
      if (server.addContext) greeting.add(connection);
      connection.once("close", () => {
        connections.delete(connection);
        greeting.delete(connection);
      });
    },

    secureConnection({ remoteAddress, remotePort }: Connection): void {
      for (const it of greeting) {
        if (it.remotePort === remotePort && it.remoteAddress === remoteAddress) greeting.delete(it);
      }
    },

    session(session: Session): void {
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
      if (draining) session.close();
    },

    request(_request: unknown, response: NodeResponse): void {
      responses.add(response);
      response.on("close", () => ended(response));
      const { socket, httpVersionMajor } = response.req;
      if (httpVersionMajor === 1 && !known.has(socket)) {
        known.add(socket);
        // Node tells the end of a response that waits behind another only by this.
        socket.once("close", () => {
          for (const it of responses) if (it.req.socket === socket) ended(it);
        });
      }
      if (leaving(host)) dismiss(response);
    },
  };
  for (const [event, listener] of Object.entries(listeners)) {
    server.prependListener(event, listener);
  }
  // Those that began before the stop was asked for learn of it too.
  const unsubscribe = host.subscribe(() => {
    if (!leaving(host)) return;
    unsubscribe();
    responses.forEach(dismiss);
  });

  return {
    requests: () => responses.size,

    drained() {
      draining = true;
      for (const session of sessions) session.close();
      return new Promise((resolve) => {
        settled = resolve;
        if (!responses.size) resolve();
      });
    },

    closeAll,

    cut() {
      const requests = responses.size;
      closeAll();
      // What is left is not HTTP/1 any more, or never was.
      const left = [...connections].filter(({ destroyed }) => !destroyed);
      const sockets = Math.max(0, left.length - sessions.size);
      for (const connection of left) connection.destroy();
      return { requests, sockets };
    },

    end() {
      unsubscribe();
      for (const [event, listener] of Object.entries(listeners)) server.off(event, listener);
    },
  };
}

/** Asks the client not to use the connection again. */
function dismiss(response: NodeResponse): void {
  if (response.req.httpVersionMajor > 1) response.stream?.session?.close();
  else if (!response.headersSent) response.setHeader("Connection", "close");
}
