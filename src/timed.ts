import { check, checkFinite } from "./_check.ts";
import { define } from "./hosted_service.ts";
import {
  checkSchedule,
  Schedule,
  type ScheduleDefinition,
  type ScheduledService,
} from "./_schedule.ts";
import { checkPeriod } from "./periodic_timer.ts";

export type {
  ScheduleDefinition,
  ScheduleDetails,
  ScheduledRun,
  ScheduledService,
  ScheduledWork,
} from "./_schedule.ts";

/** What a {@linkcode timed} service does, and how often. */
export interface TimedDefinition extends ScheduleDefinition {
  /** Milliseconds between runs, from begin to begin, 1 or more. */
  readonly period: number;

  /**
   * Whether the first run is due at the start instead of after one period.
   *
   * @default {false}
   */
  readonly immediate?: boolean | undefined;
}

/**
 * A background service that does its work at a fixed rate.
 *
 * Runs never overlap, and do not drift: what a long run misses becomes one run, right after it, and
 * the rate goes on as it was. A timer that fired is a tick, so the rate follows whatever time the
 * timers have, also those of a test tool that replaces nothing else. A run that fails is logged and
 * counted, and the schedule goes on. The stop aborts the signal of the run that goes on, and waits for
 * it.
 *
 * In every replica of a program it runs by itself.
 *
 * @param name What the host calls it.
 * @throws {TypeError} If the name is not a string, or something in the definition is missing or has
 * the wrong type. Like all messages of a definition, it names the service and the setting.
 * @throws {RangeError} If the period or the jitter is out of range.
 *
 * @see {@linkcode every} for a loop of your own.
 *
 * @example Every few milliseconds, and now
 * ```ts
 * import { createHost, timed } from "@runhost/host";
 * import { equal, ok } from "node:assert/strict";
 *
 * const sent: string[] = [];
 * const outbox = ["welcome"];
 * const mailer = timed("mailer", {
 *   period: 5,
 *   work: () => sent.push(...outbox.splice(0)),
 * });
 *
 * const host = createHost([mailer]);
 * await host.start();
 * while (mailer.details.runs < 2) await new Promise((resolve) => setTimeout(resolve, 5));
 * equal(sent.join(), "welcome");
 *
 * outbox.push("invoice");
 * await mailer.trigger(); // instead of waiting for the next run
 * equal(sent.join(), "welcome,invoice");
 *
 * ok(mailer.details.nextRun);
 * await host.stop();
 * ```
 */
export function timed(name: string, definition: TimedDefinition): ScheduledService {
  const label = checkSchedule(name, definition, ["period", "immediate"]);
  const { period, immediate = false, jitter = 0, now = () => Date.now() } = definition;
  checkFinite(`${label}.period`, checkPeriod(`${label}.period`, period));
  check(`${label}.immediate`, immediate, false);

  const schedule = new Schedule(definition, (_, { clock }) => {
    /** How far the clock is behind the timers that have fired. */
    let behind = 0;
    const time = (): number => clock.now() + behind;
    let due = time() + (immediate ? 0 : period);
    return {
      now: time,
      wall: (moment) => now() + moment - time(),
      due: () => due,
      begun() {
        const passed = Math.max(due, time() - jitter);
        due += (Math.floor((passed - due) / period) + 1) * period;
      },
      fired(at) {
        // Real timers are early by less than 1 ms. One that is earlier is a test tool's, whose clock
        // stands still.
        if (at - time() >= 1) behind += at - time();
      },
    };
  });
  return define(schedule, name, definition);
}
