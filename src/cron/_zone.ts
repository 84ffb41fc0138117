/** The offset of a zone is looked at this far from a moment: no clock is further from UTC. */
const day = 24 * 60 * 60 * 1_000;

/**
 * A wall clock: how far it is ahead of UTC, and when that changes.
 *
 * What a wall clock shows is written as milliseconds, too: those at which a clock of UTC shows it.
 */
export class Zone {
  readonly #format: Intl.DateTimeFormat;

  /**
   * @param timeZone Such as `Europe/Berlin`; without one, that of the process.
   * @throws {RangeError} If there is no such zone.
   */
  constructor(timeZone: string | undefined) {
    const numeric = "numeric";
    this.#format = new Intl.DateTimeFormat("en", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
  }

  /** What the wall clock shows at a time, less that time. */
  offset(time: number): number {
    const second = Math.floor(time / 1_000) * 1_000;
    const shown: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(second)) shown[type] = Number(value);
    const { year, month, day, hour, minute, second: seconds } = shown as Shown;
    return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
  }

  /** The change of the clock within a day before or after a time, if there is one. */
  change(time: number, direction: 1 | -1): Change | undefined {
    return direction > 0 ? this.#between(time, time + day) : this.#between(time - day, time);
  }

  /** The change around the moment at which the clock shows `wall`, if there is one. */
  around(wall: number): Change | undefined {
    return this.#between(wall - day, wall + day);
  }

  #between(from: number, to: number): Change | undefined {
    const [before, after] = [this.offset(from), this.offset(to)];
    if (before === after) return undefined;
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2);
      if (this.offset(middle) === before) from = middle;
      else to = middle;
    }
    return { at: to, before, after };
  }
}

/** A clock that is set, forward or back. */
export interface Change {
  /** The first moment with the new offset. */
  readonly at: number;
  /** The offset before that moment. */
  readonly before: number;
  /** The offset from that moment on. */
  readonly after: number;
}

type Shown = Readonly<
  Record<"year" | "month" | "day" | "hour" | "minute" | "second", number>
>;
