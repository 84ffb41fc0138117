import type { ServiceContext } from "../types.ts";

/** The version of the links that this copy of the package hands out, and understands. */
export const linkVersion = 1;

/**
 * What passes between a host and a background service besides its hooks. Found by its property's
 * name, since copies of this package from npm and JSR may meet in one program. How it may change:
 * docs/design.md, `~worker`.
 */
export interface WorkerLink {
  /** A service that does not know it does without: it listens to the signals of its hooks. */
  readonly version: typeof linkVersion;
  /** So that an overriding `start` may forget to pass it on. */
  readonly context: ServiceContext;
  /**
   * Of the work. The host aborts it when the start is cancelled, or when an overriding `stop` did
   * not, and so needs no listener per service. Made by whoever needs it first.
   */
  controller: AbortController | undefined;
}
