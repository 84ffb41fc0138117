import type { CallRecord } from "../recording.ts";
import { sameErrors, type Story, type Violations } from "./story.ts";
import { wholeStop } from "./whole_stop.ts";

/** "Dispose stops": the whole stop happens, in order, before the call settles. */
export function disposeStops(story: Story): Violations {
  const { calls } = story.recording;
  const dispose = calls.find(({ name }) => name === "dispose");
  if (!dispose) return ["nobody disposed the host"];
  const violations = [...wholeStop(story, dispose.settled?.index)];
  const outcome = dispose.settled?.outcome ?? [];
  // Who joins a stop, or the rollback of a start, need not hear its errors a second time.
  const joins = ({ name, called, settled }: CallRecord): boolean =>
    called.index < dispose.called.index &&
    (name !== "start" || (settled?.index ?? Infinity) > dispose.called.index);
  const own = !calls.some(joins);
  const expected = story.stopErrors();
  if (!sameErrors(outcome, expected) && (own || outcome.length > 0)) {
    violations.push(`dispose must settle with [${expected.join()}]: got [${outcome.join()}]`);
  }
  return violations;
}
