/**
 * Turns and milliseconds that pass for real, whatever a test tool puts in the place of the global
 * timers: what gives them is taken once, at import.
 *
 * @module
 */

const { setTimeout, clearTimeout } = globalThis;
const nextTurn: (callback: () => void) => unknown =
  (globalThis as { readonly setImmediate?: (callback: () => void) => unknown }).setImmediate ??
    setTimeout;
const now: () => number = performance.now.bind(performance);

/**
 * Lets everything run that needs no time: resolves in a turn of the event loop of its own, so after
 * every microtask queued before, however many those queue in turn; and after two turns more, as a
 * loop of this package that works for long gives the event loop turns meanwhile.
 *
 * The turns are real ones, also under the fake timers of a test tool, as long as this module was
 * imported before they were installed. `clock.advance(0)` does the same and fires what is due.
 *
 * Counting microtasks instead would be a guess, and no faster. It would also hide bugs: a rejection
 * nobody has handled when the turn ends *is* an unhandled rejection, in a test as in production.
 *
 * @example See what a promise has come to
 * ```ts
 * import { quiet } from "@runhost/host/testing";
 * import { equal } from "node:assert/strict";
 *
 * let seen = "";
 * void Promise.resolve().then(() => Promise.resolve()).then(() => (seen = "done"));
 * equal(seen, "");
 * await quiet();
 * equal(seen, "done");
 * ```
 */
export function quiet(): Promise<void> {
  return new Promise((resolve) => {
    const wait = (turns: number): unknown => nextTurn(turns > 1 ? () => wait(turns - 1) : resolve);
    wait(3);
  });
}

/** Milliseconds of the platform. */
export function realNow(): number {
  return now();
}

/** Waits for real; until `enough` settles, if that comes first. */
export async function pause(
  ms: number,
  enough: Promise<unknown> = new Promise(() => {}),
): Promise<void> {
  let timer: unknown;
  const over = new Promise((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([over, enough.catch(() => {})]);
  clearTimeout(timer as number);
}
