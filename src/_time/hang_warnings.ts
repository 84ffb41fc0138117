import { log } from "../_log.ts";
import { type Clear, startTimer } from "./timer.ts";
import type { ServiceContext } from "../types.ts";

/** Milliseconds after which a call that should be short is worth a line. */
const short = 30_000;

/**
 * Warns of a call into code that is not ours while it hangs: after 30 s, and again after each doubling,
 * on the host's clock. Whatever waits without a limit says what it waits for.
 *
 * @param what What is waited for, as the end of a sentence.
 * @returns Ends that.
 */
export function warnWhileWaiting(
  what: string,
  { clock, logger, name }: ServiceContext,
): Clear {
  let clear: Clear;
  const warnAfter = (ms: number, all: number): void => {
    clear = startTimer(clock, ms, () => {
      log(logger, "warn", `Service "${name}" has waited ${all / 1_000} s for ${what}`);
      warnAfter(all, 2 * all);
    });
  };
  warnAfter(short, short);
  return () => clear();
}

/** Waits for calls into code that is not ours, and warns while they hang. */
export class HangWarnings {
  readonly #clears: Set<Clear> = new Set();
  #over = false;

  /** @param what As {@linkcode warnWhileWaiting} has it. */
  async wait<T>(call: T | PromiseLike<T>, what: string, context: ServiceContext): Promise<T> {
    if (this.#over) return call;
    const clear = warnWhileWaiting(what, context);
    this.#clears.add(clear);
    try {
      return await call;
    } finally {
      clear();
      this.#clears.delete(clear);
    }
  }

  /** Waits from now on, or again. */
  begin(): void {
    this.#over = false;
  }

  /** Somebody else says from now on what hangs: a host names what outlives its limits. */
  end(): void {
    this.#over = true;
    for (const clear of this.#clears) clear();
  }
}
