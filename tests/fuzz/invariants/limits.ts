/**
 * "Limits" in docs/design.md: how long things are waited for, to the millisecond.
 *
 * @module
 */

import { type HookRun, type Model, startPhases, stopPhases } from "../model.ts";
import { type Invariant, invariant, nameOf } from "./invariant.ts";

export const limitInvariants: readonly Invariant[] = [
  invariant("a stop takes at most shutdownTimeout + abandonTimeout", function* (model) {
    const { stopping, stopped, cut } = model;
    if (stopping && stopped && stopped.at > cut) yield `${stopped.at - stopping.at} ms`;
  }),

  invariant(
    "a start takes at most startupTimeout + abandonTimeout, or so long after its cancel",
    function* (model) {
      const { starting, decided, plan: { options }, cancelledAt } = model;
      if (!starting || !decided) return;
      const bound = Math.min(starting.at + options.startupTimeout, cancelledAt) +
        options.abandonTimeout;
      if (decided.at > bound) yield `decided at ${decided.at}, bound ${bound}`;
    },
  ),

  invariant("calls settle when the host does", function* (model) {
    for (const { call, made, settled } of model.calls) {
      if (!settled || call.name === "stopApplication" || call.name === "abort") continue;
      const started = call.name === "start" && model.hasStarted ? model.decided : undefined;
      const due = Math.max(made.at, (started ?? model.stopped)?.at ?? Infinity);
      const refused = settled.rejection && settled.at === made.at && !model.starting;
      if (settled.at !== due && !refused) {
        yield `${call.name}#${call.number} settled at ${settled.at} instead of ${due}`;
      }
    }
  }),

  invariant("the grace of a stop is exactly as long as it must be", function* (model) {
    const end = model.stopped?.at ?? Infinity;
    for (const hook of model.isTied ? [] : model.hooks) {
      if (!stopPhases.includes(hook.phase)) continue;
      const over = model.graceOf(hook);
      const { aborted, at } = hook.enter;
      if (aborted === undefined) continue; // has no signal
      if (aborted && over > at) yield `${nameOf(hook)} had an aborted signal at ${at}, not ${over}`;
      if (!aborted && over < at) yield `${nameOf(hook)} had a fresh signal at ${at}, after ${over}`;
      const signal = model.all("signal").find((it) =>
        it.owner === hook.owner && it.phase === hook.phase
      );
      if (signal && signal.at !== over) {
        yield `${nameOf(hook)}'s signal aborted at ${signal.at} instead of ${over}`;
      }
      const pending = (hook.exit?.at ?? Infinity) > over && over < end;
      if (!signal && !aborted && pending) {
        yield `${nameOf(hook)}'s signal never aborted; due at ${over}`;
      }
    }
  }),

  invariant("a hook is given up exactly when it must be", function* (model) {
    for (const hook of model.isTied ? [] : model.hooks) {
      if (hook.phase === "execute") continue; // see the next one
      const { abandoned } = hook;
      const [end, limit] = [model.endOf(hook), model.limitOf(hook)];
      if (abandoned && end < limit) yield `${nameOf(hook)} was abandoned, it ended at ${end}`;
      if (abandoned && abandoned.at !== limit) {
        yield `${nameOf(hook)} was abandoned at ${abandoned.at} instead of ${limit}`;
      }
      // What is called after the host has stopped is reported, but no longer waited for.
      const inTime = hook.enter.index < (model.stopped?.index ?? Infinity);
      if (!abandoned && inTime && end > limit) {
        yield `${nameOf(hook)} was not abandoned at ${limit}`;
      }
    }
  }),

  invariant("work is given up exactly when it outlives its stop", function* (model) {
    for (const { owner, exit, abandoned } of model.hooks.filter((it) => it.phase === "execute")) {
      const stop = model.run(owner, "stop");
      const sequel = model.sequels.find((it) => it.owner === owner);
      const outlived = stop?.abandoned
        ? (exit?.index ?? Infinity) > (model.stopped?.index ?? 0)
        : sequel && model.endOf(sequel) > model.limitOf(sequel);
      // It may end in the very moment in which it is given up.
      const tie = exit && (sequel ? exit.at === model.limitOf(sequel) : exit.at === abandoned?.at);
      if (!tie && Boolean(outlived) !== Boolean(abandoned)) {
        yield `${owner}.execute was ${abandoned ? "" : "not "}abandoned`;
      }
    }
  }),

  invariant("a start hook is called as soon as those before have ended", function* (model) {
    const hooks = model.hooks.filter(({ phase }) => startPhases.includes(phase));
    for (const [index, hook] of hooks.entries()) {
      const before = hooks.slice(0, index).filter((it) => !model.together(it, hook));
      const due = Math.max(model.starting?.at ?? 0, ...before.map((it) => it.exit?.at ?? Infinity));
      if (hook.enter.at !== due) yield `${nameOf(hook)} at ${hook.enter.at} instead of ${due}`;
    }
  }),

  invariant("a stop hook is called as soon as the line goes on", function* (model) {
    const hooks = model.isTied ? [] : inLine(model);
    for (const [index, hook] of hooks.entries()) {
      const before = hooks.slice(0, index).filter((it) => !model.together(it, hook));
      const due = Math.max(model.drained?.at ?? 0, ...before.map((it) => model.releaseOf(it)));
      if (hook.enter.at !== due) yield `${nameOf(hook)} at ${hook.enter.at} instead of ${due}`;
    }
  }),

  invariant(
    "the host has stopped as soon as every hook has ended or was given up",
    function* (model) {
      const { drained, stopped } = model;
      if (!drained || !stopped || model.isTied) return;
      const hooks = model.hooks.filter(({ phase }) =>
        phase === "dispose" || stopPhases.includes(phase)
      );
      const ends = [...hooks, ...model.sequels]
        .filter(({ enter }) => enter.index < stopped.index)
        .map((hook) => Math.min(model.endOf(hook), model.limitOf(hook)));
      const due = Math.max(drained.at, ...ends);
      if (stopped.at !== due) yield `at ${stopped.at} instead of ${due}`;
    },
  ),

  invariant("a drain delay is exactly as long as it must be", function* (model) {
    const [draining] = model.events("hostDraining");
    const { drainDelay } = model.plan.options;
    const delayed = model.hasStarted && drainDelay > 0 && model.drained !== undefined;
    if (draining && !delayed && model.drained) yield "there was none to be";
    if (!delayed) return;
    // A grace that is over when the stop begins leaves nothing to wait for.
    const begun = model.stopping?.at ?? 0;
    const due = Math.max(begun, Math.min(begun + drainDelay, model.grace));
    if (model.drained.at !== due) yield `it ended at ${model.drained.at} instead of ${due}`;
  }),

  invariant("the rollback begins as soon as the start has come to rest", function* (model) {
    const [failed] = model.events("hostStartFailed");
    if (!failed || !model.stopping) return;
    const ends = model.hooks
      .filter(({ phase }) => startPhases.includes(phase))
      .map((hook) => Math.min(hook.exit?.at ?? Infinity, model.limitOf(hook)));
    const cancelled = model.cancels.length > 0 && ends.length === 0 ? model.cancelledAt : 0;
    const due = Math.max(model.starting?.at ?? 0, cancelled, ...ends);
    if (model.stopping.at !== due) yield `at ${model.stopping.at} instead of ${due}`;
  }),
];

/** Stop hooks in the order of their calls, without those out of turn. */
function inLine(model: Model): readonly HookRun[] {
  return model.hooks.filter(({ owner, phase }) =>
    stopPhases.includes(phase) && !model.isLate(owner)
  );
}
