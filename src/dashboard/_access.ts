import type { Context } from "hono";

/** What somebody may do: nothing, look, or change too. */
export type Access = false | "read" | true;

/**
 * Whether a request that changes something comes from a page of this dashboard: the browser says so, by
 * `Sec-Fetch-Site`, or by an `Origin` that is the host it asked. One that says neither is refused.
 */
export function isOwnRequest(c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const origin = c.req.header("origin");
  const host = c.req.header("x-forwarded-host") ?? c.req.header("host") ?? new URL(c.req.url).host;
  try {
    return origin !== undefined && new URL(origin).host === host;
  } catch {
    return false; // "null", of a sandboxed frame
  }
}
