import { log } from "./_log.ts";
import { type Clear, startTimer } from "./_timer.ts";
import type { ServiceContext } from "./types.ts";

/** Milliseconds after which a call that should be short is worth a line. */
const short = 30_000;

/**
 * Waits for calls into code that is not ours, and warns while one hangs: after 30 s, and again after
 * each doubling, on the host's clock. Whatever waits without a limit says what it waits for.
 */
export class Patience {
  readonly #clears: Set<() => void> = new Set();
  #over = false;

  /** @param what What is waited for, as the end of a sentence. */
  async wait<T>(
    call: T | PromiseLike<T>,
    what: string,
    { clock, logger, name }: ServiceContext,
  ): Promise<T> {
    if (this.#over) return call;
    let clear: Clear;
    const warnAfter = (ms: number, waited: number): void => {
      clear = startTimer(clock, ms, () => {
        const all = waited + ms;
        log(logger, "warn", `Service "${name}" has waited ${all / 1_000} s for ${what}`);
        warnAfter(all, all);
      });
    };
    const end = (): void => clear();
    warnAfter(short, 0);
    this.#clears.add(end);
    try {
      return await call;
    } finally {
      clear!();
      this.#clears.delete(end);
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
