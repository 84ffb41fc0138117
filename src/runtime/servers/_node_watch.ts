import { nothing } from "../../_check.ts";
import { deferred } from "../../_deferred.ts";
import type { ServiceContext } from "../../types.ts";
import { patience } from "./_fetch.ts";
import { type Counts, type Kind, leaving } from "./_http_server.ts";

/**
 * What is used of a server of `node:http`, `node:https` or `node:http2`. `createServer` makes one,
 * so do `createAdaptorServer` and `serve` of `@hono/node-server`.
 */
export interface HttpServer {
  /** Whether it listens. */
  readonly listening: boolean;
  /** Begins to listen. */
  listen(options: { port: number; host?: string }): unknown;
  /** Where it listens. */
  address(): string | { readonly address: string; readonly port: number } | null;
  /** Takes no new connection, and calls back when the others are closed. */
  close(callback: () => void): unknown;
}

/** More of {@linkcode HttpServer}: what some servers have. */
export interface Server extends HttpServer {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  once(event: string, listener: (...args: never[]) => void): unknown;
  emit(event: string, ...args: unknown[]): boolean;
  /** Closes those that are still HTTP/1. */
  closeAllConnections?(): void;
  /** Closes those that Node takes for idle; also called by `close`. */
  closeIdleConnections?(): void;
  /** It has this if it speaks TLS. */
  addContext?(): void;
}

/** What is used of a connection, with or without TLS. */
interface Socket {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  /** Whether all that was written is on its way, and the other side was told that this was all. */
  readonly writableFinished?: boolean;
  readonly bytesRead?: number;
  /** Of one with TLS, in Node: the one that carries it. */
  readonly _parent?: object | null;
  end(): unknown;
  destroy(): unknown;
  /** Called by Node after an answer that was the last: ends it, and then destroys it. */
  destroySoon?(): void;
  once(event: "close" | "finish", listener: () => void): unknown;
}

/** A connection of HTTP/2. */
interface Session {
  readonly destroyed: boolean;
  goaway(code: number, lastStreamId: number): void;
  close(): void;
  destroy(): void;
  once(event: "close", listener: () => void): unknown;
}

/** A request of HTTP/2, and its answer. */
interface Stream {
  readonly session?: Session;
  once(event: "close", listener: () => void): unknown;
}

interface NodeRequest {
  readonly httpVersionMajor: number;
  /** Whether it has come to its end. */
  readonly complete: boolean;
  readonly headers: { readonly upgrade?: string };
  readonly socket: Socket;
}

interface NodeResponse {
  readonly headersSent: boolean;
  readonly req: NodeRequest;
  setHeader(name: string, value: string): unknown;
  removeHeader(name: string): void;
  once(event: "close", listener: () => void): unknown;
}

/** A connection, and what is in flight on it. */
interface Connection {
  /** The one inside, if there is TLS. */
  socket: Socket;
  /** Whether it was there before the watch. */
  readonly stranger: boolean;
  session?: Session;
  /** What a cut would count, and as what. */
  readonly open: Map<unknown, Kind>;
  /** When its other side was last promised that it may ask. */
  promised: number;
  /** The newest request of HTTP/1, and how much had come when somebody looked. */
  request?: NodeRequest;
  bytesRead?: number | undefined;
  /** The response that asks the other side not to use the connection again. */
  last?: NodeResponse;
  /** Whether its session was opened after the stop was asked for. */
  late?: boolean;
  /** When its session said that it goes. */
  warned?: number;
  clearTimer(): void;
}

/** Knows what is in flight on a server of Node. */
export interface ServerWatch {
  requests(): number;
  /**
   * Closes the server, and each connection when it is done; resolves when none is left but those
   * that have become something else.
   */
  close(): Promise<void>;
  cut(): Counts;
  /** Leaves the server as it was. */
  end(): void;
}

/** What a first GOAWAY names as the last stream: none is refused yet. */
const anyStream = 2 ** 31 - 1;

/** Of the platform, taken before a test can replace them: patience is not the host's time. */
const { setTimeout, clearTimeout, setImmediate } = globalThis as typeof globalThis & {
  setImmediate(callback: () => void): void;
};

/**
 * Watches what a server of Node emits. Listeners would be in the way: Node does other things when
 * somebody listens to `checkContinue`, or to `request` of HTTP/2.
 */
