/**
 * A recording, asked questions.
 *
 * @module
 */

import type { Outcome } from "../outcome.ts";
import {
  type CallRecord,
  type Entry,
  type HookEvent,
  hookEvent,
  type Place,
  type Recording,
} from "../recording.ts";

/** What a rule found wrong, a sentence each; none when it holds. */
export type Violations = readonly string[];

/** One event of a hook and where it happened. */
export interface HookPlace extends HookEvent, Place {}

const startHooks: readonly string[] = ["waitForStart", "starting", "start", "started"];
const stopHooks: readonly string[] = ["stopping", "stop", "stopped"];

/** What the rules need to know of a recording. */
export class Story {
  readonly recording: Recording;
  readonly hooks: readonly HookPlace[];

  constructor(recording: Recording) {
    this.recording = recording;
    this.hooks = recording.entries.flatMap(({ at, event }: Entry, index) => {
      const parsed = hookEvent(event);
      return parsed ? [{ ...parsed, at, index }] : [];
    });
  }

  /** The end of the log. */
  get end(): number {
    return this.recording.entries.length;
  }

  /** The first call that may start the host. */
  get startCall(): CallRecord | undefined {
    return this.recording.calls.find(({ name }) => name === "start" || name === "run");
  }

  /** Names of the services, in order of registration. */
  get services(): readonly string[] {
    return this.recording.scenario.services.map(({ name }) => name);
  }

  /** Names of the services whose start fulfilled, in order of registration. */
  get started(): readonly string[] {
    return this.services.filter((name) => this.find(name, "start", "return").length > 0);
  }

  /** Names of the background services. */
  get workers(): readonly string[] {
    return this.recording.scenario.services
      .filter(({ kind }) => kind === "background")
      .map(({ name }) => name);
  }

  /** Where an event that is not a hook's happened, the first time. */
  place(event: string): Place | undefined {
    const index = this.recording.entries.findIndex((entry) => entry.event === event);
    return index < 0 ? undefined : { at: this.recording.entries[index]?.at as number, index };
  }

  /** How often an event happened. */
  count(event: string): number {
    return this.recording.entries.filter((entry) => entry.event === event).length;
  }

  /** Where a hook was entered, or ended in one of the ways given. */
  find(owner: string, hook: string, ...what: readonly HookEvent["what"][]): readonly HookPlace[] {
    return this.hooks.filter((it) =>
      it.owner === owner && it.hook === hook && what.includes(it.what)
    );
  }

  /** Every hook entered from `index` on, calls of `execute` included. */
  entered(from: number = 0): readonly HookPlace[] {
    return this.hooks.filter(({ what, index }) => what === "enter" && index >= from);
  }

  /** What start hooks failed with; a cancellation after `canceledAt` is the host's own doing. */
  startErrors(canceledAt: number = Infinity): Outcome {
    return this.hooks
      .filter(({ hook }) => startHooks.includes(hook))
      .filter(({ what, index }) => what === "throw" || (what === "canceled" && index < canceledAt))
      .map(({ error }) => error as string);
  }

  /** What stop hooks, the host lifetime and workers failed with. */
  stopErrors(): Outcome {
    return [
      ...this.#failures(stopHooks),
      ...this.#abandoned(stopHooks),
      ...this.workerErrors().map(({ error }) => error as string),
    ];
  }

  /** Where workers failed, and with what; none under "ignore". */
  workerErrors(): readonly HookPlace[] {
    if (this.recording.scenario.options?.backgroundExceptions === "ignore") return [];
    return this.hooks.filter((it) =>
      it.hook === "execute" &&
      (it.what === "throw" || (it.what === "canceled" && !this.#toldToEnd(it)))
    );
  }

  /** Whether a signal of the host had told a worker to end. */
  #toldToEnd({ owner, index }: HookPlace): boolean {
    return [
      ...this.find(owner, "execute", "signal"),
      this.place("lifetime stopping") ?? { index: Infinity },
    ].some((told) => told.index < index);
  }

  /** Hooks that never ended: .NET waits for ever, or forgets; here the host gives up, by name. */
  #abandoned(hooks: readonly string[]): Outcome {
    return this.entered()
      .filter(({ owner, hook }) =>
        hooks.includes(hook) &&
        this.find(owner, hook, "return", "throw", "canceled").length === 0
      )
      .map(({ owner, hook }) => `timeout ${owner}.${hook}`);
  }

  #failures(hooks: readonly string[]): Outcome {
    return this.hooks
      .filter(({ hook, error }) => hooks.includes(hook) && error !== undefined)
      .map(({ error }) => error as string);
  }
}

/** Whether two outcomes are the same bag, repeated cancellations counting once. */
export function sameErrors(actual: Outcome, expected: Outcome): boolean {
  return bag(actual) === bag(expected);
}

function bag(outcome: Outcome): string {
  const cancellations = outcome.includes("canceled") ? ["canceled"] : [];
  return [...outcome.filter((label) => label !== "canceled"), ...cancellations].sort().join();
}
