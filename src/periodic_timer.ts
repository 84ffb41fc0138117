import { check, checkSignal } from "./_check.ts";
import { type Clear, clockOf, startTimer } from "./_time/timer.ts";
import { Turns } from "./_time/turns.ts";
import { HostStateError } from "./errors.ts";
import type { Clock } from "./types.ts";

/** Options of {@linkcode PeriodicTimer}. */
export interface PeriodicTimerOptions {
  /**
   * Time, injected by tests; in a service, `context.clock`.
   *
   * @default {the global timers and `performance.now`}
   */
  readonly clock?: Clock | undefined;
}

const turns: Turns = new Turns();

/**
 * Ticks at a fixed rate for one consumer that awaits each tick; .NET's `PeriodicTimer`.
 *
 * The clock starts at construction: the first tick is due one period later. Ticks missed while
 * nobody waited become one, so that work longer than the period neither overlaps nor piles up.
 * Nothing is scheduled while nobody waits.
 *
 * @see {@linkcode every} for the same in a `for await` loop.
 *
 * @example Three ticks
 * ```ts
 * import { PeriodicTimer } from "@runhost/host";
 * import { equal } from "node:assert/strict";
 *
 * const timer = new PeriodicTimer(1);
 * let ticks = 0;
 * while (await timer.waitForNextTick()) {
 *   if (++ticks === 3) timer[Symbol.dispose]();
 * }
 *
 * equal(ticks, 3);
 * ```
 */
export class PeriodicTimer {
  readonly #clock: Clock;
  #period: number;
  /** When the next tick is due. */
  #due: number;
  /** Whether a tick was due and unread when `period` was set: it is delivered next. */
  #missed = false;
  #disposed = false;
  #waiter: Waiter | undefined;

  /**
   * Starts the clock.
   *
   * @param period Milliseconds between ticks, 1 or more; `Infinity` never ticks.
   * @throws {RangeError} If it is less than 1 or `NaN`.
   * @throws {TypeError} If it is no number, or the clock is none.
   */
  constructor(period: number, options: PeriodicTimerOptions = {}) {
    this.#period = checkPeriod("period", period);
    this.#clock = clockOf("PeriodicTimer", options, ["clock"]);
    this.#due = this.#clock.now() + period;
  }

  /** Milliseconds between ticks. Setting it starts a new period now, also for a caller that waits. */
  get period(): number {
    return this.#period;
  }

  set period(period: number) {
    this.#period = checkPeriod("period", period);
    const now = this.#clock.now();
    this.#missed ||= now >= this.#due;
    this.#due = now + period;
    if (this.#waiter) this.#schedule(this.#waiter);
  }

  /**
   * Waits for the next tick; for no more than a turn of the event loop if one was missed.
   *
   * @param signal Cancels this wait and nothing else; the timer runs on, and a missed tick is kept.
   * @returns `true` for a tick, `false` once the timer is disposed. Rejects with the signal's
   * reason when that aborts; with a `TypeError` if it is no signal, after which the timer is as
   * it was.
   * @throws {HostStateError} If somebody waits already.
   */
  waitForNextTick(signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#waiter) throw new HostStateError("Cannot wait for a tick: somebody waits already");
      checkSignal("signal", signal);
      if (signal?.aborted) throw signal.reason;
      if (this.#disposed) return resolve(false);
      // Work that takes longer than its period would else keep the event loop from its turn.
      if (this.#tick()) return resolve(turns.give().then(() => true));
      const leave = (): void => {
        waiter.clear?.();
        signal?.removeEventListener("abort", cancel);
        this.#waiter = undefined;
      };
      const cancel = (): void => {
        leave();
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        settle: (tick: boolean): void => {
          leave();
          resolve(tick);
        },
        clear: undefined,
      };
      this.#waiter = waiter;
      signal?.addEventListener("abort", cancel);
      this.#schedule(waiter);
    });
  }

  /** Ends the timer: a caller that waits, and each later one, gets `false`. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#waiter?.settle(false);
  }

  #schedule(waiter: Waiter): void {
    waiter.clear?.();
    const left = this.#missed ? 0 : Math.ceil(Math.max(0, this.#due - this.#clock.now()));
    waiter.clear = startTimer(this.#clock, left, () => {
      this.#tick(true);
      waiter.settle(true);
    });
  }

  /**
   * Takes the tick that is due, or all that were missed as one.
   *
   * @param fired Whether the timer for it has fired. That is a tick, whatever the clock shows: real
   * timers are early by less than 1 ms, and more are those of a test tool beside a clock that stands
   * still, by which the next period then begins now.
   */
  #tick(fired: boolean = false): boolean {
    const now = this.#clock.now();
    let late = now - this.#due;
    if (fired && !this.#missed && late < 0) {
      if (late <= -1) this.#due = now;
      late = 0;
    }
    const ticked = this.#missed || late >= 0;
    this.#missed = false;
    if (late >= 0) this.#due += (Math.floor(late / this.#period) + 1) * this.#period;
    return ticked;
  }
}

interface Waiter {
  readonly settle: (tick: boolean) => void;
  clear: Clear | undefined;
}

/** Checks a period, for everything that has one. */
export function checkPeriod(label: string, period: number): number {
  check(label, period, 1);
  if (period < 1) throw new RangeError(`Cannot use ${label}: ${period} is not 1 ms or more`);
  return period;
}
