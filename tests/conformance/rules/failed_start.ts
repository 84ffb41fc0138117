import type { LifecycleGolden } from "../fixture.ts";
import { distinct, type Outcome, parseOutcome, renderOutcome } from "../outcome.ts";
import { sameErrors, type Story, type Violations } from "./story.ts";
import { wholeStop } from "./whole_stop.ts";

/**
 * "A failed start rolls back": the call rejects with .NET's error, alone or followed by those of
 * the rollback; what had started was stopped before.
 */
export function failedStart(story: Story, golden: LifecycleGolden): Violations {
  const call = story.startCall;
  if (!call) return ["nobody called start or run"];
  const violations = [...wholeStop(story, call.settled?.index)];
  if (story.place("lifetime started")) violations.push("lifetime started fired");
  const outcome = call.settled?.outcome ?? [];

  // .NET leaves plain cancellations out where another hook of a concurrent phase failed; here no
  // error is lost.
  const recorded = recordedOutcome(golden, `${call.name}#${call.number}`);
  const first = distinct(story.startErrors());
  if (recorded.some((label) => !first.includes(label))) {
    violations.push(`.NET rejected with ${renderOutcome(recorded)}, no start hook did here`);
  }
  if (!sameErrors(distinct(outcome).slice(0, first.length), first)) {
    violations.push(
      `${call.name} must reject with ${renderOutcome(first)} first: got [${outcome.join()}]`,
    );
  }
  if (!sameErrors(outcome, [...first, ...story.stopErrors()])) {
    violations.push(
      `${call.name} must reject with every error, [${[...first, ...story.stopErrors()].join()}]: ` +
        `got [${outcome.join()}]`,
    );
  }

  for (const later of story.recording.calls) {
    if (!later.settled) violations.push(`${later.name}#${later.number} never settled`);
  }
  return violations;
}

function recordedOutcome(golden: LifecycleGolden, call: string): Outcome {
  const prefix = `${call} error `;
  const event = golden.moments.flatMap(({ events }) => events).find((it) => it.startsWith(prefix));
  return event === undefined ? [] : parseOutcome(event.slice(prefix.length));
}
