import { quiet } from "./_real_time.ts";
import type { Clock } from "../types.ts";

/** The longest delay a real `setTimeout` takes; with a longer one it fires at once. */
const longest = 2 ** 31 - 1;

/** Timers that {@linkcode FakeClock.runAll} fires before it takes them for endless. */
const mostFirings = 10_000;

interface FakeTimer {
  readonly id: number;
  readonly at: number;
  readonly ms: number;
  readonly owner: FakeTimers;
  readonly callback: () => void;
  /** Knows where it was set. */
  readonly place: Error;
}

/** A clock on the time of a {@linkcode FakeClock}; see {@linkcode FakeClock.apart}. */
export interface FakeTimers extends Clock {
  /** How many timers are running on it: 0 when nothing has leaked. */
  readonly pending: number;
}

/** Fires the timers of one moment, unless a test moves the clock itself; see {@linkcode nextFiring}. */
let step: (clock: FakeClock) => Promise<void>;
let list: (clock: FakeClock) => readonly FakeTimer[];

/**
 * Time that stands still until a test moves it: the option `clock` of a host, of `delay`, `every`
 * and `PeriodicTimer`. It begins at 0, and everything on it happens in the same order each time.
 *
 * The global timers are left alone. It can be used beside the fake timers of a test tool, whose
 * time is another one.
 *
 * @example A minute in no time
 * ```ts
 * import { delay } from "@runhost/host";
 * import { FakeClock } from "@runhost/host/testing";
 * import { equal } from "node:assert/strict";
 *
 * const clock = new FakeClock();
 * let over = false;
 * void delay(60_000, { clock }).then(() => (over = true));
 *
 * await clock.advance(59_999);
 * equal(over, false);
 * await clock.advance(1);
 * equal(over, true);
 * equal(clock.pending, 0);
 * ```
 */
export class FakeClock implements FakeTimers {
  /** Sorted by time, then by when they were set: the order in which they fire. */
  readonly #timers: FakeTimer[] = [];
  #now: number;
  #id = 0;
  /** Whether a test moves it. */
  #advancing = false;
  /** The moment that is being fired for a host that stops. */
  #step: Promise<void> | undefined;

  static {
    step = (clock) => clock.#stepOnce();
    list = (clock) => clock.#timers;
  }

  /**
   * Makes one without a timer.
   *
   * @param now What it shows at first, in milliseconds.
   */
  constructor(now: number = 0) {
    this.#now = now;
  }

  /** How many timers are running, also those that only keep a process alive. */
  get pending(): number {
    return this.#timers.length;
  }

  /** When the next timer fires, in milliseconds of this clock; `undefined` if there is none. */
  get next(): number | undefined {
    return this.#timers[0]?.at;
  }

  /** What it shows, in milliseconds. */
  now(): number {
    return this.#now;
  }

  /**
   * As the global one, on this time.
   *
   * @throws {RangeError} If `ms` is negative, `NaN` or above 2^31-1: a real timer would fire at once,
   * and nobody would know why.
   */
  setTimeout(callback: () => void, ms: number): unknown {
    return this.#set(this, callback, ms);
  }

