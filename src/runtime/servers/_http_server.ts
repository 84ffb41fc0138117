import { link } from "../../_abort.ts";
import { check, checkNames, nothing } from "../../_check.ts";
import { hostLink } from "../../_host/host_link.ts";
import { log } from "../../_log.ts";
import { define, hostedService } from "../../hosted_service.ts";
import type { Host, HostedService, HostedServiceHooks, ServiceContext } from "../../types.ts";

/** What a server had to cut; `RequestsCutError` says it. */
export interface CutRequests {
  /** Requests that were not answered to the end. */
  readonly requests: number;
  /** Open WebSockets. */
  readonly sockets: number;
  /** Open tunnels: what a `CONNECT` asked for. On Node alone. */
  readonly tunnels: number;
  /** Connections that were upgraded to something else than a WebSocket. On Node alone. */
  readonly upgrades: number;
  /** The server's unique name. */
  readonly service: string;
  /** How long the drain had taken, in milliseconds. */
  readonly elapsed: number;
}

/** How many of each kind. */
export type Counts = Omit<CutRequests, "service" | "elapsed">;

/** What can be cut. */
export type Kind = keyof Counts;

/** What each of them is called. */
const nouns: Readonly<Record<Kind, string>> = {
  requests: "request",
  sockets: "WebSocket",
  tunnels: "tunnel",
  upgrades: "upgrade",
};

/** A server that listens; each runtime has its own. */
export interface Listener {
  readonly url: string;
  /** How many requests are in flight. */
  requests(): number;
  /** Takes those who were told that they may come; called right before `close`. */
  readonly accept?: (() => Promise<void>) | undefined;
  /** Takes no new connection; resolves when nothing is in flight and all is closed. */
  close(): Promise<unknown>;
  /** Closes what `close` still waits for, at once, and says what that was; nothing if it cannot. */
  cut(): Counts | undefined;
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
  /** How many tunnels were cut. On Node alone. */
  readonly tunnels!: number;
  /** How many connections were cut that had been upgraded to something else. On Node alone. */
  readonly upgrades!: number;
  /** How long the drain had taken, in milliseconds. */
  readonly elapsed!: number;

  /** Made by the server. */
  constructor(cut: CutRequests) {
    const { service, elapsed } = cut;
    const what = Object.entries(nouns).flatMap(([kind, noun]) => {
      const count = cut[kind as Kind];
      return count ? `${count} ${noun}${count > 1 ? "s" : ""}` : [];
    });
    const list = what.join(", ").replace(/, ([^,]*)$/, " and $1");
    super(`Cannot drain server "${service}": cut ${list} still open after ${elapsed} ms`);
    Object.assign(this, cut);
  }
}

/** Where a server listens, and all settings and hooks of a hosted service. */
export interface ServerOptions extends HostedServiceHooks {
  /** Where it listens: a whole number up to 65535, 0 for any port. */
  readonly port?: number | undefined;
  /**
   * The address it listens on.
   *
   * @default {all of this machine}
   */
  readonly hostname?: string | undefined;
}

/** Where a server is to listen, as far as that is known. */
export type Place = Pick<ServerOptions, "port" | "hostname">;

/** What is used of a server of `srvx`; on Deno and Bun of one that was made with `manual: true`. */
export interface SrvxServer {
  /** Begins to listen; on Node it may have begun. */
  serve(): unknown;
  /** Closes it, and waits for what was given to its `waitUntil`. */
  close(): PromiseLike<unknown>;
  /** Answers requests. */
  fetch(request: Request): Response | Promise<Response>;
  /** What it gives to `Deno.serve` or `Bun.serve`. */
  readonly serveOptions?: unknown;
  /** Its server of Node. */
  readonly node?: { readonly server?: unknown } | undefined;
  /** Its server of Deno, once it listens. */
  readonly deno?: { readonly server?: unknown } | undefined;
  /** Its server of Bun, once it listens. */
  readonly bun?: { readonly server?: unknown } | undefined;
}

/** Checks the place of a server, and the names of its options: `own`, and those of every service. */
export function checkServer(name: string, options: ServerOptions, own: readonly string[]): string {
  check("the name of a service", name, "");
  const label = `service "${name}"`;
  check(label, options, {});
  checkNames(label, options, ["port", "hostname", ...own]);
  const { port, hostname } = options;
  if (port !== undefined) checkPort(`${label}.port`, port);
  if (hostname !== undefined) checkHostname(`${label}.hostname`, hostname);
  return label;
}

/** Checks where a server is to listen. */
export function checkPort(label: string, port: unknown): void {
  check(label, port, 0);
  if (Number.isInteger(port) && (port as number) <= 65_535) return;
  throw new RangeError(`Cannot use ${label}: ${port} is no whole number from 0 to 65535`);
}

