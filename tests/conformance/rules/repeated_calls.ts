import { renderOutcome } from "../outcome.ts";
import type { CallRecord } from "../recording.ts";
import type { Story, Violations } from "./story.ts";
import { wholeStop } from "./whole_stop.ts";

/** The calls that settle when the stop has. */
const stopping: readonly string[] = ["stop", "run", "waitForShutdown", "dispose"];

/** "Stop is one promise": a second call has the first call's outcome and stops nothing again. */
export function oneStop(story: Story): Violations {
  const stops = story.recording.calls.filter(({ name }) => name === "stop");
  const violations = [...nothingTwice(story), ...wholeStop(story, stops[0]?.settled?.index)];
  for (const call of stops) {
    if (!sameOutcome(call, stops[0])) {
      violations.push(`stop#${call.number} ${outcome(call)} differs from ${outcome(stops[0])}`);
    }
  }
  return violations;
}

/**
 * "A host runs once": a second `start` or `run` is refused with a clear error, or has the first
 * call's outcome when it is the same call; nothing is entered again.
 */
export function oneRun(story: Story): Violations {
  const violations = [...nothingTwice(story)];
  const { calls } = story.recording;
  const runs = calls.filter(({ name }) => name === "start" || name === "run");
  for (const call of runs.slice(1)) {
    // What a `run` joins is the stop, also one that somebody else began.
    const same = calls.filter(({ name, number }) =>
      number !== call.number && (name === call.name || (call.name === "run" && name === "stop"))
    );
    const refused = call.settled?.outcome.join() === "refused";
    if (!refused && !same.some((other) => sameOutcome(call, other))) {
      violations.push(`${call.name}#${call.number} ${outcome(call)} is no refusal, and no call's`);
    }
  }
  const stop = calls.find(({ name, settled }) => settled && stopping.includes(name));
  if (stop) violations.push(...wholeStop(story, stop.settled?.index));
  return violations;
}

/** No hook of any service is entered more than once. */
function nothingTwice(story: Story): Violations {
  const entered = story.entered().map(({ owner, hook }) => `${owner}.${hook}`);
  return entered
    .filter((hook, index) => entered.indexOf(hook) !== index)
    .map((hook) => `${hook} was entered again`);
}

function sameOutcome(call: CallRecord, other: CallRecord | undefined): boolean {
  return call.settled !== undefined && outcome(call) === outcome(other);
}

function outcome(call: CallRecord | undefined): string {
  return call?.settled ? renderOutcome(call.settled.outcome) : "never settled";
}
