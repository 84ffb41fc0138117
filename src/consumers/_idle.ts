import { nothing } from "../_check.ts";
import { type Clear, startTimer } from "../_time/timer.ts";
import type { Clock } from "../types.ts";

interface Waiter {
  readonly quiet: number;
  readonly resolve: () => void;
  clear: Clear;
}

/** Callers that wait until nothing has happened for a while. */
export class Idle {
  readonly #waiters: Set<Waiter> = new Set();
  /** Set while nothing happens: the clock by which the waiters' timers run. */
  #clock: Clock | undefined;
  /** Whether nothing will happen any more, so that there is nothing to wait for. */
  #over = false;

  /** Resolves when nothing has happened for `quiet` ms in one piece, or nothing will any more. */
  wait(quiet: number): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = { quiet, resolve, clear: nothing };
      this.#waiters.add(waiter);
      if (this.#clock) this.#arm(waiter, this.#clock);
    });
  }

  /** Starts the waiters' timers: nothing happens from now on. */
  still(clock: Clock): void {
    if (this.#clock) return;
    this.#clock = clock;
    for (const waiter of this.#waiters) this.#arm(waiter, clock);
  }

  /** Stops the waiters' timers: something happens, or may again. */
  busy(): void {
    this.#over = false;
    if (!this.#clock) return;
    this.#clock = undefined;
    for (const waiter of this.#waiters) waiter.clear();
  }

  /** Resolves all waiters, and later ones at once: nothing will happen until `busy` says so. */
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
