import { nothing } from "../_check.ts";
import { startTimer } from "../_time/timer.ts";
import type { Clock } from "../types.ts";
import { type Held, isLost } from "./_held_delivery.ts";

/** Delays that all end together, when nothing is worth waiting for any more. */
export class Pauses {
  readonly #ends: Set<() => void> = new Set();
  #over = false;

  /** Whether the delays were ended, and those to come are not waited for. */
  get over(): boolean {
    return this.#over;
  }

  /** Lets delays be waited for, from now on or again. */
  begin(): void {
    this.#over = false;
  }

  /** Ends all delays. */
  end(): void {
    this.#over = true;
    for (const end of this.#ends) end();
  }

  /** Waits so many milliseconds; if it is for a delivery, not beyond the loss of that. */
  wait(ms: number, clock: Clock, held?: Held<unknown>): Promise<void> {
    if (this.#over || held && isLost(held)) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clear();
        this.#ends.delete(end);
        if (held) held.wake = nothing;
        resolve();
      };
      const clear = startTimer(clock, ms, end);
      if (held) held.wake = end;
      this.#ends.add(end);
    });
  }
}
