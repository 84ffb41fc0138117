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

import { isCleanAbort, link } from "../_abort.ts";
import { check, checkWord, nothing } from "../_check.ts";
import { define } from "../hosted_service.ts";
import { log, textOf } from "../_log.ts";
import {
  checkSchedule,
  logFailure,
  Schedule,
  type ScheduleDefinition,
  type ScheduledService,
} from "../_schedule.ts";
import { warnWhileWaiting } from "../_time/hang_warnings.ts";
import type { ServiceContext } from "../types.ts";
import { readPattern } from "./_pattern.ts";

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
   *
   * - With a day of the month **and** a day of the week, either is enough, as in crontab:
   *   `0 0 13 * 5` runs on each 13th and each Friday. A `+` asks for both: `0 0 13 * +5` runs on
   *   Fridays the 13th.
   * - `L`, `LW`, `15W`, `5L` and `5#2` are the last day, the last working day, the working day
   *   nearest to the 15th, the last and the second Friday of the month.
   * - Refused are what others write and mean differently: steps from a number (`0/30`; write
   *   `0-59/30`, or a star before the slash), ranges that wrap (`22-2`; write `22-23,0-2`), and days
   *   counted from the last (`L-3`).
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
   * a minute later than its jitter allows.
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
 * Remembers up to when a schedule is dealt with: when it was last run and, before the first run,
 * when it was first started. When it fails, that is logged, and the schedule goes on; it is warned of
 * when it takes longer than 30 s, and again after each doubling.
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
   * Keeps when the last run began, less what its jitter may have added. Called when it has ended,
   * well or not, unless the stop has interrupted it: then it is run again after the next start. Not called
   * for runs that were only triggered. The next run and the stop wait for it.
   *
   * Called too when nothing was saved before, with the time of the start, so that also the very
   * first run is caught up on when the program does not run at its time; not under `missed: "skip"`.
   *
   * @param signal Aborts when the grace of the stop is over.
   */
  save(lastRun: Date, signal: AbortSignal): unknown;
}

/** A time as stores give it back: a date, milliseconds since 1970, or a text `Date` can read. */
export type LastRun = Date | number | string | null | undefined;

/** Milliseconds by which a run may be late, besides its jitter, without being missed. */
const tolerance = 60_000;

/**
 * Milliseconds by which a wall clock may be set back: a schedule is silent until it shows again what it
 * has shown. After more than that the schedule counts from now.
 */
const longestSilence = 3 * 60 * 60 * 1_000;

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
 * When the clocks change, a pattern with numbers and lists of numbers in seconds, minutes and hours
 * (`30 2,14 * * *`) has **fixed times**: one that does not exist runs right after the gap, one that
 * exists twice runs the first time only. One with a `*`, a range or a step there has **intervals**
 * (a star and `/30` in the minute): times that do not exist are skipped, and those that exist twice
 * run both times. An interval within the gap alone has no run that day; list its times if it must.
 *
 * A wall clock that is set forward misses what it passes over. One that is set back repeats
 * nothing, unless by more than 3 hours: then the schedule counts from now, runs again at moments
 * that come again, and says so by a warning.
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
  const label = checkSchedule(name, definition, ["pattern", "timeZone", "missed", "store"]);
  const { missed = "runOnce", store, jitter = 0, now = () => Date.now() } = definition;
  checkWord(`${label}.missed`, missed, ["runOnce", "skip"]);
  if (store !== undefined) check(`${label}.store`, store, { load: nothing, save: nothing });
  const nextAfter = readPattern(label, definition.pattern, definition.timeZone);
  const skip = missed === "skip";

  const schedule = new Schedule(definition, async (signal, context) => {
    const loaded = store && await load(store, signal, context);
    /** The time up to which all moments are dealt with. */
    let last = loaded?.getTime() ?? now();
    /** The same when the last run began: what is saved after it. */
    let begun = last;
    if (store && loaded === null && !skip && !signal.aborted) await save(store, last, context);
    /** The first moment after `after`: found once, as that takes its time. */
    let due: number | undefined;
    let after = NaN;
    const next = (): number | undefined => {
      if (after !== last) due = nextAfter(after = last);
      return due;
    };
    return {
      lastRun: loaded ?? undefined,
      now,
      wall: (time) => time,

      due() {
        const time = now();
        if (last - time > longestSilence) {
          const hours = Math.floor((last - time) / 360_000) / 10;
          const what = `the wall clock was set back by ${hours} h or more`;
          const line = `Service "${context.name}": ${what}, so the schedule counts from now`;
          log(context.logger, "warn", line);
          last = time;
        }
        if (skip) last = Math.max(last, time - jitter - tolerance);
        return next();
      },

      begun(moment) {
        last = begun = Math.max(moment, now() - jitter);
      },

      async ended({ triggered }, interrupted) {
        if (skip) last = Math.max(last, now() - jitter);
        if (store && !triggered && !interrupted) await save(store, begun, context);
      },
    };
  });
  return define(schedule, name, definition);
}

/** Gives what was saved; `null` if nothing was, and `undefined` if that could not be found out. */
async function load(
  store: LastRunStore,
  signal: AbortSignal,
  context: ServiceContext,
): Promise<Date | null | undefined> {
  const stopWatching = watchStore("load", context);
  try {
    const saved = await store.load(signal);
    if (saved === undefined || saved === null) return null;
    const date = new Date(saved);
    if (!Number.isNaN(date.getTime())) return date;
    throw new TypeError(`Cannot use what was loaded: ${textOf(saved)} is not a date`);
  } catch (error) {
    if (!isCleanAbort(error, signal)) {
      logFailure(context, "the last run was not loaded, so none is caught up on", error);
    }
    return undefined;
  } finally {
    stopWatching();
  }
}

async function save(store: LastRunStore, last: number, context: ServiceContext): Promise<void> {
  const stopWatching = watchStore("save", context);
  try {
    await store.save(new Date(last), context.forced);
  } catch (error) {
    logFailure(context, "the last run was not saved", error);
  } finally {
    stopWatching();
  }
}

/** Warns of a call to a store that hangs, as no run begins meanwhile, until the grace is over. */
function watchStore(call: "load" | "save", context: ServiceContext): () => void {
  const clear = warnWhileWaiting(`its "store.${call}", and begins no run before`, context);
  const unlink = link(context.forced, clear);
  return () => {
    unlink();
    clear();
  };
}
