/** Faults of schedules: `cron`, `timed`, `every` and `PeriodicTimer`. */
import type { Mutant } from "./mutant.ts";

const mod = "src/cron/mod.ts";
const pattern = "src/cron/_pattern.ts";
const schedule = "src/_schedule.ts";
const cronTests = ["tests/cron"];
const both = ["tests/cron", "tests/timed"];

export const schedules: readonly Mutant[] = [
  {
    fault: "a list of hours is an interval",
    file: pattern,
    from: "/^[\\d,]+$/.test(field)",
    to: "/^\\d+$/.test(field)",
    tests: cronTests,
  },
  {
    fault: "what a fixed time loses to a gap is skipped",
    file: pattern,
    from: "return fixed ? at : momentOf(next(at + after - 1));",
    to: "return momentOf(next(at + after - 1));",
    tests: cronTests,
  },
  {
    fault: "what an interval loses to a gap runs at its end",
    file: pattern,
    from: "return fixed ? at : momentOf(next(at + after - 1));",
    to: "return at;",
    tests: cronTests,
  },
  {
    fault: "a fixed time that comes twice counts twice",
    file: pattern,
    from: "if (fixed) return finite(momentOf(next(Math.max(time + offset, end - 1))));",
    to: "",
    tests: cronTests,
  },
  {
    fault: "an interval that comes twice counts once",
    file: pattern,
    from: "if (again < change.at + offset) return again - change.after;",
    to: "",
    tests: cronTests,
  },
  {
    fault: "the seconds of a pattern are not looked at to tell times from intervals",
    file: pattern,
    from: "fields.length > 5 ? 3 : 2",
    to: "2",
    tests: cronTests,
  },
  {
    fault: "the first run ever missed while down is not caught up",
    file: mod,
    from:
      "if (store && loaded === null && !skip && !signal.aborted) await save(store, last, context);",
    to: "",
    tests: cronTests,
  },
  {
    fault: "the start is saved under missed: skip, too",
    file: mod,
    from: "loaded === null && !skip && !signal.aborted",
    to: "loaded === null && !signal.aborted",
    tests: cronTests,
  },
  {
    fault: "a clock that is set back by hours silences a job",
    file: mod,
    from: "if (last - time > longestSilence) {",
    to: "if (last - time > Infinity) {",
    tests: cronTests,
  },
  {
    fault: "a clock that is set back by minutes repeats what was run",
    file: mod,
    from: "const longestSilence = 3 * 60 * 60 * 1_000;",
    to: "const longestSilence = 60_000;",
    tests: cronTests,
  },
  {
    fault: "a hung store is not told",
    file: mod,
    from:
      'const clear = warnWhileWaiting(`its "store.${call}", and begins no run before`, context);',
    to: 'const clear = call ? () => {} : warnWhileWaiting("", context);',
    tests: cronTests,
  },
  {
    fault: "a run that the stop has interrupted is saved",
    file: mod,
    from: "if (store && !triggered && !interrupted) await save",
    to: "if (store && !triggered) await save",
    tests: cronTests,
  },
  {
    fault: "a triggered run is saved",
    file: mod,
    from: "if (store && !triggered && !interrupted) await save",
    to: "if (store && !interrupted) await save",
    tests: cronTests,
  },
  {
    fault: "a run that is late by less than its tolerance is skipped",
    file: mod,
    from: "if (skip) last = Math.max(last, time - jitter - tolerance);",
    to: "if (skip) last = Math.max(last, time - jitter);",
    tests: cronTests,
  },
  {
    fault: "a trigger is unanswered when the work ends by itself",
    file: schedule,
    from: "this.#signal = this.#timetable = undefined; this.#close();",
    to: "this.#signal = this.#timetable = undefined;",
    tests: both,
  },
  {
    fault: "a trigger during a run is answered by that run",
    file: schedule,
    from: "this.#request = undefined; this.#lastRun",
    to: "this.#lastRun",
    tests: both,
  },
  {
    fault: "runs that follow each other share no turn with others",
    file: schedule,
    from: "await turns.give(); rested = true;",
    to: "rested = true;",
    tests: both,
  },
  {
    fault: "a schedule sleeps through a change of the wall clock",
    file: schedule,
    from: "Math.min(Math.ceil(left), longestSleep)",
    to: "Math.ceil(left)",
    tests: both,
  },
  {
    fault: "a run that the stop has interrupted counts as failed",
    file: schedule,
    from: "if (!interrupted) failure = { error };",
    to: "failure = { error };",
    tests: both,
  },
  {
    fault: "a jitter longer than the period loses runs",
    file: "src/timed.ts",
    from: "const passed = Math.max(due, time() - jitter);",
    to: "const passed = Math.max(due, time());",
    tests: ["tests/timed"],
  },
  {
    fault: "a timer that fired beside a clock that stands still is no tick of a timed service",
    file: "src/timed.ts",
    from: "if (at - time() >= 1) behind += at - time();",
    to: "",
    tests: ["tests/timer_test"],
  },
  {
    fault: "a timer that fired beside a clock that stands still is no tick",
    file: "src/periodic_timer.ts",
    from: "if (late <= -1) this.#due = now; late = 0;",
    to: "",
    tests: ["tests/periodic_timer"],
  },
  {
    fault: "a missed tick is lost when the period is set twice",
    file: "src/periodic_timer.ts",
    from: "this.#missed ||= now >= this.#due;",
    to: "this.#missed = now >= this.#due;",
    tests: ["tests/periodic_timer"],
  },
  {
    fault: "work that takes longer than its period leaves nobody a turn",
    file: "src/periodic_timer.ts",
    from: "return resolve(turns.give().then(() => true));",
    to: "return resolve(true);",
    tests: ["tests/periodic_timer", "tests/every"],
  },
  {
    fault: "a slip in the signal makes a timer unusable",
    file: "src/periodic_timer.ts",
    from: 'checkSignal("signal", signal); if',
    to: "if",
    tests: ["tests/periodic_timer"],
  },
  {
    fault: "errors are swallowed where no signal has aborted",
    file: "src/every.ts",
    from: "if (signal?.aborted && error === signal.reason) return false; throw error;",
    to: "return false;",
    tests: ["tests/every"],
  },
];
