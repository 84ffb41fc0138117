import { nothing } from "../_check.ts";
import type { ServiceContext } from "../types.ts";
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
    readonly socket: { readonly destroyed: boolean };
  };
  /** Of HTTP/2. */
  readonly stream?: { readonly session?: Session };
  setHeader(name: string, value: string): unknown;
  once(event: "close", listener: () => void): unknown;
}

/** Knows what is in flight on a server of Node. */
export interface ServerWatch {
  requests(): number;
  /** Resolves when no request is in flight; connections of HTTP/2 end with that. */
  drained(): Promise<void>;
  cut(): Cut;
  /** Takes its listeners off the server. */
  end(): void;
}

export function watchServer(server: Server, { host }: ServiceContext): ServerWatch {
  const connections = new Set<Connection>();
  const sessions = new Set<Session>();
  const responses = new Set<NodeResponse>();
  let draining = false;
  let settled = nothing;

  const ended = (response: NodeResponse): void => {
    responses.delete(response);
    if (!responses.size) settled();
  };

  const listeners: Readonly<Record<string, (...args: never[]) => void>> = {
    connection(connection: Connection): void {
      connections.add(connection);
      connection.once("close", () => {
        connections.delete(connection);
        // Node tells the end of a response that waits behind another only here.
        for (const it of responses) if (it.req.socket.destroyed) ended(it);
      });
    },

    session(session: Session): void {
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
      if (draining) session.close();
    },

    request(_request: unknown, response: NodeResponse): void {
      responses.add(response);
      response.once("close", () => ended(response));
      if (leaving(host)) dismiss(response);
    },
  };
  for (const [event, listener] of Object.entries(listeners)) {
    server.prependListener(event, listener);
  }
  // Those that began before the stop was asked for learn of it too.
  const unsubscribe = host.subscribe(() => {
    if (leaving(host)) responses.forEach(dismiss);
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

    cut() {
      const requests = responses.size;
      server.closeAllConnections?.();
      // It leaves what is not HTTP/1 any more, or never was.
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
