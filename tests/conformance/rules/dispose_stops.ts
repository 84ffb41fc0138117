import { sameErrors, type Story, type Violations } from "./story.ts";
import { wholeStop } from "./whole_stop.ts";

/** "Dispose stops": the whole stop happens, in order, before the call settles. */
export function disposeStops(story: Story): Violations {
  const { calls } = story.recording;
  const dispose = calls.find(({ name }) => name === "dispose");
  if (!dispose) return ["nobody disposed the host"];
  const violations = [...wholeStop(story, dispose.settled?.index)];
  const outcome = dispose.settled?.outcome ?? [];
  // Who joins a stop that another call began need not hear its errors a second time.
  const own = !calls.some(({ name, called }) =>
    name !== "start" && called.index < dispose.called.index
  );
  const expected = story.stopErrors();
  if (!sameErrors(outcome, expected) && (own || outcome.length > 0)) {
    violations.push(`dispose must settle with [${expected.join()}]: got [${outcome.join()}]`);
  }
  return violations;
}
