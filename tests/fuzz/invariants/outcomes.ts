/**
 * "Errors": what each call ends with, and that nothing a service threw is lost.
 *
 * @module
 */

import {
  type CallRun,
  type Cause,
  explains,
  type Model,
  startPhases,
  stopPhases,
} from "../model.ts";
import { isRefusal } from "./host.ts";
import { type Invariant, invariant } from "./invariant.ts";

export const outcomeInvariants: readonly Invariant[] = [
  invariant("nothing is unhandled", function* ({ history }) {
    for (const error of history.unhandled) yield render(error);
  }),

  invariant(
    "start ends with its cause, its errors and those of the rollback",
    (model) => settledWith(model, ["start"], () => startOutcomes(model)),
  ),

  invariant(
    "run ends with what went wrong, not with a stop that was asked for",
    (model) => settledWith(model, ["run"], () => runOutcomes(model)),
  ),

  invariant(
    "stop and waitForShutdown end with the errors of the stop",
    (model) => settledWith(model, ["stop", "waitForShutdown"], () => [stopErrors(model)]),
  ),

  invariant(
    "disposing ends with the errors of a stop it began itself",
    (model) => settledWith(model, ["dispose"], () => [[], stopErrors(model)]),
  ),

  invariant("a start after a stop is refused", function* (model) {
    for (const { call, made, settled } of model.calls) {
      if (call.name !== "start" && call.name !== "run") continue;
      const { starting, stopping, stopped, hasStarted } = model;
      const end = starting ? hasStarted && stopped : stopping;
      const expected = end !== undefined && end !== false && end.index < made.index;
      const refused = isRefusal(settled?.rejection?.error);
      if (settled && refused !== expected) {
        yield `${call.name}#${call.number} was ${refused ? "" : "not "}refused`;
      }
    }
  }),

  invariant(
    "one error is rejected with as it is, several as one flat aggregate",
    function* (model) {
      for (const { call, settled } of model.calls) {
        const error = settled?.rejection?.error;
        if (!(error instanceof AggregateError)) continue;
        const name = `${call.name}#${call.number}`;
        if (error.errors.length < 2) yield `${name} rejected with an aggregate of one`;
        if (new Set(error.errors).size < error.errors.length) yield `${name} has an error twice`;
        if (error.errors.some((it) => it instanceof AggregateError)) yield `${name} is not flat`;
      }
    },
  ),

  invariant("every rejection of a service is in an outcome or an event", function* (model) {
    const told = new Set<unknown>();
    const tell = (error: unknown): void => {
      if (told.has(error)) return;
      told.add(error);
      if (error instanceof AggregateError) error.errors.forEach(tell);
      if (error instanceof Error && error.cause !== undefined) tell(error.cause);
    };
    for (const { settled } of model.calls) tell(settled?.rejection?.error);
    for (const { event } of model.all("event")) if ("error" in event) tell(event.error);
    for (const entry of model.entries) {
      if (!("failure" in entry) || !entry.failure || entry.failure.clean) continue;
      if (!told.has(entry.failure.error)) yield render(entry.failure.error);
    }
  }),
];

type Errors = readonly unknown[];

/** Compares outcomes with what is acceptable: more than one if things happened together. */
function* settledWith(
  model: Model,
  names: readonly string[],
  acceptable: (run: CallRun) => readonly Errors[],
): Iterable<string> {
  for (const run of model.calls) {
    const { call, settled } = run;
    if (!settled || !names.includes(call.name) || isRefusal(settled.rejection?.error)) continue;
    const outcome = sequelsLast(errorsOf(settled.rejection).map(unwrapped));
    const options = acceptable(run).map(sequelsLast);
    if (!options.some((errors) => same(errors, outcome))) {
      const wanted = options.map((errors) => `[${errors.map(render).join(", ")}]`).join(" or ");
      yield `${call.name}#${call.number}: expected ${wanted}; got [${
        outcome.map(render).join(", ")
      }]`;
    }
  }
}

/**
 * Work that is waited for after its `stop` has its place by the moment that settled; at the cut,
 * where all the rest is called in one moment, microtasks decide.
 */
function sequelsLast(errors: Errors): Errors {
  const isSequel = (error: unknown): boolean => /^timeout of .*\.execute$/.test(String(error));
  return [
    ...errors.filter((error) => !isSequel(error)),
    ...errors.filter(isSequel).sort(),
  ];
}

function startOutcomes(model: Model): readonly Errors[] {
  if (model.hasStarted) return [[]];
  const rest = [...startErrors(model), ...stopErrors(model)];
  const { cancels } = model;
  // What cancels a start in the moment in which it fails by itself may come too late.
  const failed = cancels.length === 0 || model.decided?.at === model.cancelledAt ? [rest] : [];
  return [
    ...failed,
    ...cancels.map((cause) => {
      if (cause.kind === "crash") return [cause.reason, ...rest];
      if (cause.kind === "timeout") return [...timeouts(model, cause), ...rest];
      return [causedBy(cause), ...rest];
    }),
  ];
}

