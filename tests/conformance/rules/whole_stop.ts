import { hookEvent } from "../recording.ts";
import type { Story, Violations } from "./story.ts";

/**
 * A whole stop, or the rollback of a start: every service whose start fulfilled gets each of its
 * stop hooks exactly once, in order; no other service is stopped; the lifetime's stopping and
 * stopped fire; the host lifetime's stop is called once; all of it before `settled`.
 */
export function wholeStop(story: Story, settled: number | undefined): Violations {
  const violations: string[] = [];
  if (settled === undefined) violations.push("the call never settled");

  const expected = expectedOrder(story);
  const actual = story.recording.entries.map(({ event }) => event)
    .filter((event) => isStopEvent(event))
    .map((event) => event.replace(/ aborted$/, ""));
  if (actual.join() !== expected.join()) {
    violations.push(`the stop is not in order: expected ${list(expected)}; got ${list(actual)}`);
  }

  // Stopping fires before the stopping phase or after it: that depends on who asked for the stop.
  const stopping = story.place("lifetime stopping");
  if (story.count("lifetime stopping") !== 1) {
    violations.push("lifetime stopping did not fire once");
  }
  const firstStop = story.entered().find(({ hook, owner }) =>
    hook === "stop" && owner !== "hostLifetime"
  );
  if (stopping && firstStop && firstStop.index < stopping.index) {
    violations.push(`${firstStop.owner}.stop was entered before lifetime stopping`);
  }

  for (const { hook, what, owner, index } of story.hooks) {
    const late = index > (settled ?? Infinity);
    if (late && what !== "signal" && isStopHook(hook)) {
      violations.push(`${owner}.${hook} ${what} came after the call had settled`);
    }
  }
  for (const name of story.services) {
    const starts = story.find(name, "start", "return");
    const stop = story.find(name, "stop", "enter")[0];
    if (stop && !starts.some(({ index }) => index < stop.index)) {
      violations.push(`${name}.stop was entered, but its start had not fulfilled`);
    }
  }
  return violations;
}

/** Everything a stop calls and fires, except `lifetime stopping`. */
function expectedOrder(story: Story): readonly string[] {
  const newestFirst = [...story.started].reverse();
  const { services } = story.recording.scenario;
  const withHooks = newestFirst.filter((name) =>
    services.some((service) => service.name === name && service.kind === "lifecycle")
  );
  // A start that was cancelled from its beginning never met the host lifetime; any other stop,
  // one without a start included, does.
  const begun = story.startCall?.called.index ?? Infinity;
  const metLifetime = story.find("hostLifetime", "waitForStart", "enter").length > 0 ||
    story.recording.causes.some(({ kind, index }) => kind === "stop call" && index < begun);
  return [
    ...withHooks.map((name) => `${name}.stopping enter`),
    ...newestFirst.map((name) => `${name}.stop enter`),
    ...withHooks.map((name) => `${name}.stopped enter`),
    "lifetime stopped",
    ...(metLifetime ? ["hostLifetime.stop enter"] : []),
  ];
}

function isStopEvent(event: string): boolean {
  const { what, hook = "" } = hookEvent(event) ?? {};
  return event === "lifetime stopped" || (what === "enter" && isStopHook(hook));
}

function isStopHook(hook: string): boolean {
  return hook === "stopping" || hook === "stop" || hook === "stopped";
}

function list(events: readonly string[]): string {
  return events.join(", ") || "nothing";
}
