import type { LifecycleGolden } from "../fixture.ts";
import { parseOutcome } from "../outcome.ts";
import { hookEvent } from "../recording.ts";
import { sameErrors, type Story, type Violations } from "./story.ts";

/**
 * "A worker that outlives the shutdown timeout is awaited": its `stop` returns when its `execute`
 * ends; everything after it keeps its order. .NET returned from such a `stop` at the timeout.
 */
export function awaitedWorker(story: Story, golden: LifecycleGolden): Violations {
  const violations: string[] = [];
  for (const name of story.workers) {
    const stop = story.find(name, "stop", "enter")[0];
    const returned = story.find(name, "stop", "return")[0];
    const ended = story.find(name, "execute", "return", "throw", "canceled")[0];
    const begun = story.find(name, "execute", "enter")[0];
    if (!stop) continue;
    if (begun && !ended) {
      if (returned) violations.push(`${name}.stop returned, its execute never ended`);
    } else if (returned?.at !== Math.max(stop.at, ended?.at ?? 0)) {
      violations.push(
        `${name}.stop returned at ${returned?.at}, its execute ended at ${ended?.at}`,
      );
    } else if (ended && returned.index < ended.index) {
      violations.push(`${name}.stop returned before its execute had ended`);
    }
  }

  const expected = order(golden.moments.flatMap(({ events }) => events));
  const actual = order(story.recording.entries.map(({ event }) => event));
  if (expected.join() !== actual.join()) {
    violations.push(`the order changed: expected ${expected.join(", ")}; got ${actual.join(", ")}`);
  }

  for (const { name, number, settled } of story.recording.calls) {
    const label = `${name}#${number}`;
    if (!settled) violations.push(`${label} never settled`);
    if (!settled || name === "start" || name === "requestStop") continue;
    // .NET forgot such a worker; what it ends with is known here.
    const recorded = golden.moments.flatMap(({ events }) => events)
      .find((event) => event.startsWith(`${label} error `));
    const labels = recorded === undefined ? [] : parseOutcome(recorded.slice(label.length + 1));
    const errors = [...labels, ...story.stopErrors().filter((error) => !labels.includes(error))];
    if (!sameErrors(settled.outcome, errors)) {
      violations.push(
        `${label} must settle with [${errors.join()}]: got [${settled.outcome.join()}]`,
      );
    }
  }
  return violations;
}

/** What keeps its order: hooks as they are entered, the lifetime, calls as they are made and end. */
function order(events: readonly string[]): readonly string[] {
  return events
    .filter((event) => {
      const { what, hook } = hookEvent(event) ?? {};
      return what === undefined || (what === "enter" && hook !== "execute");
    })
    .map((event) => event.replace(/ error .*$/, " settled").replace(/ ok$/, " settled"));
}
