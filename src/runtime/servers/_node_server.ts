import { link } from "../../_abort.ts";
import { loadBuiltin } from "../../_builtin.ts";
import { check, nothing } from "../../_check.ts";
import { startTimer } from "../../_time/timer.ts";
import type { HostedService, ServiceContext } from "../../types.ts";
import {
  addressOf,
  checkServer,
  type Listener,
  listenError,
  type Place,
  type ServerOptions,
  serverService,
  srvxListener,
  type SrvxServer,
} from "./_http_server.ts";
import { type HttpServer, type Server, turn, watchServer } from "./_node_watch.ts";
import { createProbeServer, type ProbeServerOptions } from "./_probe_server.ts";

export type { HttpServer };

/**
 * Options of {@linkcode httpServer} on Node, and all settings and hooks of a hosted service. What
 * `starting` and `start` do is done before it listens, what `stop` and `stopped` do after it has
 * drained.
 */
export interface NodeServerOptions extends ServerOptions {
  /** The server, or a function that makes it at the start. */
  readonly server:
    | HttpServer
    | SrvxServer
    | ((
      context: ServiceContext,
    ) => HttpServer | SrvxServer | PromiseLike<HttpServer | SrvxServer>);
  /**
   * Where it is to listen: a whole number up to 65535, 0 for any port. Without one it listens
   * already, or is about to: `start` waits for that, but 2 seconds at most.
   */
  readonly port?: number | undefined;
}

/**
 * A server as a hosted service.
 *
 * Its start resolves when it listens, and tells where: in the event `serviceListening` and in the
 * log. Before anything stops (`stopping`) it takes no new connection; its stop waits until every
 * request in flight has been answered. From the moment the stop is asked for, answers carry
 * `Connection: close`: during a `drainDelay` clients learn to go elsewhere. When the grace is over,
 * that of the host or the service's own `stopTimeout`, what is left is cut, and the stop rejects with
 * a {@linkcode RequestsCutError} that names it.
 *
 * A response that never ends by itself has to be ended: an event stream when `lifetime.closing`
 * fires (or the request signal of `@runhost/host/hono` does), a WebSocket by closing it then, with
 * code 1001. On `lifetime.stopping` their clients would come back during a `drainDelay`.
 *
 * The server stays as it was given: nothing of this is left on it after the stop. For srvx, give it
 * `serve({ fetch, manual: true, gracefulShutdown: false, silent: true })`.
 *
 * On Node, for Hono, give it `createAdaptorServer({ fetch: app.fetch })`. A server that listens
 * before the host starts goes on listening if the start fails before it comes to this service, and
 * requests that came before this service's start are not waited for.
 *
 * On Node, an answer is over when its last byte is on its way. Sessions of HTTP/2 are told to go, as
 * answers are. Connections that wait for a request are closed with the intake; those that were
 * accepted, or answered with keep-alive, less than 100 ms before have 100 ms for one more request.
 * What is cut is requests, WebSockets, tunnels and upgrades.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If an option has the wrong type; the message names service and option.
 * @throws {RangeError} If `port` is no whole number from 0 to 65535, or `stopTimeout` negative.
 *
 * @example Listen, answer, stop
 * ```ts
 * import { createServer } from "node:http";
 * import { createHost, httpServer } from "@runhost/host/node";
 * import { equal } from "node:assert/strict";
 *
 * const server = createServer((_request, response) => response.end("Hello"));
 * let url = "";
 * const host = createHost([httpServer("web", { server, port: 0, hostname: "127.0.0.1" })], {
 *   onEvent: (event) => event.type === "serviceListening" && (url = event.url),
 * });
 * await host.start();
 * equal(await (await fetch(url)).text(), "Hello");
 * await host.stop();
 * ```
 */
export function httpServer(name: string, options: NodeServerOptions): HostedService {
  const label = checkServer(name, options, ["server"]);
  const { server } = options;
  if (typeof server !== "function" || "listen" in server) refuse(label, server, options);
  return serverService(name, options, async (context, signal) => {
    const made = typeof server === "function" ? await server(context) : server;
    return await listen(made, options, context, signal);
  });
}

/**
 * Answers `/livez`, `/readyz` and `/startupz` (see `healthHandler` of `@runhost/host/health`) on a
 * port of its own: it listens before any service starts, wherever it is in the list, and closes
 * when all have stopped. So probes are answered during a long migration and to the end of a drain.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If an option has the wrong type; the message names service and option.
 * @throws {RangeError} If `port` is no whole number from 0 to 65535, or `stopTimeout` negative.
 *
 * @example Probes
 * ```ts
 * import { createHost, probeServer } from "@runhost/host/node";
 * import { equal } from "node:assert/strict";
 *
 * let url = "";
 * const host = createHost([probeServer("probes", { port: 0, hostname: "127.0.0.1" })], {
 *   onEvent: (event) => event.type === "serviceListening" && (url = event.url),
 * });
 * await host.start();
 * const response = await fetch(new URL("/readyz", url));
 * equal(response.status, 200);
 * equal(await response.text(), "ok");
 * await host.stop();
 * ```
 */
