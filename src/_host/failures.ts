import { isStartPhase } from "./call.ts";
import { type Failure, textOf } from "../_log.ts";
import type { Phase } from "../events.ts";

/** What went wrong in the life of a host. */
export interface Failures {
  /** Notes an error of a call, in the order of the calls, or of background work. */
  add(phase: Phase, error: unknown, order?: number): void;
  /** Whether anything went wrong. */
  some(): boolean;
  /** Everything: of the start, the stop, the background work, disposal. */
  all(): unknown[];
  /** Notes nothing from now on: the outcome is known. */
  close(): void;
  /**
   * What a list of errors comes to, by default of all but those of the start. The same error every time
   * `name` is asked for.
   */
  outcome(name: OutcomeName, errors?: readonly unknown[]): Failure | undefined;
  /** Throws that, if there is one. */
  raise(name: OutcomeName, errors?: readonly unknown[]): void;
}

/** Which call of the host rejects with it. */
type OutcomeName = "start" | "run" | "stop";

/** Where errors of background work stand in the list: after those of all hooks, and before those of disposals. */
const afterCalls = 1e9;

/** Nothing has gone wrong yet. */
export function createFailures(): Failures {
  const failures: { phase: Phase; error: unknown; order: number }[] = [];
  let closed = false;
  const outcomes: { [name: string]: Failure } = {};

  const list = (ofStart: boolean): unknown[] =>
    failures
      .filter(({ phase }) => ofStart || !isStartPhase(phase))
      .sort((a, b) => a.order - b.order) // of one order the first comes first
      .map(({ error }) => error);

  const outcome: Failures["outcome"] = (name, errors = list(false)) =>
    errors.length ? outcomes[name] ??= { error: combine(errors) } : undefined;

  return {
    outcome,
    add(phase, error, order = afterCalls) {
      if (closed) return;
      failures.push({ phase, error, order: phase === "dispose" ? order + 2 * afterCalls : order });
    },
    some: () => failures.length > 0,
    all: () => list(true),
    close() {
      closed = true;
    },
    raise(name, errors) {
      const failure = outcome(name, errors);
      if (failure) throw failure.error;
    },
  };
}

/** One error as it is; several as one flat aggregate, each once. */
export function combine(errors: readonly unknown[]): unknown {
  const distinct = [...new Set(errors)];
  const [first] = distinct;
  if (distinct.length < 2) return first;
  return new AggregateError(distinct, `${distinct.length} errors, the first: ${textOf(first)}`);
}
