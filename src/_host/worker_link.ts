import type { ServiceContext } from "../types.ts";

/** The version of the links that this copy of the package hands out, and understands. */
export const linkVersion = 1;

/**
 * What passes between a host and a background service besides its hooks. Found by its property's
 * name, since copies of this package from npm and JSR may meet in one program. How it may change:
 * docs/design.md, `~worker`.
 */
export interface WorkerLink {
  /** A service that does not know this version uses no link: it listens to the signals of its hooks instead. */
  readonly version: typeof linkVersion;
  /** The context of the service: a subclass that overrides `start` need not pass it on to the base class. */
  readonly context: ServiceContext;
  /**
   * Aborts the signal of the work. Usually the service does that in its `stop`; the host does, without a listener for
   * each service, when the start is cancelled, when an overriding `stop` has left the work running, and when
   * `stop` is given up. Made by whoever needs it first.
   */
  controller: AbortController | undefined;
}