export function probeServer(name: string, options: ProbeServerOptions): HostedService {
  return createProbeServer(name, options, async (fetch, context, signal) => {
    const { createServer } = await nodeHttp();
    const server = createServer(async ({ method = "", url = "", headers }, response) => {
      let answer: Response;
      try {
        const { accept = "*/*" } = headers;
        const target = new URL(url, "http://localhost");
        answer = await fetch(new Request(target, { method, headers: { accept } }));
      } catch { // no method or address one could ask for
        answer = new Response(null, { status: 400, headers: { connection: "close" } });
      }
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(await answer.text());
    });
    return await listen(server, options, context, signal);
  });
}

async function nodeHttp(): Promise<NodeHttp> {
  try {
    return await loadBuiltin("node:http") as NodeHttp;
  } catch (error) {
    throw new Error("Cannot open a server for probes: there is no node:http", { cause: error });
  }
}

/** What is used of `node:http`. */
interface NodeHttp {
  createServer(
    listener: (
      request: {
        readonly method?: string;
        readonly url?: string;
        readonly headers: { readonly accept?: string };
      },
      response: {
        writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
        end(body: string): void;
      },
    ) => void,
  ): HttpServer;
}

/** What is mistaken for a server: by a member that it has, and what to pass instead. */
const mistakes: readonly (readonly [member: string, instead: string])[] = [
  ["getHttpServer", "app.getHttpServer(), after app.init()"], // Nest
  ["callback", "createServer(app.callback()) of node:http"], // Koa
  ["handle", "createServer(app) of node:http"], // Express, Connect
  ["fetch", "createAdaptorServer({ fetch: app.fetch }) of @hono/node-server"], // Hono
  ["server", "app.server"], // Fastify
];

/** Refuses what is no server. */
function refuse(label: string, server: unknown, options: object = {}): void {
  const made = (server ?? options) as object;
  const { serve, address } = made as Partial<SrvxServer & Server>;
  if (server && (serve || address)) return;
  const [, instead] = mistakes.find(([member]) => member in Object(made)) ?? [];
  if (!instead) return check(`${label}.server`, server, { listen: nothing, close: nothing });
  throw new TypeError(`Cannot use ${label}.server: it is no server of Node: pass ${instead}`);
}

/** Begins to listen, or waits for that. */
async function listen(
  made: HttpServer | SrvxServer,
  place: Place,
  context: ServiceContext,
  signal: AbortSignal,
): Promise<Listener> {
  const label = `service "${context.name}"`;
  refuse(label, made);
  const srvx = "serve" in made ? made : undefined;
  const server = (srvx ? srvx.node?.server : made) as Server;
  check(`${label}.server`, server, { listen: nothing, close: nothing, on: nothing, emit: nothing });
  const watch = watchServer(server, context);
  try {
    await (srvx ? srvx.serve() : listening(server, place, context, signal));
  } catch (error) {
    watch.end();
    throw listenError(error, context.name, place);
  }
  const { fail } = context;
  server.on("error", fail);
  const end = (): void => {
    server.off("error", fail);
    watch.end();
  };

  const listener: Listener = {
    url: urlOf(server),
    requests: watch.requests,

    async accept() {
      // Once to come to where the event loop takes connections, once for that.
      for (let turns = 0; turns < 2; turns++) await turn();
    },

    close: () => watch.close().finally(end),

    cut() {
      end();
      return watch.cut();
    },
  };
  return srvx ? srvxListener(listener, srvx, context) : listener;
}

/** Milliseconds that a server without a port has to begin to listen: a name may be looked up. */
const hesitation = 2_000;

function listening(
  server: Server,
  { port, hostname }: Place,
  { name, clock }: ServiceContext,
  signal: AbortSignal,
): Promise<void> {
  const cannot = (why: string): Error => new Error(`Cannot start service "${name}": ${why}`);
  let clear = nothing;
  return new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", resolve);
    let clearTimer = nothing;
    let unlink = nothing;
    clear = () => {
      server.off("error", reject);
      server.off("listening", resolve);
      clearTimer();
      unlink();
    };
    if (port !== undefined) {
      if (server.listening) {
        throw cannot("its server listens already: leave out port, or do not call its listen()");
      }
      server.listen({ port, ...hostname && { host: hostname } });
    } else if (server.listening) {
      resolve();
    } else {
      unlink = link(signal, reject);
      clearTimer = startTimer(clock, hesitation, () => {
        reject(cannot("nobody has made its server listen: give a port, or call its listen()"));
      });
    }
  }).finally(() => clear());
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") return `unix:${address}`;
  return addressOf(server.addContext ? "https" : "http", address.address, address.port);
}
