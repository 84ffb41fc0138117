import { link } from "./_abort.ts";
import { renderError } from "./_render.ts";

/** Options of {@linkcode onAbort}. */
export interface OnAbortOptions {
  /**
   * Gets what the callback throws or rejects with.
   *
   * @default {writes it to console.error}
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Calls `callback` once when `signal` aborts, at once if it already has.
 *
 * A plain listener differs in both: added too late it is never called, and what it throws becomes
 * an uncaught exception.
 *
 * @param callback Gets the signal's reason. Nobody waits for what it returns.
 * @returns A function that removes the callback; calling it twice, or too late, does nothing.
 *
 * @example Clean up whenever the application stops
 * ```ts
 * import { onAbort } from "@runhost/host";
 * import { equal } from "node:assert/strict";
 *
 * const controller = new AbortController();
 * let seen: unknown;
 * onAbort(controller.signal, (reason) => (seen = reason));
 * controller.abort("over");
 *
 * equal(seen, "over");
 * ```
 */
export function onAbort(
  signal: AbortSignal,
  callback: (reason: unknown) => unknown,
  options: OnAbortOptions = {},
): () => void {
  const onError = options.onError ?? ((error) => console.error(renderError(error)));
  return link(signal, async (reason) => {
    try {
      await callback(reason);
    } catch (error) {
      try {
        onError(error);
      } catch (worse) {
        console.error(renderError(worse));
      }
    }
  });
}

/**
 * Resolves when `signal` aborts, at once if it already has. Never rejects.
 *
 * It leaves one listener on the signal: not for use in a loop on a long-lived signal.
 *
 * @example Do nothing until told to stop
 * ```ts
 * import { aborted, backgroundService } from "@runhost/host";
 *
 * backgroundService("subscription", async (signal) => {
 *   const socket = new EventTarget(); // some push source
 *   socket.addEventListener("message", console.log);
 *   await aborted(signal);
 * });
 * ```
 */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => link(signal, () => resolve()));
}
