import { nothing } from "../../_check.ts";
import type { ServiceContext } from "../../types.ts";
import { leaving } from "./_http_server.ts";

/** What a fetch handler hands work over to; in Hono `c.executionCtx`. */
export interface ExecutionContext {
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
export type Fetch<Env> = (request: Request, env: Env, context: ExecutionContext) => FetchResult;

/** What is served: the handler, which learns of its service, and whose answers learn of the stop. */
export function fetchHandler<Env>(
  fetch: Fetch<Env>,
  { host, waitUntil }: ServiceContext,
): (request: Request, env: Env) => FetchResult {
  const context: ExecutionContext = { waitUntil, passThroughOnException: nothing, props: {} };
  const dismiss = <R extends Response | undefined | void>(response: R): R | Response =>
    response && leaving(host) ? lastOnConnection(response) : response;
  return (request, env) => {
    const result = fetch(request, env, context);
    return result instanceof Promise ? result.then(dismiss) : dismiss(result);
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
