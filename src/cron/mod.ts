/**
 * Work at the times a cron pattern says, in a time zone: {@linkcode cron}. Needs the package
 * `croner`, which reads the patterns.
 *
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { cron } from "@runhost/host/cron";
 *
 * const report = cron("report", {
 *   pattern: "30 2 * * *",
 *   timeZone: "Europe/Berlin",
 *   work: () => console.log("Reporting..."),
 * });
 *
 * const host = createHost([report]);
 * await host.start();
 * console.log("The next report is at", report.details.nextRun);
 * await host.stop();
 * ```
 *
 * @module
 */

import { Cron } from "croner";
import { answers } from "../_abort.ts";
import { check, checkWord, nothing } from "../_check.ts";
import { define } from "../_definition.ts";
import { textOf } from "../_render.ts";
import {
  checkSchedule,
  complain,
  Schedule,
  type ScheduleDefinition,
  type ScheduledService,
} from "../_schedule.ts";
import type { ServiceContext } from "../types.ts";

export type {
  ScheduleDefinition,
  ScheduleDetails,
  ScheduledRun,
  ScheduledService,
  ScheduledWork,
} from "../_schedule.ts";

/** What a {@linkcode cron} service does, and when. */
export interface CronDefinition extends ScheduleDefinition {
  /**
   * When runs are due: minute, hour, day of the month, month and day of the week, with seconds
   * before them and a year behind if need be; `@hourly`, `@daily`, `@weekly`, `@monthly` or
   * `@yearly`; or one moment, such as `2027-01-01T00:00:00`. The rest is in the documentation of
   * `croner`.
   */
  readonly pattern: string;

  /**
   * The time zone of the pattern, such as `Europe/Berlin`.
   *
   * @default {the time zone of the process}
   */
  readonly timeZone?: string | undefined;

  /**
   * What becomes of moments that pass without a run because another one goes on, the machine is
   * suspended or, with a `store`, the program does not run: one run for all of them as soon as
   * possible, or none. Under `skip`, a moment that no other run covers counts as missed when it is
   * a minute late.
   *
   * @default {"runOnce"}
   */
  readonly missed?: "runOnce" | "skip" | undefined;

  /**
   * Where the time of the last run outlives the program. Without one, what is due while it does not
   * run is never known.
   */
  readonly store?: LastRunStore | undefined;
}

/**
 * Remembers when a schedule was last run. When it fails, that is logged, and the schedule goes on.
 */
export interface LastRunStore {
  /**
   * Gives what was saved last; `undefined` or `null` if nothing was. Called once a start, which
   * does not wait for it; the first run does. When it fails, no run is caught up on.
   *
   * @param signal Aborts when the service is being stopped.
   */
  load(signal: AbortSignal): LastRun | PromiseLike<LastRun>;

  /**
   * Keeps when the last run began. Called when it has ended, well or not, unless the stop has cut
   * it: then it is run again after the next start. Not called for runs that were only triggered.
   * The next run and the stop wait for it.
   *
   * @param signal Aborts when the grace of the stop is over.
   */
  save(lastRun: Date, signal: AbortSignal): unknown;
}

/** A time as stores give it back: a date, milliseconds since 1970, or a text `Date` can read. */
export type LastRun = Date | number | string | null | undefined;

/** How late a run may be without being missed. */
const tolerance = 60_000;

/** A wall clock that is set back by more has been wrong before. */
const day = 24 * 60 * 60 * 1_000;

