/**
 * What nobody handled: on Node and Bun through `process`, on Deno through the global events.
 *
 * @module
 */

import process from "node:process";

/** A global that tells of what nobody handled as events, if it does. */
interface EventGlobal {
  addEventListener?(type: string, listener: (event: ErrorLikeEvent) => void): void;
  removeEventListener?(type: string, listener: (event: ErrorLikeEvent) => void): void;
}

interface ErrorLikeEvent extends Event {
  readonly reason?: unknown;
  readonly error?: unknown;
}

/**
 * Calls `report` with every unhandled rejection and uncaught exception, which then do not end the
 * process. Returns a function that ends the watch.
 */
export function watchUnhandled(report: (error: unknown) => void): () => void {
  if ("Deno" in globalThis) return watchEvents(globalThis as EventGlobal, report);
  process.on("unhandledRejection", report);
  process.on("uncaughtException", report);
  return () => {
    process.off("unhandledRejection", report);
    process.off("uncaughtException", report);
  };
}

function watchEvents(target: EventGlobal, report: (error: unknown) => void): () => void {
  const listener = (event: ErrorLikeEvent): void => {
    event.preventDefault();
    report(event.reason ?? event.error);
  };
  target.addEventListener?.("unhandledrejection", listener);
  target.addEventListener?.("error", listener);
  return () => {
    target.removeEventListener?.("unhandledrejection", listener);
    target.removeEventListener?.("error", listener);
  };
}
