import { globalClock } from "../../_time/timer.ts";
import { delay } from "../../delay.ts";
import { isLocked } from "./_explain.ts";

/** Milliseconds after which a file that others hold is given up. */
const longest = 30_000;
/** Milliseconds between two attempts, besides those that SQLite itself waits; a part of them is left to chance. */
const pause = 20;

/**
 * Tries something until nobody else holds the file. SQLite waits in the thread, where nothing else runs: so it may only
 * briefly, and the rest of the time is waited for here.
 *
 * @param path What the error names.
 */
export async function whileLocked<T>(
  path: string,
  attempt: () => T,
  signal?: AbortSignal,
): Promise<T> {
  const began = globalClock.now();
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isLocked(error)) throw error;
      const waited = globalClock.now() - began;
      if (waited >= longest) {
        const seconds = Math.round(waited / 1_000);
        throw new Error(
          `Cannot use SQLite file "${path}": it is locked by another process or connection for ${seconds} s: end its transaction, and give the file to nothing that holds it for long`,
          { cause: error },
        );
      }
      await delay(pause * (0.5 + Math.random()), { signal });
    }
  }
}