  /** As the global one: clearing a timer that has fired, or clearing it twice, does nothing. */
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
   * Lets `ms` milliseconds pass: fires the timers that fall due one by one, in order of time and then
   * of `setTimeout`, those included that are set meanwhile. Before the first and after each of them
   * two real turns of the event loop pass, so that whatever it has caused is done: a loop of this
   * package may give the event loop a turn of its own, and what waits behind it is due as well.
   *
   * @returns Resolves when that is over. Rejects with what a timer has thrown; the rest has not fired then.
   * @throws {RangeError} If `ms` is negative or `NaN`.
   * @throws {Error} If an earlier call has not resolved: an `await` is missing.
   */
  advance(ms: number): Promise<void> {
    return this.advanceTo(this.#now + ms);
  }

  /** As {@linkcode FakeClock.advance}, until it shows `time`. */
  advanceTo(time: number): Promise<void> {
    return this.#move(async () => {
      if (!(time >= this.#now)) {
        throw new RangeError(`Cannot advance the clock from ${this.#now} to ${time}`);
      }
      await quiet();
      while (this.#isDue(time)) await this.#fire();
      this.#now = time;
    });
  }

  /**
   * Fires one timer after the other until none is left, but for those that only keep a process
   * alive (set for the longest time there is, 2^31-1 ms). The time is that of the last one then.
   *
   * @returns Resolves when that is over. Rejects with what a timer has thrown.
   * @throws {Error} After 10 000 timers: what ticks for ever, as `every` does, is moved by
   * {@linkcode FakeClock.advance}. Or if an earlier call has not resolved.
   */
  runAll(): Promise<void> {
    return this.#move(async () => {
      await quiet();
      for (let fired = 0; this.#timers.some(isWork); fired++) {
        if (fired === mostFirings) {
          throw new Error(
            `Cannot run all timers: ${mostFirings} have fired, and ${this.#timers.length} are set, ` +
              `the next one for ${this.next} ms: what ticks for ever is moved by advance(ms)\n` +
              placeOf(this.#timers[0] as FakeTimer),
          );
        }
        await this.#fire();
      }
    });
  }

  async #move(action: () => Promise<void>): Promise<void> {
    if (this.#advancing) {
      throw new Error(
        "Cannot advance the clock: it is being advanced already; await the call before",
      );
    }
    this.#advancing = true;
    try {
      await this.#step?.catch(() => {}); // its host is told
      await action();
    } finally {
      this.#advancing = false;
    }
  }

  async #stepOnce(): Promise<void> {
    if (this.#advancing) return await quiet();
    const next = this.#timers.find(isWork)?.at;
    if (next === undefined) return;
    this.#step = (async () => {
      while (this.#isDue(next)) await this.#fire();
    })();
    try {
      await this.#step;
    } finally {
      this.#step = undefined;
    }
  }

  #isDue(time: number): boolean {
    return this.#timers.length > 0 && (this.#timers[0] as FakeTimer).at <= time;
  }

  async #fire(): Promise<void> {
    const { at, callback } = this.#timers.shift() as FakeTimer;
    this.#now = Math.max(at, this.#now);
    callback();
    await quiet();
  }

  #set(owner: FakeTimers, callback: () => void, ms: number): number {
    if (!(ms >= 0 && ms <= longest)) {
      throw new RangeError(`Cannot set a timer: ${ms} ms is not between 0 and ${longest}`);
    }
    const place = new Error();
    const timer: FakeTimer = { id: ++this.#id, at: this.#now + ms, ms, owner, callback, place };
    let index = this.#timers.length;
    while (index > 0 && (this.#timers[index - 1] as FakeTimer).at > timer.at) index--;
    this.#timers.splice(index, 0, timer);
    return timer.id;
  }
}

/** Whether a timer does more than to keep a process alive. */
function isWork({ ms }: FakeTimer): boolean {
  return ms < longest;
}

function placeOf({ place }: FakeTimer): string {
  const frames = (place.stack ?? "").split("\n").filter((line) => /:\d+:\d+\)?$/.test(line));
  const outside = frames.filter((line) =>
    !/testing[/\\](fake_clock\.ts|mod\.js)|src[/\\]_timer\.ts/.test(line)
  );
  return (outside.length > 0 ? outside : frames).slice(0, 4).join("\n");
}

// For the test kit alone.

/** Fires the timers of the next moment that has some; while a test moves the clock, nothing. */
export function nextFiring(clock: FakeClock): Promise<void> {
  return step(clock);
}

/** When the next timer fires that does more than to keep a process alive. */
export function nextWork(clock: FakeClock): number | undefined {
  return list(clock).find(isWork)?.at;
}

/** A line for each timer that runs: for when it is set, and where that was done. */
export function describeTimers(clock: FakeClock): readonly string[] {
  return list(clock).map((timer) =>
    `a timer of ${timer.ms} ms is still set, for ${timer.at} ms (the clock shows ${clock.now()} ms), by\n` +
    placeOf(timer)
  );
}
