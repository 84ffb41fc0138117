/**
 * A host for a Hono application: the lifetime in its context, and its health routes.
 *
 * Nothing of Hono is imported at run time; `hono` is an optional peer, for the types.
 *
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { probeHandler, hostContext, type HostEnv } from "@runhost/host/hono";
 * import { Hono } from "hono";
 * import { equal } from "node:assert/strict";
 *
 * const host = createHost([]);
 * const app = new Hono<HostEnv>()
 *   .get("/:probe{livez|startupz|readyz}", probeHandler(host))
 *   .use(hostContext(host))
 *   .post("/orders", (c) => {
 *     c.var.waitUntil(Promise.resolve("the mail is sent"));
 *     return c.text("Thank you", 202);
 *   });
 *
 * await host.start();
 * equal((await app.request("/readyz")).status, 200);
 * equal((await app.request("/orders", { method: "POST" })).status, 202);
 * await host.stop(); // waits for the mail
 * ```
 *
 * @module
 */

import type { Context, MiddlewareHandler } from "hono";
import { AbortError, abortReason, Latch, link } from "../_abort.ts";
import { observe } from "./_body.ts";
import { nothing } from "../_check.ts";
import { healthHandler } from "../health/health_handler.ts";
import { onAbort } from "../on_abort.ts";
import type { ApplicationLifetime, Host } from "../types.ts";

/** What {@linkcode hostContext} puts on the context, as `c.var.host` and so on. */
export interface HostVariables {
  /** The host. */
  readonly host: Host;
  /** Its signals, and the way to ask for the stop. */
  readonly lifetime: ApplicationLifetime;

  /**
   * The signal of this request: aborts when the client goes away, or with `lifetime.closing`, when
   * the host closes its intake (after any `drainDelay`). Its reason is an `AbortError`. For what
   * takes long: a stream of events, a slow query. Made when first asked for.
   *
   * Never aborts once the response has ended, at the latest when its body was read. A WebSocket
   * goes on after that: there use `onAbort(c.var.lifetime.closing, ...)`, and end it on `close`.
   *
   * @throws {Error} If first asked for after the handler has returned its response.
   */
  readonly requestSignal: () => AbortSignal;

  /**
   * Hands over work that goes on after the response: to the execution context of the request if
   * it has one, else to {@linkcode Host.waitUntil}.
   */
  readonly waitUntil: (work: PromiseLike<unknown>) => void;
}

/** For `new Hono<HostEnv>()`. */
export interface HostEnv {
  /** What `c.var` has. */
  Variables: HostVariables;
}

/**
 * Middleware that puts the host and its lifetime, the request's signal and `waitUntil` on the
 * context; see {@linkcode HostVariables}.
 *
 * Fits into any application; chained, its variables are inferred. Only in one call of `use` with
 * other middleware Hono takes the environment of the first for that of all: there say
 * `hostContext<MyEnv>(host)`.
 *
 * @example A stream that ends with the client, or with the host
 * ```ts
 * import { createHost, delay } from "@runhost/host";
 * import { hostContext, type HostEnv } from "@runhost/host/hono";
 * import { Hono } from "hono";
 * import { streamSSE } from "hono/streaming";
 * import { equal } from "node:assert/strict";
 *
 * const host = createHost([]);
 * const app = new Hono<HostEnv>();
 * app.use(hostContext(host));
 * app.get("/ticks", (c) => {
 *   const signal = c.var.requestSignal();
 *   return streamSSE(c, async (stream) => {
 *     await stream.writeSSE({ data: "tick" });
 *     await delay(60_000, { signal }).catch(() => {});
 *   });
 * });
 *
 * await host.start();
 * const response = await app.request("/ticks");
 * const text = response.text();
 * await host.stop();
 * equal(await text, "data: tick\n\n");
 * ```
 */
export function hostContext<E extends HostEnv = HostEnv>(host: Host): MiddlewareHandler<E>;
export function hostContext(host: Host): MiddlewareHandler<HostEnv> {
  const { lifetime } = host;
  return async (c, next) => {
    let watch: Watch | undefined;
    let returned = false;

    c.set("host", host);
    c.set("lifetime", lifetime);
    c.set("requestSignal", () => {
      if (!watch) {
        if (returned) {
          throw new Error("Ask for the request's signal before the response is returned");
        }
        watch = watchRequest(c.req.raw.signal, lifetime.closing);
      }
      return watch.signal;
    });
    c.set("waitUntil", (work) => keeper(c, host).waitUntil(Promise.resolve(work)));

    try {
      await next();
    } catch (error) {
      watch?.end();
      throw error;
    }
    returned = true;
    if (watch) follow(watch, c); // not before: to look at the body would cost something
  };
}

/** Looks out, for one request, for what makes its signal abort. */
interface Watch {
  readonly signal: AbortSignal;
  /** Aborts the signal, and ends the watch: nobody reads the answer. */
  left(reason?: unknown): void;
  /** Ends the watch: the signal never aborts any more. */
  end(): void;
}

function watchRequest(client: AbortSignal, closing: AbortSignal): Watch {
  const gone = new Latch();
  let end = nothing;

  /** The reason is an error whatever was told: of a client that has gone, Node tells a text. */
  const abort = (why: string) => (reason?: unknown): void => {
    end();
    gone.abort(abortReason(why, reason));
  };
  const left = abort("The client has gone away");
  const links = [
    link(client, left),
    onAbort(closing, abort("The host is stopping")),
  ];
  end = () => {
    for (const unlink of links) unlink();
  };
  return { signal: gone.signal, left, end };
}

/** Watches on while the body of the response lasts. */
function follow(watch: Watch, c: Context<HostEnv>): void {
  const { res } = c;
  if (!res.body) return watch.end();
  if (c.req.method === "HEAD") return watch.left(new AbortError("Nobody reads the body"));
  c.res = undefined; // else Hono would merge the headers of the two (Workaround: hono-merge)
  c.res = new Response(observe(res.body, watch.end, watch.left), res);
}

/** Who keeps the work of a request: its execution context, if it has one. */
function keeper(c: Context<HostEnv>, host: Host): Pick<Host, "waitUntil"> {
  try {
    return c.executionCtx;
  } catch {
    return host;
  }
}

/**
 * A handler for the probes: {@linkcode healthHandler} as a Hono user mounts it.
 *
 * @example The three routes, under any prefix
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { probeHandler } from "@runhost/host/hono";
 * import { Hono } from "hono";
 * import { equal } from "node:assert/strict";
 *
 * const host = createHost([]);
 * const app = new Hono().get("/health/:probe{livez|startupz|readyz}", probeHandler(host));
 *
 * equal((await app.request("/health/livez")).status, 200);
 * equal((await app.request("/health/readyz")).status, 503);
 * ```
 */
export function probeHandler(
  host: Host,
): (c: { readonly req: { readonly raw: Request } }) => Promise<Response> {
  const handle = healthHandler(host);
  return (c) => handle(c.req.raw);
}