/**
 * A background service that does its work whenever a cron pattern matches the wall clock.
 *
 * Runs never overlap; `missed` says what becomes of moments they pass over. A run that fails is
 * logged and counted, and the schedule goes on. The stop aborts the signal of the run that goes on,
 * and waits for it. When the pattern matches no moment to come, the work has ended.
 *
 * It runs in **every replica** of a program, and a shared `store` does not change that: where only
 * one may work, the work has to take a lock.
 *
 * When the clocks change, a daily time that does not exist runs right after the gap, and one that
 * exists twice runs the first time only. A pattern with several times a day (`*`, a list, a range
 * or a step in seconds, minutes or hours) skips times that do not exist and runs both times at
 * those that exist twice.
 *
 * A wall clock that is set forward misses what it passes over. One that is set back repeats
 * nothing, unless by more than a day: then it was wrong before, and the schedule counts from now.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If the name is not a string, or something in the definition has the wrong type.
 * @throws {RangeError} If there is no such time zone, the pattern cannot be read, or the jitter is
 * out of range.
 *
 * @example A nightly job that catches up
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { cron } from "@runhost/host/cron";
 * import { deepEqual } from "node:assert/strict";
 *
 * let saved: Date | undefined = new Date("2026-07-01T00:30:00Z"); // a file or a table in real life
 * const nights: string[] = [];
 * const nightly = cron("nightly", {
 *   pattern: "30 2 * * *",
 *   timeZone: "Europe/Berlin",
 *   store: { load: () => saved, save: (lastRun) => (saved = lastRun) },
 *   now: () => Date.parse("2026-07-02T09:00:00Z"),
 *   work: (_signal, { lifetime }, { scheduledAt }) => {
 *     nights.push(scheduledAt.toISOString());
 *     lifetime.stopApplication();
 *   },
 * });
 *
 * await createHost([nightly]).run();
 *
 * deepEqual(nights, ["2026-07-02T00:30:00.000Z"]);
 * deepEqual(saved, new Date("2026-07-02T09:00:00Z"));
 * ```
 */
export function cron(name: string, definition: CronDefinition): ScheduledService {
  checkSchedule(name, definition);
  const { missed = "runOnce", store, jitter = 0, now = () => Date.now() } = definition;
  const label = `service "${name}"`;
  checkWord(`${label}.missed`, missed, ["runOnce", "skip"]);
  if (store !== undefined) check(`${label}.store`, store, { load: nothing, save: nothing });
  const nextAfter = readPattern(label, definition);
  const skip = missed === "skip";

  const schedule = new Schedule(definition, async (signal, context) => {
    const lastRun = store && await load(store, signal, context);
    /** Up to when all is dealt with. */
    let last = lastRun?.getTime() ?? now();
    let begun = last;
    return {
      lastRun,
      now,
      date: (time) => new Date(time),

      due() {
        const time = now();
        if (last > time + day) last = time;
        const due = nextAfter(last);
        if (!skip || due === undefined || due + jitter + tolerance >= time) return due;
        last = time;
        return nextAfter(last);
      },

      begun() {
        last = begun = now();
      },

      async ended({ triggered }, cut) {
        if (skip) last = Math.max(last, now());
        if (!store || triggered || cut) return;
        try {
          await store.save(new Date(begun), context.forced);
        } catch (error) {
          complain(context, "the last run was not saved", error);
        }
      },
    };
  });
  return define(schedule, name, definition);
}

/** The first moment after another, by a pattern in its time zone. */
function readPattern(
  label: string,
  { pattern, timeZone }: CronDefinition,
): (time: number) => number | undefined {
  check(`${label}.pattern`, pattern, "");
  check(`${label}.timeZone`, timeZone ?? "", "");
  const reading = <T>(option: string, read: () => T): T => {
    try {
      return read();
    } catch (cause) {
      throw new RangeError(`Cannot use ${label}.${option}: ${textOf(cause)}`, { cause });
    }
  };
  reading("timeZone", () => new Intl.DateTimeFormat("en", { timeZone }));
  const options = timeZone === undefined ? {} : { timezone: timeZone };
  const parsed = reading("pattern", () => new Cron(pattern, options));
  return (time) => parsed.nextRun(new Date(time))?.getTime();
}

async function load(
  store: LastRunStore,
  signal: AbortSignal,
  context: ServiceContext,
): Promise<Date | undefined> {
  try {
    const saved = await store.load(signal);
    if (saved === undefined || saved === null) return undefined;
    const date = new Date(saved);
    if (!Number.isNaN(date.getTime())) return date;
    throw new TypeError(`Cannot use what was loaded: ${textOf(saved)} is not a date`);
  } catch (error) {
    if (!answers(error, signal)) {
      complain(context, "the last run was not loaded, so none is caught up on", error);
    }
    return undefined;
  }
}