/** Checks on which address. */
export function checkHostname(label: string, hostname: unknown): void {
  check(label, hostname, "");
  if (!/[/\s[\]]|^[^:]*:\d*$/.test(hostname as string)) return;
  throw new TypeError(
    `Cannot use ${label}: "${hostname}" is no name or address alone, such as "127.0.0.1" or "::1"`,
  );
}

/** A server as a service: `listen` opens it. The options were checked. */
export function serverService(
  name: string,
  options: ServerOptions,
  listen: (context: ServiceContext, signal: AbortSignal) => Promise<Listener>,
): HostedService {
  let listener: Listener | undefined;
  let closed: Promise<unknown> | undefined;
  let since = 0;

  const close = ({ clock }: ServiceContext): void => {
    since = clock.now();
    closed = listener?.close();
    closed?.catch(nothing); // `stop` tells it
  };

  const service = hostedService(name, {
    get details() {
      return listener && { url: listener.url, requests: listener.requests() };
    },

    async start(signal, context) {
      const opened = await listen(context, signal);
      if (signal.aborted) {
        context.waitUntil(opened.close());
        opened.cut();
        throw signal.reason;
      }
      listener = opened;
      closed = undefined;
      announce(context, opened.url);
    },

    async stopping(signal, context) {
      await new Promise<unknown>((resolve) => {
        const unlink = link(signal, resolve); // then there is no time for them
        Promise.resolve(listener?.accept?.()).finally(unlink).then(resolve);
      });
      close(context);
    },

    async stop(signal, context) {
      const { name: service, clock } = context;
      if (!closed) close(context); // a start that came late is stopped without `stopping`
      await new Promise<unknown>((resolve, reject) => {
        const unlink = link(signal, () => {
          const cut = listener!.cut();
          if (!cut) return; // the host gives it up if it does not end by itself
          const elapsed = Math.round(clock.now() - since);
          if (Object.values(cut).every((count) => count === 0)) resolve(undefined);
          else reject(new RequestsCutError({ service, ...cut, elapsed }));
        });
        closed!.finally(unlink).then(resolve, reject);
      }).finally(() => (listener = undefined));
    },
  });
  return define(service, name, options);
}

/** Tells where a server listens. Never throws: the server is open already, and nobody would close it. */
export function announce({ host, name, logger }: ServiceContext, url: string): void {
  try {
    hostLink(host).tell({ type: "serviceListening", service: name, url });
  } catch (error) {
    log(logger, "warn", `Service "${name}": no event tells where it listens`, { error });
  }
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

/** What is wrong with the place where a server was to listen, and what to do. */
const troubles: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use: stop what listens there, or choose another port",
  EACCES: "may not be used by this process: choose a port above 1023, or give it the right",
};

/** Says where a server was to listen, and what is wrong with that; other errors are left alone. */
export function listenError(error: unknown, service: string, place: Place): unknown {
  const { code, syscall, port, address, message } = error as {
    readonly code?: string;
    readonly syscall?: string;
    readonly port?: number;
    readonly address?: string;
    readonly message?: string;
  };
  // Of a name that it does not know Deno tells no code, and Bun any.
  const known = syscall || code || /^failed to lookup/.test(`${message}`);
  const trouble = troubles[`${code}`] ??
    (known && `cannot be had (${message}): leave out hostname for all addresses`);
  if (!trouble) return error;
  const host = place.hostname || address || "::";
  const where = `port ${place.port ?? port} on ${wildcard.test(host) ? "all addresses" : host}`;
  const named = new Error(`Cannot start service "${service}": ${where} ${trouble}`, {
    cause: error,
  });
  return Object.assign(named, { code });
}

/** A listener of srvx, whose `close` waits for what its handlers gave to its own `waitUntil`. */
export function srvxListener(
  listener: Listener,
  server: SrvxServer,
  { waitUntil }: ServiceContext,
): Listener {
  const close = async (): Promise<void> => {
    await listener.close();
    waitUntil(server.close());
  };
  return { ...listener, close };
}

/** Checks what has to be a server of srvx; Node's are the usual mistake. */
export function checkSrvx(label: string, server: unknown, shape: object): void {
  if (typeof (server as { readonly listen?: unknown }).listen !== "function") {
    return check(label, server, shape);
  }
  throw new TypeError(
    `Cannot use ${label}: it is a server of Node: give fetch, or import from "@runhost/host/node"`,
  );
}

/** A server of srvx that listens already answers without its service. */
export function refuseListening(server: unknown, { name }: ServiceContext): void {
  if (!server) return;
  throw new Error(`Cannot start service "${name}": its server listens already: set manual: true`);
}
