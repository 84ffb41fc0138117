/**
 * The port of a lease, as `@runhost/host/supervision` will export it. Delete this file once that has
 * arrived, and import both types from `../supervision/mod.ts`.
 *
 * @module
 */

/** Something that at most one holder has at a time, for a limited time. */
export interface Lease {
  /**
   * Asks for it once, without waiting until it is free.
   *
   * @param signal Ends the call.
   * @param options Who asks, and for how many milliseconds.
   * @returns The term, or `undefined` if somebody else holds it.
   */
  acquire(
    signal: AbortSignal,
    options: { readonly holder: string; readonly duration: number },
  ): Promise<Term | undefined>;
}

/** A time in which one holder has the lease. */
export interface Term {
  /** A whole number that grows with each term, whoever holds it. */
  readonly token: number;
  /**
   * Holds it for another `duration` milliseconds from now.
   *
   * @returns `false` if it is not held any more.
   */
  renew(signal: AbortSignal, options: { readonly duration: number }): Promise<boolean>;
  /** Gives it back, if it is still held. */
  release(signal: AbortSignal): Promise<unknown>;
}
