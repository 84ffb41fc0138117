import { link } from "./_abort.ts";
import { renderError } from "./_log.ts";

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
 * Calls `callback` once when `signal` aborts, at once if it already has. However many callbacks
 * there are, the signal has one listener.
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
  return join(signal, async (reason) => {
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

/** Those who wait for a signal, and how to listen to it no more. */
interface Waiting {
  readonly callbacks: Set<(reason: unknown) => void>;
  readonly unlink: () => void;
}

const waiting: WeakMap<AbortSignal, Waiting> = new WeakMap();

/**
 * Links a callback to a signal, by one listener for all of them: Node 20 takes the eleventh
 * listener for a leak, and eleven streams that end with the host are none. (Workaround: node-listener-warning)
 */
function join(signal: AbortSignal, callback: (reason: unknown) => void): () => void {
  if (!signal || signal.aborted) return link(signal, callback);
  const { callbacks, unlink } = waiting.get(signal) ?? wait(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size) return;
    unlink();
    waiting.delete(signal);
  };
}

function wait(signal: AbortSignal): Waiting {
  const callbacks: Waiting["callbacks"] = new Set();
  const unlink = link(signal, (reason) => {
    unlink();
    for (const call of callbacks) call(reason);
  });
  const it = { callbacks, unlink };
  waiting.set(signal, it);
  return it;
}

/**
 * Resolves when `signal` aborts, at once if it already has. Never rejects.
 *
 * Each call is remembered until then: not for use in a loop on a long-lived signal.
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
  return new Promise((resolve) => join(signal, () => resolve()));
}
