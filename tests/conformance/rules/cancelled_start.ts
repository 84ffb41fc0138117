import type { Place } from "../recording.ts";
import type { Outcome } from "../outcome.ts";
import { sameErrors, type Story, type Violations } from "./story.ts";
import { wholeStop } from "./whole_stop.ts";

/** Why a start was cancelled, and where in the log. */
interface Cancel extends Place {
  readonly kind: "signal of the start" | "stop request" | "stop call" | "timeout" | "crash";
}

/**
 * "Start is cancelled": no start hook is called after the cancel, what had started is rolled back,
 * and the outcome says why: the cancellation for `start()` and for a start that timed out, the
 * crash where a worker's was the cause, else a clean stop for `run()`.
 */
export function cancelledStart(story: Story): Violations {
  const call = story.startCall;
  if (!call) return ["nobody called start or run"];
  const cancel = firstCancel(story);
  if (!cancel) return ["nothing cancelled the start"];
  const started = story.place("lifetime started");
  if (started) return crashedOnceStarted(story, cancel, started);

  const violations = [...wholeStop(story, call.settled?.index)];
  for (const { owner, hook, index } of story.entered()) {
    const isStart = hook !== "stopping" && hook !== "stop" && hook !== "stopped";
    if (isStart && index >= cancel.index) {
      violations.push(`${owner}.${hook} was entered after the start was cancelled`);
    }
  }

  const errors = [...story.startErrors(cancel.index), ...story.stopErrors()];
  const crash = story.workerErrors()[0]?.error;
  const cause = cancel.kind === "crash"
    ? crash
    : call.name === "start" || cancel.kind === "timeout"
    ? "canceled"
    : undefined;
  violations.push(...outcomeOf(call.name, call.settled?.outcome ?? [], cause, errors));

  for (const { name, number, settled } of story.recording.calls) {
    if (!settled) violations.push(`${name}#${number} never settled`);
    else if (name === "stop" && !withoutCrash(settled.outcome, story.stopErrors(), crash)) {
      violations.push(
        `stop#${number} must settle with the errors of the rollback alone, ` +
          `[${story.stopErrors().join()}]: got [${settled.outcome.join()}]`,
      );
    }
  }
  return violations;
}

/** A worker that crashes in the very moment the start completes: an ordinary stop follows. */
function crashedOnceStarted(story: Story, cancel: Cancel, started: Place): Violations {
  if (cancel.kind !== "crash" || cancel.at !== started.at) {
    return [`lifetime started fired although the start was cancelled (${cancel.kind})`];
  }
  const violations: string[] = [];
  const { calls } = story.recording;
  const start = story.startCall;
  if (start?.name === "start" && start.settled?.outcome.length !== 0) {
    violations.push(`start must fulfil: got [${start.settled?.outcome.join() ?? "nothing"}]`);
  }
  // A crash asks for the stop; somebody must wait for it.
  const stops = calls.filter(({ name }) => name !== "start" && name !== "requestStop");
  if (stops.length > 0) violations.push(...wholeStop(story, stops[0]?.settled?.index));
  const crash = story.workerErrors()[0]?.error;
  for (const { name, settled } of stops) {
    violations.push(...outcomeOf(name, settled?.outcome ?? [], crash, story.stopErrors()));
  }
  return violations;
}

/** The first thing that cancelled the start before it was decided. */
function firstCancel(story: Story): Cancel | undefined {
  const { recording: { causes, entries, scenario }, startCall } = story;
  const begun = startCall?.called.at ?? 0;
  const candidates: Cancel[] = causes.map((cause) => ({ ...cause }));
  const limit = scenario.options?.startupTimeout;
  if (limit !== undefined) {
    const index = entries.findIndex(({ at }) => at >= begun + limit);
    candidates.push({ kind: "timeout", at: begun + limit, index: index < 0 ? story.end : index });
  }
  const crash = story.workerErrors()[0];
  if (crash) {
    // The host learns of it some microtasks later, and says so by firing stopping.
    const stopping = story.place("lifetime stopping");
    const index = stopping?.at === crash.at ? stopping.index : crash.index;
    candidates.push({ kind: "crash", at: crash.at, index: Math.max(index, crash.index) });
  }
  return candidates.sort((a, b) => a.index - b.index)[0];
}

/** `cause` first, then everything else, nothing twice. */
function outcomeOf(
  name: string,
  outcome: Outcome,
  cause: string | undefined,
  errors: Outcome,
): Violations {
  const all = cause === undefined || errors.includes(cause) ? errors : [cause, ...errors];
  if (sameErrors(outcome, all) && (cause === undefined || outcome[0] === cause)) return [];
  return [
    `${name} must settle with [${all.join()}], ${cause ?? "any"} first: got [${outcome.join()}]`,
  ];
}

/** The crash that caused a rollback may count as an error of it, or as the start's alone. */
function withoutCrash(outcome: Outcome, errors: Outcome, crash: string | undefined): boolean {
  return sameErrors(outcome, errors) ||
    sameErrors(outcome, errors.filter((_, index) => index !== errors.indexOf(crash ?? "")));
}
