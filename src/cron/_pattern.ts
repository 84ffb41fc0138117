import { Cron } from "croner";
import { check } from "../_check.ts";
import { textOf } from "../_log.ts";
import { Zone } from "./_zone.ts";

/** The first moment after another; `undefined` when none is to come. */
export type NextAfter = (time: number) => number | undefined;

/**
 * Reads a pattern for a time zone. `croner` knows what matches on a clock that is never set; what
 * becomes of that when the clocks change is decided here, by the rules of Vixie's cron:
 *
 * - Numbers and lists of numbers in seconds, minutes and hours are fixed times. One that is left
 *   out becomes the end of the gap, one that comes twice counts the first time.
 * - With a `*`, a range or a step there they are intervals, which go by what the clock shows: what
 *   is left out is left out, and what comes twice counts twice.
 *
 * @param label Whose pattern and zone, for messages.
 * @throws {TypeError} If one of them is no text.
 * @throws {RangeError} If one of them cannot be read.
 */
export function readPattern(label: string, pattern: unknown, timeZone: unknown): NextAfter {
  check(`${label}.pattern`, pattern, "");
  check(`${label}.timeZone`, timeZone ?? "", "");
  const reading = <T>(option: string, read: () => T): T => {
    try {
      return read();
    } catch (cause) {
      throw new RangeError(`Cannot use ${label}.${option}: ${textOf(cause)}`, { cause });
    }
  };
  const zone = reading("timeZone", () => new Zone(timeZone as string | undefined));
  return reading("pattern", () => {
    const text = pattern as string;
    const cron = new Cron(text, { utcOffset: 0 });
    const moment = cron.getOnce()?.getTime();
    if (moment === undefined) {
      const next = (wall: number): number => cron.nextRun(new Date(wall))?.getTime() ?? Infinity;
      return onClock(zone, isFixed(cron.getPattern() as string), next);
    }
    const next = (time: number): number => time < moment ? moment : Infinity;
    // With an offset of its own, it is the same moment on each clock.
    const elsewhere = new Cron(text, { utcOffset: 60 }).getOnce()?.getTime();
    if (elsewhere === moment) return (time) => finite(next(time));
    return onClock(zone, true, next);
  });
}

/** Whether a pattern says at which times, and not at which intervals. */
function isFixed(pattern: string): boolean {
  const fields = pattern.trim().split(/\s+/);
  return fields.slice(0, fields.length > 5 ? 3 : 2).every((field) => /^[\d,]+$/.test(field));
}

/**
 * Finds moments by what a clock shows.
 *
 * @param next What matches first after what the clock shows, `Infinity` if nothing does.
 */
function onClock(zone: Zone, fixed: boolean, next: (wall: number) => number): NextAfter {
  /** The moment at which the clock shows what matched; the first, if it does so twice. */
  const momentOf = (wall: number): number => {
    const change = wall < Infinity && zone.around(wall);
    if (!change) return wall < Infinity ? wall - zone.offset(wall) : Infinity;
    const { at, before, after } = change;
    if (wall < at + before) return wall - before;
    if (wall >= at + after) return wall - after;
    return fixed ? at : momentOf(next(at + after - 1));
  };

  return (time) => {
    const offset = zone.offset(time);
    const found = next(time + offset);
    const last = zone.change(time, -1);
    if (last && last.after < last.before) {
      const end = last.at + last.before;
      // What the clock shows until `end` it has shown before.
      if (fixed) return finite(momentOf(next(Math.max(time + offset, end - 1))));
      if (found < end) return found - offset;
    }
    const change = fixed ? undefined : zone.change(time, 1);
    if (change && change.after < change.before && found >= change.at + offset) {
      const again = next(change.at + change.after - 1);
      if (again < change.at + offset) return again - change.after;
    }
    return finite(momentOf(found));
  };
}

function finite(time: number): number | undefined {
  return time < Infinity ? time : undefined;
}
