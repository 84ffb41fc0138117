import { link } from "../../_abort.ts";
import { check, nothing } from "../../_check.ts";
import { hostLink } from "../../_host_link.ts";
import { log } from "../../_log.ts";
import { hostedService } from "../../hosted_service.ts";
import type { Host, HostedService, ServiceContext } from "../../types.ts";

/** What a server had to cut. */
export interface Cut {
  /** Requests that were not answered to the end. */
  readonly requests: number;
  /** Open WebSockets. */
  readonly sockets: number;
}

/** A server that listens; each runtime has its own. */
export interface Listener {
  readonly url: string;
  /** How many requests are in flight. */
  requests(): number;
  /** Takes no new connection; resolves when nothing is in flight and all is closed. */
  close(): Promise<unknown>;
  /** Closes what `close` still waits for, at once, and says what that was; nothing if it cannot. */
  cut(): Cut | undefined;
}

/** What {@linkcode RequestsCutError} says. */
export interface CutRequests extends Cut {
  /** The server's unique name. */
  readonly service: string;
  /** How long the drain had taken, in milliseconds. */
  readonly elapsed: number;
}

/** The grace of a server's stop was over before it had answered everything. */
export class RequestsCutError extends Error implements CutRequests {
  /** The name of the class. */
  override readonly name: string = "RequestsCutError";
  /** Stable; compare this rather than the class, of which a program may hold two copies. */
  readonly code: "ERR_REQUESTS_CUT" = "ERR_REQUESTS_CUT";
  /** The server's unique name. */
  readonly service!: string;
  /** How many requests were cut. */
  readonly requests!: number;
  /** How many WebSockets were cut. On Deno always 0: the runtime does not tell. */
  readonly sockets!: number;
  /** How long the drain had taken, in milliseconds. */
  readonly elapsed!: number;

  /** Made by the server. */
  constructor(cut: CutRequests) {
    const { service, requests, sockets, elapsed } = cut;
    const what = [count(requests, "request"), count(sockets, "WebSocket")].filter(Boolean);
    super(
      `Cannot drain server "${service}": cut ${what.join(" and ")} still open after ${elapsed} ms`,
    );
    Object.assign(this, cut);
  }
}

function count(number: number, noun: string): string {
  return number ? `${number} ${noun}${number > 1 ? "s" : ""}` : "";
}

/** What the servers of all runtimes can be told. */
interface ServerOptions extends Place {
  readonly stopTimeout?: number | undefined;
}

/** A server as a service: `listen` opens it. */
export function serverService(
  name: string,
  options: ServerOptions,
  listen: (context: ServiceContext) => Promise<Listener>,
): HostedService {
  const { port = 0, hostname = "", stopTimeout = 0 } = options;
  check("port", port, 0);
  check("hostname", hostname, "");
  check("stopTimeout", stopTimeout, 0);
  let listener: Listener | undefined;
  let closed: Promise<unknown> | undefined;
  let since = 0;

  const close = (_signal: AbortSignal, { clock }: ServiceContext): void => {
    since = clock.now();
    closed = listener?.close();
    closed?.catch(nothing); // `stop` tells it
  };

  return hostedService(name, {
    stopTimeout: options.stopTimeout,

    get details() {
      return listener && { url: listener.url, requests: listener.requests() };
    },

    async start(signal, context) {
      const opened = await listen(context);
      if (signal.aborted) {
        context.waitUntil(opened.close());
        opened.cut();
        throw signal.reason;
      }
      listener = opened;
      closed = undefined;
      announce(context, opened.url);
    },

    stopping: close,

    async stop(signal, context) {
      const { name: service, clock } = context;
      if (!closed) close(signal, context); // a start that came late is stopped without `stopping`
      await new Promise<unknown>((resolve, reject) => {
        const unlink = link(signal, () => {
          const cut = listener!.cut();
          if (!cut) return; // the host gives it up if it does not end by itself
          const elapsed = Math.round(clock.now() - since);
          if (cut.requests + cut.sockets === 0) resolve(undefined);
          else reject(new RequestsCutError({ service, ...cut, elapsed }));
        });
        closed!.finally(unlink).then(resolve, reject);
      }).finally(() => (listener = undefined));
    },
  });
}

/** Tells where a server listens. */
export function announce({ host, name, logger }: ServiceContext, url: string): void {
  hostLink(host).tell({ type: "serviceListening", service: name, url });
  log(logger, "info", `Service "${name}": listening on ${url}`);
}

/** Whether a client should not use its connection again. */
export function leaving({ state }: Host): boolean {
  return state === "stopping" || state === "stopped";
}

/** What stands for every address of this machine. */
const wildcard = /^(0\.0\.0\.0|::)$/;

/** The address of a server as one can open it: nobody can connect to a wildcard. */
export function addressOf(scheme: string, hostname: string, port: number): string {
  const host = wildcard.test(hostname) ? "localhost" : hostname;
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}/`;
}

/** Where a server was to listen, as far as that is known. */
export interface Place {
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
}

/** Says what is wrong with the place where a server was to listen; other errors are left alone. */
export function listenError(error: unknown, service: string, place: Place): unknown {
  const { code, port, address } = error as {
    readonly code?: string;
    readonly port?: number;
    readonly address?: string;
  };
  const what = code === "EADDRINUSE"
    ? "is in use: stop what listens there, or choose another port"
    : code === "EACCES"
    ? "may not be used by this process: choose a port above 1023, or give it the right"
    : undefined;
  if (!what) return error;
  const host = place.hostname ?? address ?? "::";
  const where = `port ${place.port ?? port} on ${wildcard.test(host) ? "all addresses" : host}`;
  const named = new Error(`Cannot start service "${service}": ${where} ${what}`, { cause: error });
  return Object.assign(named, { code });
}

/** What a server of srvx has on every runtime. */
interface SrvxClose {
  close(): PromiseLike<unknown>;
}

/** A listener of srvx, whose `close` waits for what its handlers gave to its own `waitUntil`. */
export function srvxListener(
  listener: Listener,
  server: SrvxClose,
  { waitUntil }: ServiceContext,
): Listener {
  const close = async (): Promise<void> => {
    await listener.close();
    waitUntil(server.close());
  };
  return { ...listener, close };
}

/** A server of srvx that listens already answers without its service. */
export function refuseListening(server: unknown): void {
  if (server) throw new Error("Cannot use a server of srvx that listens already: set manual: true");
}
