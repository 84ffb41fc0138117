import { nothing } from "../_check.ts";
import { type Clear, startTimer } from "../_time/timer.ts";
import type { Clock } from "../types.ts";

interface Waiter {
  readonly quiet: number;
  readonly resolve: () => void;
  clear: Clear;
}

/** Those who wait until nothing has happened for a while. */
export class Idle {
  readonly #waiters: Set<Waiter> = new Set();
  /** Runs while nothing happens. */
  #clock: Clock | undefined;
  #over = false;

  /** Resolves when nothing has happened for `quiet` ms in one piece, or it is over. */
  wait(quiet: number): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = { quiet, resolve, clear: nothing };
      this.#waiters.add(waiter);
      if (this.#clock) this.#arm(waiter, this.#clock);
    });
  }

  /** Nothing happens from now on. */
  still(clock: Clock): void {
    if (this.#clock) return;
    this.#clock = clock;
    for (const waiter of this.#waiters) this.#arm(waiter, clock);
  }

  /** Something happens, or may again after it was over. */
  busy(): void {
    this.#over = false;
    if (!this.#clock) return;
    this.#clock = undefined;
    for (const waiter of this.#waiters) waiter.clear();
  }

  /** Nothing will happen any more. */
  end(): void {
    this.busy();
    this.#over = true;
    for (const { resolve } of this.#waiters) resolve();
    this.#waiters.clear();
  }

  #arm(waiter: Waiter, clock: Clock): void {
    waiter.clear = startTimer(clock, waiter.quiet, () => {
      this.#waiters.delete(waiter);
      waiter.resolve();
    });
  }
}
