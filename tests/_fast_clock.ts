import type { Clock } from "../mod.ts";

/** A clock whose timers fire in the next microtask, at the time they were set for. */
export class FastClock implements Clock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const timer = { cleared: false };
    queueMicrotask(() => {
      if (timer.cleared) return;
      this.#now += ms;
      callback();
    });
    return timer;
  }

  clearTimeout(timer: unknown): void {
    (timer as { cleared: boolean }).cleared = true;
  }
}
