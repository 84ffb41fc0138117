/**
 * Time for tests: it stands still until a test moves it.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock } from "../mod.ts";

/** The longest delay a real `setTimeout` takes; with a longer one it fires at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * Lets everything run that needs no time: resolves in a macrotask of its own, so after every
 * microtask queued before, however many those queue in turn. And in those after it, as a loop that
 * works gives the event loop turns meanwhile if the machine is slow.
 *
 * Counting microtask turns instead would be a guess, and no faster (a turn of the event loop costs
 * about one microsecond on Node, Deno and Bun). It would also hide bugs: a rejection nobody has
 * handled when the macrotask ends *is* an unhandled rejection, in a test as in production.
 */
export function quiet(): Promise<void> {
  return new Promise((resolve) => {
    const wait = (turns: number): unknown =>
      setImmediate(turns > 1 ? () => wait(turns - 1) : resolve);
    wait(3);
  });
}

interface FakeTimer {
  readonly id: number;
  readonly at: number;
  readonly owner: FakeTimers;
  readonly callback: () => void;
}

/** A {@linkcode Clock} on the time of a {@linkcode FakeClock}, whose timers are counted apart. */
export interface FakeTimers extends Clock {
  /** How many timers are running: 0 when nothing has leaked. */
  readonly pending: number;
}

/** A clock whose time passes only in {@linkcode FakeClock.advance}, always in the same way. */
export class FakeClock implements FakeTimers {
  /** Sorted by time, then by when they were set: the order in which they fire. */
  readonly #timers: FakeTimer[] = [];
  #now: number;
  #id = 0;
  #advancing = false;

  constructor(now: number = 0) {
    this.#now = now;
  }

  /** How many timers are running, those of {@linkcode FakeClock.apart} included. */
  get pending(): number {
    return this.#timers.length;
  }

  /** When the next timer fires, if there is one. */
  get next(): number | undefined {
    return this.#timers[0]?.at;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    return this.#set(this, callback, ms);
  }

  /** Clearing a timer that has fired, or clearing it twice, does nothing. */
  clearTimeout(timer: unknown): void {
    const index = this.#timers.findIndex(({ id }) => id === timer);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  /** The same time for somebody whose timers are to be counted apart: the host's, say. */
  apart(): FakeTimers {
    const timers: FakeTimers = {
      now: () => this.#now,
      setTimeout: (callback, ms) => this.#set(timers, callback, ms),
      clearTimeout: (timer) => this.clearTimeout(timer),
      get pending() {
        return count();
      },
    };
    const count = (): number => this.#timers.filter(({ owner }) => owner === timers).length;
    return timers;
  }

  /**
   * Lets `ms` pass: fires the timers that fall due one by one, in order of time and then of
   * `setTimeout`, and lets two turns of the event loop pass before the first and after each: a loop
   * of ours may give one of its own, and what waits behind it is due as well.
   */
  advance(ms: number): Promise<void> {
    return this.advanceTo(this.#now + ms);
  }

  /** Lets time pass until it is `time`. */
  async advanceTo(time: number): Promise<void> {
    if (this.#advancing) throw new Error("Cannot advance the clock: it is being advanced already");
    if (!(time >= this.#now)) {
      throw new RangeError(`Cannot advance the clock from ${this.#now} to ${time}`);
    }
    this.#advancing = true;
    try {
      await quiet();
      for (let timer; (timer = this.#timers[0]) && timer.at <= time;) {
        this.#timers.shift();
        this.#now = timer.at;
        timer.callback();
        await quiet();
      }
      this.#now = time;
    } finally {
      this.#advancing = false;
    }
  }

  #set(owner: FakeTimers, callback: () => void, ms: number): number {
    if (!(ms >= 0 && ms <= LONGEST)) {
      // A real one would fire at once, and nobody would know why.
      throw new RangeError(`Cannot set a timer: ${ms} ms is not between 0 and ${LONGEST}`);
    }
    const timer: FakeTimer = { id: ++this.#id, at: this.#now + ms, owner, callback };
    let index = this.#timers.length;
    while (index > 0 && (this.#timers[index - 1] as FakeTimer).at > timer.at) index--;
    this.#timers.splice(index, 0, timer);
    return timer.id;
  }
}
