import { check, nothing } from "../../_check.ts";
import type { HostedService, ServiceContext } from "../../types.ts";
import { type FetchResult, serveFetch, type ServerContext } from "./_fetch.ts";
import {
  addressOf,
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
import { currentDeno, type DenoServer, type ServeInfo } from "../types/deno.ts";
import { createProbeServer, type ProbeServerOptions } from "./_probe_server.ts";

/**
 * Options of {@linkcode httpServer} on Deno: a handler, or a server of srvx, and all settings and
 * hooks of a hosted service. What `starting` and `start` do is done before it listens, what `stop`
 * and `stopped` do after it has drained.
 */
export interface DenoServerOptions extends ServerOptions {
  /**
   * Answers requests: `app.fetch` of Hono, which finds `info` as `c.env`.
   *
   * @param info What `Deno.serve` tells of the request.
   * @param context Its `waitUntil` ties work to this service; in Hono `c.executionCtx`.
   */
  fetch?(request: Request, info: ServeInfo, context: ServerContext): FetchResult;
  /** A server of srvx that does not listen yet, in place of `fetch`. */
  readonly server?: SrvxServer | undefined;
  /**
   * Where it listens: a whole number up to 65535, 0 for any port.
   *
   * @default {8000}
   */
  readonly port?: number | undefined;
  /** More options of `Deno.serve`: `cert` and `key`, `onError`. */
  readonly serve?: object | undefined;
}

type Handler = (request: Request, info: ServeInfo) => FetchResult;

/** Who answers, and how to listen: on `Deno.serve`, or on srvx, which does that. */
interface Source extends Place {
  readonly fetch: (request: Request, info: ServeInfo, context: ServerContext) => FetchResult;
  readonly secure: boolean;
  serve(handler: Handler, signal: AbortSignal): DenoServer | PromiseLike<DenoServer>;
  /** Called when all is closed. */
  closed?(): void;
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
 * On Deno, an answer is over when it is on its way. A client that does not read it, or connects to a
 * server with TLS and says nothing, cannot be cut: the host gives the service up, by its name.
 *
 * On Deno, the intake closes 100 ms after the last answer that said keep-alive, as its client may be
 * about to ask again. While requests are still in flight Deno could not cut them any more if it did,
 * so until they are done it answers new ones with status 503. Deno 2.9 closes WebSockets itself once
 * no request is in flight; older ones leave them open.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If an option has the wrong type; the message names service and option.
 * @throws {RangeError} If `port` is no whole number from 0 to 65535, or `stopTimeout` negative.
 *
 * @example Listen, answer, stop
 * ```ts
 * import { createHost, httpServer } from "@runhost/host/deno";
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
export function httpServer(name: string, options: DenoServerOptions): HostedService {
  const label = checkServer(name, options, ["fetch", "server", "serve"]);
  const { fetch, server, serve = {} } = options;
  const shape = { serve: nothing, fetch: nothing, serveOptions: {} };
  if (server) checkSrvx(`${label}.server`, server, shape);
  else check(`${label}.fetch`, fetch, nothing);
  check(`${label}.serve`, serve, {});
  return serverService(
    name,
    options,
    async (context) =>
      server
        ? srvxListener(await listen(srvxSource(server, context), context), server, context)
        : await listen(denoSource(options), context),
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
 * ```ts
 * import { createHost, probeServer } from "@runhost/host/deno";
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
    (fetch, context) => listen(denoSource({ ...options, fetch }), context),
  );
}

async function listen(source: Source, context: ServiceContext): Promise<Listener> {
  const cutter = new AbortController();
  const { handle, accept } = serveFetch(source.fetch, context);
  let state: "open" | "draining" | "closing" = "open";
  let requests = 0;

  /**
   * Shuts down, when no request is left that a cut could be asked for: after a shutdown Deno has no way to
   * cut. (Workaround: deno-shutdown-cut)
   */
  const closeIdle = (): void => {
    if (state !== "draining" || requests) return;
    state = "closing";
    server.shutdown();
  };

  const ended = (): void => {
    requests--;
    closeIdle();
  };

  const handler: Handler = (request, info) => {
    if (state !== "open") return unavailable();
    requests++;
    info.completed.then(ended, ended);
    return handle(request, info);
  };

  let server: DenoServer;
  try {
    server = await source.serve(handler, cutter.signal);
  } catch (error) {
    source.closed?.();
    throw listenError(error, context.name, source);
  }
  server.finished.then(() => source.closed?.());
  const { hostname, port, path } = server.addr;

  return {
    url: path ? `unix:${path}` : addressOf(source.secure ? "https" : "http", hostname, port),
    requests: () => requests,
    accept,

    close() {
      state = "draining";
      closeIdle();
      return server.finished;
    },

    cut() {
      if (state === "closing") return;
      state = "closing";
      cutter.abort();
      return { requests, sockets: 0, tunnels: 0, upgrades: 0 };
    },
  };
}

function unavailable(): Response {
  const headers = { "Connection": "close", "Retry-After": "1" };
  return new Response("The server is stopping\n", { status: 503, headers });
}

function denoSource({ fetch, port, hostname, serve }: DenoServerOptions): Source {
  const place = { ...port !== undefined && { port }, ...hostname && { hostname } };
  return {
    ...place,
    fetch: fetch!,
    secure: "cert" in (serve ?? {}),
    serve: (handler, signal) =>
      currentDeno().serve({ onListen: nothing, ...serve, ...place, signal }, handler),
  };
}

/** It listens with another handler and a signal, and is as it was when all is closed. */
function srvxSource(server: SrvxServer, context: ServiceContext): Source {
  const { fetch, serveOptions } = server;
  return {
    ...serveOptions as Place,
    fetch,
    secure: "cert" in (serveOptions as object),
    async serve(handler, signal) {
      refuseListening(server.deno?.server, context);
      Object.assign(server, {
        fetch: handler,
        serveOptions: { ...serveOptions as object, signal },
      });
      await server.serve();
      return server.deno!.server as DenoServer;
    },
    closed: () => Object.assign(server, { fetch, serveOptions }),
  };
}
