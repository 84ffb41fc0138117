/**
 * Whether two moments agree, as the README of the recordings defines it.
 *
 * @module
 */

import type { Moment } from "./fixture.ts";
import { parseOutcome, renderOutcome } from "./outcome.ts";
import { hookEvent } from "./recording.ts";

/** Compares moment by moment; returns what is wrong with the first that disagrees. */
export function disagreement(
  expected: readonly Moment[],
  actual: readonly Moment[],
): string | undefined {
  const count = Math.max(expected.length, actual.length);
  for (let index = 0; index < count; index++) {
    const wrong = momentsDiffer(expected[index]?.events ?? [], actual[index]?.events ?? []);
    if (wrong) return `moment ${index}: ${wrong}`;
  }
  return undefined;
}

function momentsDiffer(expected: readonly string[], actual: readonly string[]): string | undefined {
  const [want, got] = [expected.map(normalized), actual.map(normalized)];
  const missing = without(want, got);
  const surplus = without(got, want);
  if (missing.length + surplus.length > 0) {
    return `missing: ${list(missing)}; not expected: ${list(surplus)}`;
  }
  const [wantOrder, gotOrder] = [want.filter(isOrdered), got.filter(isOrdered)];
  if (wantOrder.join() === gotOrder.join()) return undefined;
  return `in another order: expected ${list(wantOrder)}; got ${list(gotOrder)}`;
}

/** `execute` runs on .NET's thread pool, which orders it as it likes. */
function isOrdered(event: string): boolean {
  const { what, hook } = hookEvent(event) ?? {};
  return what === "enter" && hook !== "execute";
}

/** Outcomes in one spelling. */
function normalized(event: string): string {
  const match = /^(\w+#\d+) (error .*)$/.exec(event);
  return match ? `${match[1]} ${renderOutcome(parseOutcome(match[2] as string))}` : event;
}

/** The bag `events` less the bag `others`. */
function without(events: readonly string[], others: readonly string[]): readonly string[] {
  const rest = [...others];
  return events.filter((event) => {
    const index = rest.indexOf(event);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}

function list(events: readonly string[]): string {
  return events.length === 0 ? "nothing" : events.join(", ");
}
