import type { ServiceContext } from "../types.ts";

/**
 * What passes between a host and a background service besides its hooks. Found by its property's
 * name: copies of this package from npm and JSR may meet in one program.
 */
export interface WorkerLink {
  /** So that an overriding `start` may forget to pass it on. */
  readonly context: ServiceContext;
  /**
   * Of the work. The host aborts it when the start is cancelled, or when an overriding `stop` did
   * not, and so needs no listener per service. Made by whoever needs it first.
   */
  controller: AbortController | undefined;
}
