import { link } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { startTimer } from "./timer.ts";
import type { Clock } from "../types.ts";

/**
 * The wait between two looks at something, ended by whoever knows of something new. Nothing that becomes new during a
 * look is missed: then there is no wait after it.
 */
export class Rest {
  #isNew = false;
  #end: () => void = nothing;

  /** A look begins: whatever is new from now on may not be in it. */
  begin(): void {
    this.#isNew = false;
  }

  /** Something is new: ends the wait, or spares the next one. */
  wake(): void {
    this.#isNew = true;
    this.#end();
  }

  /** Waits so many milliseconds at most; not beyond the abort of the signal. Never rejects. */
  async wait(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
    if (this.#isNew || signal?.aborted) return;
    let clear = nothing;
    let unlink = nothing;
    await new Promise<void>((resolve) => {
      this.#end = resolve;
      clear = startTimer(clock, ms, resolve);
      unlink = link(signal, () => resolve());
    });
    this.#end = nothing;
    clear();
    unlink();
  }
}
