/** Something that at most one holder has at a time, for a limited time: a row, a key, an object. */
export interface Lease {
  /**
   * Asks for it once, without waiting until it is free.
   *
   * @param signal Ends the call. What is granted although it has aborted is released by the caller.
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
   * @param signal Ends the call.
   * @returns `false` if it is not held any more. Rejects if that is not known.
   */
  renew(signal: AbortSignal, options: { readonly duration: number }): Promise<boolean>;
  /**
   * Gives it back, if it is still held.
   *
   * @param signal Ends the call.
   */
  release(signal: AbortSignal): Promise<unknown>;
}
