/**
 * "One service": its hooks, and the signal of its work.
 *
 * @module
 */

import { type HookRun, type Model, startPhases, stopPhases } from "../model.ts";
import { type Invariant, invariant, nameOf } from "./invariant.ts";

export const serviceInvariants: readonly Invariant[] = [
  invariant("every hook is called at most once", function* ({ hooks }) {
    const seen = new Set<string>();
    for (const hook of hooks) {
      if (seen.has(nameOf(hook))) yield `${nameOf(hook)} was called again`;
      seen.add(nameOf(hook));
    }
  }),

  invariant("stop never comes before the start has settled", function* (model) {
    for (const stop of stopHooks(model)) {
      const start = model.run(stop.owner, "start");
      if (start && !(start.exit && start.exit.index < stop.enter.index)) {
        yield `${nameOf(stop)} was called while its start was pending`;
      }
    }
  }),

  invariant("no stop without a start that fulfilled", function* (model) {
    for (const stop of stopHooks(model)) {
      const start = model.run(stop.owner, "start");
      if (!start) yield `${nameOf(stop)} was called, its start never was`;
      else if (start.exit?.failure) yield `${nameOf(stop)} was called, its start had rejected`;
    }
  }),

  invariant(
    "every fulfilled start is stopped, with every hook, before the host is",
    function* (model) {
      for (const owner of model.up) {
        const { hooks = {} } = model.service(owner) ?? {};
        for (const phase of ["stopping", "stop", "stopped"] as const) {
          const run = model.run(owner, phase);
          if (!hooks[phase]) continue;
          if (!run) yield `${owner}.${phase} was never called`;
          else if (model.stopped && run.enter.index > model.stopped.index) {
            yield `${owner}.${phase} was called after the host had stopped`;
          }
        }
      }
    },
  ),

  invariant("a start that fulfils late is stopped at once, by stop alone", function* (model) {
    for (const { name } of model.plan.services.filter((it) => model.isLate(it.name))) {
      const start = model.run(name, "start");
      const stop = model.run(name, "stop");
      if (!stop) yield `${name} was never stopped`;
      else if (stop.enter.at !== start?.exit?.at) yield `${name} was stopped later`;
      else if (stop.enter.aborted === false) yield `${name}.stop had a signal that was not aborted`;
      for (const phase of ["stopping", "stopped"] as const) {
        if (model.run(name, phase)) yield `${name}.${phase} was called`;
      }
    }
  }),

  invariant(
    "start hooks come in order of registration",
    (model) =>
      ordered(model, (before, after) => model.place(before.owner) < model.place(after.owner), [
        "starting",
        "start",
        "started",
      ]),
  ),

  invariant("stop hooks come in reverse order of registration", (model) =>
    ordered(
      model,
      (before, after) => model.place(before.owner) > model.place(after.owner),
      stopPhases,
    )),

  invariant("phases come one after the other", function* (model) {
    const sequence = [...startPhases, ...stopPhases];
    const hooks = model.hooks.filter((hook) => isInLine(model, hook));
    for (const [index, hook] of hooks.entries()) {
      const before = hooks[index - 1];
      if (before && sequence.indexOf(before.phase) > sequence.indexOf(hook.phase)) {
        yield `${nameOf(hook)} came after ${nameOf(before)}`;
      }
    }
  }),

  invariant("a worker's signal aborts once, with a reason", function* (model) {
    const workers = model.all("signal").filter(({ phase }) => phase === "execute");
    for (const { owner, reason } of workers) {
      if (!(reason instanceof Error)) yield `${owner}'s signal aborted with ${String(reason)}`;
      if (workers.filter((it) => it.owner === owner).length > 1) yield `${owner}'s aborted twice`;
    }
  }),

  invariant("a worker's signal does not abort while the host runs", function* (model) {
    for (const { owner, phase, state, index } of model.all("signal")) {
      if (phase !== "execute") continue;
      const stop = model.run(owner, "stop");
      const cancelled = model.cancels.length > 0 || model.events("hostStartFailed").length > 0;
      if (model.hasStarted ? !(stop && stop.enter.index < index) : !cancelled) {
        yield `${owner}'s signal aborted (host ${state}), but not because of its stop`;
      }
    }
  }),

  invariant("a cancelled start tells its workers to end in reverse order", function* (model) {
    const told = model.all("signal").filter(({ owner, phase, index }) =>
      phase === "execute" && index < (model.run(owner, "stop")?.enter.index ?? Infinity)
    );
    for (const [index, { owner }] of told.entries()) {
      const before = told[index - 1];
      if (before && model.place(before.owner) < model.place(owner)) {
        yield `${owner} was told after ${before.owner}`;
      }
    }
  }),

  invariant("a worker's signal has aborted when its stop has settled", function* (model) {
    for (const stop of model.hooks.filter(({ phase }) => phase === "stop")) {
      const work = model.run(stop.owner, "execute");
      if (!work || !stop.exit || model.service(stop.owner)?.kind !== "background") continue;
      const pending = (work.exit?.at ?? Infinity) > stop.exit.at;
      const told = model.all("signal").some((it) =>
        it.owner === stop.owner && it.phase === "execute" && it.at <= (stop.exit?.at ?? 0)
      );
      if (pending && !told && !work.enter.aborted) {
        yield `${stop.owner}'s work was never told to end`;
      }
    }
  }),

  invariant("execute follows its start, once, and never once stopping began", function* (model) {
    for (const work of model.hooks.filter(({ phase }) => phase === "execute")) {
      const start = model.run(work.owner, "start");
      if (!start || start.enter.index > work.enter.index) {
        yield `${work.owner}.execute had no start`;
      }
      if (work.enter.state === "stopping" || work.enter.state === "stopped") {
        yield `${work.owner}.execute was called when the host was ${work.enter.state}`;
      }
      if (work.enter.aborted) yield `${work.owner}.execute was called with an aborted signal`;
    }
    for (const { owner, exit, abandoned } of model.hooks.filter(({ phase }) => phase === "start")) {
      if (model.service(owner)?.kind !== "background" || !exit || exit.failure || abandoned) {
        continue;
      }
      // It comes some microtasks later: something else at that time may come in between.
      const forestalled = model.cancelledAt <= exit.at ||
        (model.stopping?.at ?? Infinity) <= exit.at;
      if (!model.run(owner, "execute") && !forestalled) yield `${owner}.execute was never called`;
    }
  }),

  invariant("nothing odd was seen by a service", function* (model) {
    for (const { what } of model.all("odd")) yield what;
  }),
];

/** Whether a hook is called in order, not because its start fulfilled late. */
export function isInLine(model: Model, { owner, phase }: HookRun): boolean {
  if (phase === "execute" || phase === "dispose") return false;
  if (owner === "hostLifetime") return false;
  return !(stopPhases.includes(phase) && model.isLate(owner));
}

function stopHooks({ hooks }: Model): readonly HookRun[] {
  return hooks.filter(({ owner, phase }) => owner !== "hostLifetime" && stopPhases.includes(phase));
}

function* ordered(
  model: Model,
  inOrder: (before: HookRun, after: HookRun) => boolean,
  phases: readonly HookRun["phase"][],
): Iterable<string> {
  for (const phase of phases) {
    const hooks = model.hooks.filter((hook) => hook.phase === phase && isInLine(model, hook));
    for (const [index, hook] of hooks.entries()) {
      const before = hooks[index - 1];
      if (before && !inOrder(before, hook)) yield `${nameOf(hook)} came after ${nameOf(before)}`;
    }
  }
}
