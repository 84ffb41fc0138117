import { log } from "./_log.ts";
import { startTimer } from "./_timer.ts";
import type { ServiceContext } from "./types.ts";

/** Milliseconds after which a call that should be short is worth a line. */
const short = 30_000;

/**
 * Waits for a call into code that is not ours, and warns while it hangs: after 30 s, and again after
 * each doubling, on the host's clock. Whatever waits for ever without a limit says what it waits for.
 *
 * @param what What is waited for, as the end of a sentence.
 */
export async function patiently<T>(
  call: T | PromiseLike<T>,
  what: string,
  context: ServiceContext,
): Promise<T> {
  const { clock, logger, name } = context;
  const warnAfter = (ms: number, waited: number): () => void =>
    startTimer(clock, ms, () => {
      const seconds = (waited + ms) / 1_000;
      log(logger, "warn", `Service "${name}" has waited ${seconds} s for ${what}`);
      clear = warnAfter(waited + ms, waited + ms);
    });
  let clear = warnAfter(short, 0);
  try {
    return await call;
  } finally {
    clear();
  }
}
