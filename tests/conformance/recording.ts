/**
 * What happened in a replay, in the vocabulary of the recordings.
 *
 * @module
 */

import type { Moment, Scenario } from "./fixture.ts";
import type { Outcome } from "./outcome.ts";

/** One event and when it was. */
export interface Entry {
  readonly at: number;
  readonly event: string;
}

/** Something that may cancel a start, and where in the log it happened. */
export interface Cause {
  readonly at: number;
  /** The index of the first entry after it. */
  readonly index: number;
  readonly kind: "signal of the start" | "stop request" | "stop call";
}

/** A call of the script. */
export interface CallRecord {
  readonly name: string;
  readonly number: number;
  readonly called: Place;
  /** Where it settled and with what, if it did. */
  readonly settled?: Place & { readonly outcome: Outcome };
}

/** A place in the log. */
export interface Place {
  readonly at: number;
  readonly index: number;
}

/** Everything a rule may look at. */
export interface Recording {
  readonly scenario: Scenario;
  readonly entries: readonly Entry[];
  readonly causes: readonly Cause[];
  readonly calls: readonly CallRecord[];
}

/** An event of a hook, taken apart. */
export interface HookEvent {
  readonly owner: string;
  readonly hook: string;
  readonly what: "enter" | "signal" | "return" | "canceled" | "throw";
  readonly aborted: boolean;
  /** The error's label, if it failed. */
  readonly error: string | undefined;
}

/** Takes an event of a hook apart; `undefined` for any other event. */
export function hookEvent(event: string): HookEvent | undefined {
  const match = /^(.+)\.(\w+) (enter|signal|return|canceled|throw)(?: (\S+))?$/.exec(event);
  if (!match) return undefined;
  const [, owner = "", hook = "", what, rest] = match;
  return {
    owner,
    hook,
    what: what as HookEvent["what"],
    aborted: rest === "aborted",
    error: what === "throw" ? rest : what === "canceled" ? "canceled" : undefined,
  };
}

/** Groups what happened at the same time. */
export function moments(entries: readonly Entry[]): readonly Moment[] {
  const groups = new Map<number, string[]>();
  for (const { at, event } of entries) {
    const group = groups.get(at);
    if (group) group.push(event);
    else groups.set(at, [event]);
  }
  return Array.from(groups, ([at, events]) => ({ at, events }));
}
