/** What is used of the object that the hosts of a process share; see `runtime/_process_lifetime.ts`. */
interface ProcessLifetime {
  forget(): void;
}

/** Where that object is. */
const key = Symbol.for("@runhost/host/process");

/**
 * Forgets what the process remembers of the hosts that have run in it, so that one test does not
 * decide the next: that a signal has asked for the stop (which stops every later host at once), the
 * exit code that a failed host has set, and the handlers and timers that stay after a stop that a
 * signal or a failure caused.
 *
 * For tests with a `consoleLifetime`, in whatever runs after each of them. A host that still runs
 * hears its signals, but is apart from those that come later. Does nothing where no host has run.
 *
 * @example After each test
 * ```ts
 * import { createHost, hostedService } from "@runhost/host/node";
 * import { forgetSignals } from "@runhost/host/testing";
 * import process from "node:process";
 * import { equal } from "node:assert/strict";
 *
 * const fails = hostedService("fails", { start: () => Promise.reject(new Error("Refused")) });
 * await createHost([fails], { logger: false }).run().catch(() => {});
 * equal(process.exitCode, 1);
 *
 * forgetSignals();
 * equal(process.exitCode || 0, 0);
 * ```
 */
export function forgetSignals(): void {
  const shared = globalThis as { [key: symbol]: ProcessLifetime | undefined };
  shared[key]?.forget();
  delete shared[key];
}