export function watchServer(server: Server, { host }: ServiceContext): ServerWatch {
  const connections = new Set<Connection>();
  const bySocket = new WeakMap<object, Connection>();
  /** Those whose TLS handshake has not ended. */
  const greeting = new Set<Connection>();
  let requests = 0;
  /** When the intake was closed. */
  let closing: number | undefined;
  let emptied = nothing;
  /** The connection whose event is being emitted: HTTP/2 makes its session meanwhile. */
  let current: Connection | undefined;

  const meet = (socket: Socket, stranger = false): Connection => {
    const it: Connection = {
      socket,
      stranger,
      open: new Map(),
      promised: performance.now(),
      clearTimer: nothing,
    };
    connections.add(it);
    attach(it, socket);
    return it;
  };

  const attach = (it: Connection, socket: Socket): void => {
    it.socket = socket;
    bySocket.set(socket, it);
    socket.once("close", () => over(it));
  };

  /**
   * Nothing comes from it any more. Node 20 tells the end of a response that waits behind another by this
   * alone. (Workaround: node-response-behind)
   */
  const over = (it: Connection): void => {
    it.clearTimer();
    for (const as of it.open.values()) requests -= +(as === "requests");
    it.open.clear();
    forget(it);
  };

  const forget = (it: Connection): void => {
    connections.delete(it);
    greeting.delete(it);
    lookAround();
  };

  const lookAround = (): void => {
    if (closing === undefined) return;
    for (const it of connections) if (isHttp(it)) return;
    emptied();
  };

  const began = (it: Connection, what: unknown, as: Kind): void => {
    connections.add(it);
    requests += +(as === "requests");
    it.open.set(what, as);
  };

  const ended = (it: Connection, what: unknown): void => {
    requests -= +(it.open.get(what) === "requests");
    if (!it.open.delete(what) || it.open.size) return;
    // An answer that was to be the last promises nothing, even if its own header says keep-alive.
    if (what !== it.last) it.promised = performance.now();
    if (closing !== undefined) rest(it);
    else if (it.stranger) connections.delete(it); // some runtimes tell no end of theirs
  };

  /**
   * The event loop may have been away: what has arrived meanwhile is looked at first, and what a
   * client in this process answers to that.
   */
  const later = (it: Connection, ms: number, action: () => void): void => {
    it.clearTimer();
    let cleared = false;
    const timer = setTimeout(() => void turn().then(turn).then(() => cleared || action()), ms);
    it.clearTimer = () => {
      cleared = true;
      clearTimeout(timer);
    };
  };

  /** How long a promise that was made to somebody who has not asked yet still holds. */
  const left = ({ promised }: Connection): number =>
    promised > closing! - patience
      ? Math.max(promised, closing!) + patience - performance.now()
      : 0;

  /** Closes a connection without requests; some must be waited for. */
  const rest = (it: Connection): void => {
    if (it.session) return; // closes itself after its last stream
    const wait = left(it);
    if (wait <= 0) return leave(it);
    later(it, wait, () => {
      if (!it.open.size) leave(it);
    });
  };

  /**
   * Ends a connection. One on which a request still comes that was answered early is read on: to
   * destroy it then resets it, and its client would lose the answer.
   */
  const leave = (it: Connection): void => {
    if (!greeting.has(it)) it.socket.end();
    if (comes(it)) return later(it, patience, () => leave(it));
    setTimeout(() => {
      it.socket.destroy();
      forget(it);
    }, 0);
  };

  /** Whether more of a request has come since the last look. */
  const comes = (it: Connection): boolean => {
    const { request, bytesRead, socket } = it;
    it.bytesRead = socket.bytesRead;
    return request?.complete === false && it.bytesRead !== bytesRead;
  };

  /**
   * Says once that a session goes: its other side opens no more streams, as soon as it hears. Only
   * while it has streams: nghttp2 reads nothing more of a session that has said it and has none.
   */
  const warn = (it: Connection): void => {
    if (it.warned !== undefined || it.session!.destroyed) return;
    it.warned = performance.now();
    it.session!.goaway(0, anyStream);
  };

  const leaveSession = (it: Connection): void => {
    if (it.open.size) warn(it);
    const { warned } = it;
    const wait = warned === undefined ? left(it) : warned + patience - performance.now();
    if (wait <= 0) closeSession(it);
    else later(it, wait, () => closeSession(it));
  };

  /** It ends when its streams have; then the other side has to close it, too, and may be gone. */
  const closeSession = (it: Connection): void => {
    it.session!.close();
    const finished = (): void => later(it, patience, () => it.socket.destroy());
    if (it.socket.writableFinished) finished();
    else it.socket.once("finish", finished);
  };

  /** Asks the client not to use the connection again; of several answers the last one does. */
  const dismiss = (it: Connection, response: NodeResponse): void => {
    if (it.last && !it.last.headersSent) it.last.removeHeader("Connection");
    if (response.headersSent) return;
    response.setHeader("Connection", "close");
    it.last = response;
    const { request, socket } = it;
    if (!socket.destroySoon || request!.complete) return;
    const { destroySoon } = socket;
    socket.destroySoon = () => request!.complete ? destroySoon.call(socket) : leave(it);
  };

  const seen: Readonly<Record<string, (...args: never[]) => void>> = {
    connection(socket: Socket): void {
      current = meet(socket);
      if (server.addContext) greeting.add(current);
    },

    secureConnection(socket: Socket): void {
      const it = [...greeting].find((it) => isInside(socket, it.socket)) ?? meet(socket);
      attach(it, socket);
      greeting.delete(it);
      it.promised = performance.now();
      current = it;
    },

    session(session: Session): void {
      if (!current) return;
      current.session = session;
      current.late = leaving(host);
      bySocket.set(session, current);
      if (closing !== undefined) leaveSession(current);
    },

    stream(stream: Stream, { ":method": method, ":protocol": protocol }: Record<string, string>) {
      const { session } = stream;
      if (!session) return;
      let it = bySocket.get(session);
      if (!it) {
        it = meet({ end() {}, destroy: () => session.destroy(), once: nothing }, true);
        it.session = session;
        bySocket.set(session, it);
        session.once("close", () => over(it!));
      }
      const connection = it;
      began(it, stream, method === "CONNECT" ? upgraded(protocol) : "requests");
      stream.once("close", () => ended(connection, stream));
      // A client that comes back in the drain delay must find somebody who serves.
      if (leaving(host) && !it.late) warn(it);
      if (closing !== undefined && it.warned === undefined) leaveSession(it);
    },

    request(request: NodeRequest, response: NodeResponse): void {
      if (request.httpVersionMajor > 1) return; // it came as a stream
      const it = bySocket.get(request.socket) ?? meet(request.socket, true);
      if (it.open.has(response)) return;
      it.request = request;
      began(it, response, "requests");
      response.once("close", () => ended(it, response));
      if (leaving(host)) dismiss(it, response);
    },

    upgrade({ headers, socket }: NodeRequest): void {
      become(socket, upgraded(headers.upgrade));
    },

    connect({ socket }: NodeRequest): void {
      become(socket, "tunnels");
    },
  };
  const events = new Map(Object.entries({
    ...seen,
    checkContinue: seen["request"]!,
    checkExpectation: seen["request"]!,
  }));

  const become = (socket: Socket, as: Kind): void => {
    const it = bySocket.get(socket) ?? meet(socket, true);
    began(it, socket, as);
    lookAround();
  };

  const { emit } = server;
  const restore = replace(server, "emit", function (this: Server, event, ...args): boolean {
    const before = current;
    events.get(event)?.(...args as never[]);
    try {
      return emit.call(this, event, ...args);
    } finally {
      current = before;
    }
  });

  // Those that began before the stop was asked for learn of it too.
  const unsubscribe = host.subscribe(() => {
    if (!leaving(host)) return;
    unsubscribe();
    for (const it of connections) {
      if (it.session && it.open.size) warn(it);
      const [response] = [...it.open].reverse().find(([, as]) => as === "requests") ?? [];
      if (response && !it.session) dismiss(it, response as NodeResponse);
    }
  });

  return {
    requests: () => requests,

    async close() {
      const closed = new Promise<void>((resolve) => {
        // Node would close connections whose answers are not on their way yet, and on newer ones
        // sessions whose other sides have not heard that they go. (Workaround: node-close-idle)
        const restored = [...connections].flatMap(({ session }) => session ?? []).map((session) =>
          replace(session, "close", nothing)
        );
        restored.push(replace(server, "closeIdleConnections", nothing));
        server.close(resolve);
        for (const restore of restored) restore();
      });
      const empty = deferred();
      emptied = empty.resolve;
      closing = performance.now();
      for (const it of [...connections]) {
        if (it.session) leaveSession(it);
        else if (!it.open.size) rest(it);
      }
      lookAround();
      await empty.promise;
      server.closeAllConnections?.(); // those that were there before the watch
      await closed;
    },

    cut() {
      const cut = { requests: 0, sockets: 0, tunnels: 0, upgrades: 0 };
      for (const it of [...connections]) {
        for (const as of it.open.values()) cut[as]++;
        over(it);
        it.socket.destroy();
      }
      server.closeAllConnections?.();
      return cut;
    },

    end() {
      unsubscribe();
      events.clear();
      restore();
    },
  };
}

/**
 * Whether a connection with TLS runs inside another. Node tells that only by a field of its own; the two
 * have the same address, but over a Unix socket none has one. (Workaround: node-tls-inside)
 */
function isInside({ _parent, remoteAddress, remotePort }: Socket, plain: Socket): boolean {
  return _parent
    ? _parent === plain
    : plain.remotePort === remotePort && plain.remoteAddress === remoteAddress;
}

/** Whether it is still of the server, and not what a client has made of it. */
function isHttp({ open, session }: Connection): boolean {
  return session !== undefined || !open.size || [...open.values()].includes("requests");
}

/** What a connection becomes that is not HTTP any more. */
function upgraded(protocol: string | undefined): Kind {
  if (protocol === undefined) return "tunnels";
  return protocol.toLowerCase() === "websocket" ? "sockets" : "upgrades";
}

/** Lets the event loop come round. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Replaces a method; what puts it back does so only if nobody has replaced it since. */
function replace<T extends object, K extends keyof T>(object: T, key: K, method: T[K]): () => void {
  const own = Object.getOwnPropertyDescriptor(object, key);
  object[key] = method;
  return () => {
    if (object[key] !== method) return;
    if (own) Object.defineProperty(object, key, own);
    else delete object[key];
  };
}
