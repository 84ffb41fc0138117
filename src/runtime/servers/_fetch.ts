import { nothing } from "../../_check.ts";
import type { ServiceContext } from "../../types.ts";
import { leaving } from "./_http_server.ts";

/** What a fetch handler hands work over to; in Hono `c.executionCtx`. */
export interface ServerContext {
  /** The stop of the server's service waits for it; see `ServiceContext.waitUntil`. */
  waitUntil(work: PromiseLike<unknown>): void;
  /** Does nothing: there is nothing to pass through to. */
  passThroughOnException(): void;
  /** Empty. */
  readonly props: Record<string, never>;
}

/** What a fetch handler may return; nothing, if it has upgraded the connection (Bun). */
export type FetchResult =
  | Response
  | undefined
  | void
  | Promise<Response | undefined | void>;

/** A fetch handler; `env` is what the runtime gives it, in Hono `c.env`. */
export type Fetch<Env> = (request: Request, env: Env, context: ServerContext) => FetchResult;

/**
 * Milliseconds in which a request may still come whose sender was promised that it may: on a
 * connection that was just accepted, or has just been answered.
 */
export const patience = 100;

/** Of the platform, taken before a test can replace it: patience is not the host's time. */
const { setTimeout } = globalThis;

/** A handler as it is served. */
export interface Served<Env> {
  readonly handle: (request: Request, env: Env) => FetchResult;
  /** Resolves when nobody was just promised that their connection may be used again. */
  accept(): Promise<void>;
}

/** The handler learns of its service, and its answers learn of the stop. */
export function serveFetch<Env>(
  fetch: Fetch<Env>,
  { host, waitUntil }: ServiceContext,
): Served<Env> {
  const context: ServerContext = { waitUntil, passThroughOnException: nothing, props: {} };
  let promised = -Infinity;
  const dismiss = <R extends Response | undefined | void>(response: R): R | Response => {
    if (response && leaving(host)) return lastOnConnection(response);
    promised = performance.now();
    return response;
  };
  return {
    handle(request, env) {
      const result = fetch(request, env, context);
      return result instanceof Promise ? result.then(dismiss) : dismiss(result);
    },

    accept() {
      const left = promised + patience - performance.now();
      return new Promise((resolve) => left > 0 ? setTimeout(resolve, left) : resolve());
    },
  };
}

/** The same response, which asks the client not to use the connection again. */
export function lastOnConnection(response: Response): Response {
  if (response.status === 101) return response;
  try {
    response.headers.set("Connection", "close");
    return response;
  } catch { // the headers of some are immutable: of redirects, say
    const copy = new Response(response.body, response);
    copy.headers.set("Connection", "close");
    return copy;
  }
}
