import { check, nothing } from "../../_check.ts";
import type { HostedService, ServiceContext } from "../../types.ts";
import { type FetchResult, serveFetch, type ServerContext } from "./_fetch.ts";
import {
  checkServer,
  checkSrvx,
  type Listener,
  listenError,
  type Place,
  refuseListening,
  type ServerOptions,
  serverService,
  srvxListener,
  type SrvxServer,
} from "./_http_server.ts";
import { type BunServer, type BunServing, currentBun } from "../types/bun.ts";
import { createProbeServer, type ProbeServerOptions } from "./_probe_server.ts";

/**
 * Options of {@linkcode httpServer} on Bun: a handler, or a server of srvx, and all settings and
 * hooks of a hosted service. What `starting` and `start` do is done before it listens, what `stop`
 * and `stopped` do after it has drained.
 */
export interface BunServerOptions extends ServerOptions {
  /**
   * Answers requests: `app.fetch` of Hono, which finds `server` as `c.env`.
   *
   * @param server What `Bun.serve` made.
   * @param context Its `waitUntil` ties work to this service; in Hono `c.executionCtx`.
   */
  fetch?(request: Request, server: BunServer, context: ServerContext): FetchResult;
  /** A server of srvx that does not listen yet, in place of `fetch`. */
  readonly server?: SrvxServer | undefined;
  /**
   * Where it listens: a whole number up to 65535, 0 for any port.
   *
   * @default {3000, or what the environment says}
   */
  readonly port?: number | undefined;
  /** More options of `Bun.serve`: `websocket`, `tls`, `error`, `routes`, which bypass `fetch`. */
  readonly serve?: object | undefined;
}

type Handler = (request: Request, server: BunServer) => FetchResult;

/** Who answers, and how to listen: on `Bun.serve`, or on srvx, which does that. */
interface Source extends Place {
  readonly fetch: BunServerOptions["fetch"];
  /** Without a handler it has routes that answer. */
  serve(handler: Handler | undefined): BunServing | Promise<BunServing>;
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
 * On Bun, the intake closes 100 ms after the last answer that said keep-alive, as its client may be
 * about to ask again, and idle connections close with it. Only answers of `fetch` carry
 * `Connection: close`, those of `routes` do not.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If an option has the wrong type; the message names service and option.
 * @throws {RangeError} If `port` is no whole number from 0 to 65535, or `stopTimeout` negative.
 *
 * @example Listen, answer, stop
 * ```ts ignore
 * import { createHost, httpServer } from "@runhost/host/bun";
 * import { equal } from "node:assert/strict";
 *
 * const web = httpServer("web", {
 *   fetch: () => new Response("Hello"),
 *   port: 0,
 *   hostname: "127.0.0.1",
 * });
 * let url = "";
 * const host = createHost([web], {
 *   onEvent: (event) => event.type === "serviceListening" && (url = event.url),
 * });
 * await host.start();
 * equal(await (await fetch(url)).text(), "Hello");
 * await host.stop();
 * ```
 */
export function httpServer(name: string, options: BunServerOptions): HostedService {
  const label = checkServer(name, options, ["fetch", "server", "serve"]);
  const { fetch, server, serve } = options;
  if (server) checkSrvx(`${label}.server`, server, { serve: nothing, serveOptions: {} });
  else if (fetch || !serve) check(`${label}.fetch`, fetch, nothing);
  check(`${label}.serve`, serve ?? {}, {});
  return serverService(
    name,
    options,
    async (context) =>
      server
        ? srvxListener(await listen(srvxSource(server, context), context), server, context)
        : await listen(bunSource(options), context),
  );
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
 * ```ts ignore
 * import { createHost, probeServer } from "@runhost/host/bun";
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
  return createProbeServer(
    name,
    options,
    (fetch, context) => listen(bunSource({ ...options, fetch }), context),
  );
}

/** Milliseconds between two looks whether a drain is over. (Workaround: bun-drained) */
const interval = 20;

async function listen(source: Source, context: ServiceContext): Promise<Listener> {
  const served = source.fetch && serveFetch(source.fetch, context);
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Closes the connections that wait, as soon as there are no others. */
  const closeIdle = (): void => {
    if (server.pendingRequests + server.pendingWebSockets === 0) server.stop(true);
    else timer = setTimeout(closeIdle, interval);
  };

  let server: BunServing;
  try {
    server = await source.serve(served?.handle);
  } catch (error) {
    throw listenError(error, context.name, source);
  }

  return {
    url: server.url.href.replace(/\/\/(0\.0\.0\.0|\[::\])/, "//localhost"),
    requests: () => server.pendingRequests,
    accept: served?.accept,

    close() {
      const closed = server.stop();
      // Bun spares connections with half a request, and would wait 10 s for them. (Workaround: bun-half-request)
      closeIdle();
      return closed.finally(() => clearTimeout(timer));
    },

    cut() {
      clearTimeout(timer);
      const { pendingRequests: requests, pendingWebSockets: sockets } = server;
      server.stop(true);
      return { requests, sockets, tunnels: 0, upgrades: 0 };
    },
  };
}

function bunSource({ fetch, port, hostname, serve }: BunServerOptions): Source {
  const place = { ...port !== undefined && { port }, ...hostname && { hostname } };
  return {
    ...place,
    fetch,
    serve: (handler) =>
      currentBun().serve({
        reusePort: false, // else Bun may share a port that is in use (Workaround: bun-reuse-port)
        ...serve,
        ...place,
        ...handler && { fetch: handler },
      }),
  };
}

/** It listens with another handler, and is as it was when it listens. */
function srvxSource(server: SrvxServer, context: ServiceContext): Source {
  const serveOptions = server.serveOptions as Place & {
    readonly fetch: Handler;
    readonly reusePort?: boolean;
  };
  return {
    ...serveOptions,
    async serve(handler) {
      refuseListening(server.bun?.server, context);
      Object.assign(server, {
        serveOptions: {
          ...serveOptions,
          reusePort: serveOptions.reusePort ?? false,
          fetch: handler,
        },
      });
      try {
        await server.serve();
      } finally {
        Object.assign(server, { serveOptions });
      }
      return server.bun!.server as BunServing;
    },
  };
}