/** An abort reason the host may have made: known by its cause only. */
function causedBy(cause: Cause): Expectation {
  return { of: cause, meets: (error) => explains(cause, error) };
}

/** An error that is known by what it must be like. */
interface Expectation {
  readonly of: Cause;
  meets(error: unknown): boolean;
}

function isExpectation(error: unknown): error is Expectation {
  return typeof error === "object" && error !== null && "meets" in error;
}

function runOutcomes(model: Model): readonly Errors[] {
  if (model.hasStarted) return [stopErrors(model)];
  const rest = [...startErrors(model), ...stopErrors(model)];
  const asked = model.cancels.some(({ kind }) => kind === "request" || kind === "stop");
  return asked ? [rest, ...startOutcomes(model)] : startOutcomes(model);
}

/** Who was starting when the startup timeout struck; a start that had nobody to wait for: itself. */
function timeouts(model: Model, cause: Cause): Errors {
  const at = model.cancelledAt;
  const pending = model.hooks.filter(({ owner, phase, enter, exit }) =>
    startPhases.includes(phase) && enter.at <= at && ((exit?.at ?? Infinity) > at ||
      model.all("signal").some((it) => it.owner === owner && it.phase === phase && it.at === at))
  );
  if (pending.length === 0) return [causedBy(cause)];
  return pending.map(({ owner, phase }) => timeoutOf(owner, phase));
}

/** What start hooks rejected with, or were abandoned with, in the order of their calls. */
function startErrors(model: Model): Errors {
  const factories = model.all("made").flatMap(({ failure }) => failure ? [failure.error] : []);
  const waits = hookErrors(model, ["waitForStart"]);
  return [...waits, ...factories, ...hookErrors(model, ["starting", "start", "started"])];
}

/** Hooks in the order of their calls, the host lifetime, workers as they failed, disposal. */
function stopErrors(model: Model): Errors {
  const end = model.stopped?.index ?? Infinity;
  const failures = model.workFailures
    .filter(({ owner, index }) => index < end && model.stopsHost(owner))
    .map(({ at, failure }) => ({
      at,
      error: failure.error,
      noticed: noticed(model, failure.error),
    }))
    // Of what fails at the same time, the host may notice one or the other first.
    .sort((a, b) => a.at - b.at || a.noticed - b.noticed)
    .map(({ error }) => error);
  return [
    ...hookErrors(model, stopPhases),
    ...failures,
    ...hookErrors(model, ["dispose"]),
  ];
}

/** When the host told of an error. */
function noticed(model: Model, error: unknown): number {
  const told = model.all("event").find(({ event }) => "error" in event && event.error === error);
  return told?.index ?? Infinity;
}

function hookErrors(model: Model, phases: readonly string[]): Errors {
  const end = model.stopped?.index ?? Infinity;
  const sequels = phases.includes("stop") ? model.sequels : [];
  const waits = [...model.hooks.filter(({ phase }) => phases.includes(phase)), ...sequels];
  return waits
    .filter(({ enter }) => enter.index < end)
    .sort((a, b) => a.enter.index - b.enter.index)
    .flatMap(({ phase, exit, abandoned }) => {
      if (abandoned) return [errorOf(abandoned.event)];
      const failed = exit?.failure && !exit.failure.clean && exit.index < end;
      return failed && phase !== "execute" ? [exit.failure?.error] : [];
    });
}

/** The host's own error stands for itself: named by service and phase. */
function timeoutOf(owner: string, phase: string): string {
  return `timeout of ${owner}.${phase}`;
}

function errorOf(event: object): unknown {
  return unwrapped("error" in event ? event.error : undefined);
}

/** A factory's error is the cause of the one that names the factory. */
function unwrapped(error: unknown): unknown {
  const { code, service, phase, cause, message } = (error ?? {}) as
    & Error
    & Readonly<Record<"code" | "service" | "phase", unknown>>;
  if (code === "ERR_SERVICE_TIMEOUT") return timeoutOf(String(service), String(phase));
  if (error instanceof Error && message?.startsWith("Cannot create services[")) return cause;
  return error;
}

function errorsOf(rejection: { readonly error: unknown } | undefined): Errors {
  if (!rejection) return [];
  const { error } = rejection;
  return error instanceof AggregateError ? error.errors : [error];
}

/** Whether an outcome is what was expected, each error once. */
function same(expected: Errors, outcome: Errors): boolean {
  const errors = expected.map((error, index) =>
    isExpectation(error) && error.meets(outcome[index]) ? outcome[index] : error
  );
  const distinct = [...new Set(errors)];
  return distinct.length === outcome.length && distinct.every((it, index) => it === outcome[index]);
}

function render(error: unknown): string {
  if (isExpectation(error)) return `the reason of a ${error.of.kind}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
