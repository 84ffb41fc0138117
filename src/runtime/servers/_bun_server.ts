import { check, nothing } from "../../_check.ts";
import type { HostedService, HostedServiceHooks, ServiceContext } from "../../types.ts";
import { type FetchResult, serveFetch, type ServerContext } from "./_fetch.ts";
import {
  checkServer,
  checkSrvx,
  type Listener,
  listenError,
  type Place,
  refuseListening,
  serverService,
  srvxListener,
} from "./_http_server.ts";
import { type BunServer, type BunServing, currentBun } from "../types/bun.ts";
import { createProbeServer, type ProbeServerOptions } from "./_probe_server.ts";

/** What is used of a server of `srvx`, made with `manual: true`. */
export interface SrvxServer {
  /** Begins to listen. */
  serve(): unknown;
  /** Closes it, and waits for what was given to its `waitUntil`. */
  close(): PromiseLike<unknown>;
  /** What it gives to `Bun.serve`. */
  readonly serveOptions?: unknown;
  /** Its server of Bun, once it listens. */
  readonly bun?: { readonly server?: unknown } | undefined;
}

/**
 * Options of {@linkcode httpServer} on Bun: a handler, or a server of srvx, and all settings and
 * hooks of a hosted service. What `starting` and `start` do is done before it listens, what `stop`
 * and `stopped` do after it has drained.
 */
export interface BunServerOptions extends HostedServiceHooks {
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
  /**
   * The address to listen on.
   *
   * @default {all of this machine}
   */
  readonly hostname?: string | undefined;
  /** More options of `Bun.serve`: `websocket`, `tls`, `error`, `routes`, which bypass `fetch`. */
  readonly serve?: object | undefined;
  /**
   * Milliseconds the stop may take before what is left is cut, inside the host's `shutdownTimeout`.
   *
   * @default {Infinity}
   */
  readonly stopTimeout?: number | undefined;
}

/** What `Bun.serve` takes. */
interface ServeOptions extends Place {
  readonly fetch: (request: Request, server: BunServer) => FetchResult;
  readonly reusePort?: boolean | undefined;
}

/** Milliseconds between two looks whether a drain is over. (Workaround: bun-drained) */
const interval = 20;

/**
 * A server as a hosted service.
 *
 * Its start resolves when it listens, and tells where: in the event `serviceListening` and in the
 * log. Before anything stops (`stopping`) it takes no new connection and closes idle ones, 100 ms
 * after the last answer that said keep-alive: its client may be about to ask again. Its stop waits
 * until every request in flight has been answered. From the moment the stop is asked for,
 * answers of `fetch` carry `Connection: close`: during a `drainDelay` clients learn to go
 * elsewhere. When the grace is over, what is left is cut, and the stop rejects with a
 * {@linkcode RequestsCutError}.
 *
 * A response that never ends by itself has to be ended: an event stream when `lifetime.closing`
 * fires (or the request signal of `@runhost/host/hono` does), a WebSocket by closing it then, with
 * code 1001. On `lifetime.stopping` their clients would come back during a `drainDelay`.
 *
 * For srvx, give it `serve({ fetch, manual: true, gracefulShutdown: false, silent: true })`.
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
    (context) => server ? listenSrvx(server, context) : listen(options, context),
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
    (fetch, context) => listen({ ...options, fetch }, context),
  );
}

async function listen(options: BunServerOptions, context: ServiceContext): Promise<Listener> {
  const { fetch, port, hostname, serve } = options;
  const served = fetch && serveFetch(fetch, context);
  try {
    const server = currentBun().serve({
      reusePort: false, // else Bun may share a port that is in use (Workaround: bun-reuse-port)
      ...serve,
      ...port !== undefined && { port },
      ...hostname && { hostname },
      ...served && { fetch: served.handle },
    });
    return listener(server, served?.accept);
  } catch (error) {
    throw listenError(error, context.name, options);
  }
}

/** It listens with another handler, and is as it was afterwards. */
async function listenSrvx(server: SrvxServer, context: ServiceContext): Promise<Listener> {
  const { serveOptions } = server;
  const { fetch, reusePort } = serveOptions as ServeOptions;
  const { handle, accept } = serveFetch(fetch, context);
  refuseListening(server.bun?.server, context);
  Object.assign(server, {
    serveOptions: {
      ...serveOptions as object,
      reusePort: reusePort ?? false,
      fetch: handle,
    },
  });
  try {
    await server.serve();
  } catch (error) {
    throw listenError(error, context.name, serveOptions as ServeOptions);
  } finally {
    Object.assign(server, { serveOptions });
  }
  return srvxListener(listener(server.bun!.server as BunServing, accept), server, context);
}

function listener(server: BunServing, accept: Listener["accept"]): Listener {
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Closes the connections that wait, as soon as there are no others. */
  const closeIdle = (): void => {
    if (server.pendingRequests + server.pendingWebSockets === 0) server.stop(true);
    else timer = setTimeout(closeIdle, interval);
  };

  return {
    url: server.url.href.replace(/\/\/(0\.0\.0\.0|\[::\])/, "//localhost"),
    requests: () => server.pendingRequests,
    accept,

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
