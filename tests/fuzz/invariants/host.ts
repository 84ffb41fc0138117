/**
 * "Host": its states, its calls, its lifetime, and what it disposes.
 *
 * @module
 */

import type { HostState } from "../../../mod.ts";
import { type Cause, explains, hostLifetime, startPhases, stopPhases } from "../model.ts";
import { type Invariant, invariant, nameOf } from "./invariant.ts";

const states: readonly HostState[] = ["created", "starting", "started", "stopping", "stopped"];

export const hostInvariants: readonly Invariant[] = [
  invariant("states only move forward", function* ({ entries }) {
    for (const [index, { state }] of entries.entries()) {
      const before = entries[index - 1]?.state ?? "created";
      if (states.indexOf(state) < states.indexOf(before)) yield `${before} became ${state}`;
    }
  }),

  invariant("what happens to the host happens at most once", function* (model) {
    for (
      const type of [
        "hostStarting",
        "stopRequested",
        "hostStopping",
        "graceEnded",
        "hostStopped",
      ] as const
    ) {
      if (model.events(type).length > 1) {
        yield `${type} was told ${model.events(type).length} times`;
      }
    }
  }),

  invariant("no start hook is called once the start is cancelled", function* (model) {
    const { starting } = model;
    for (const { kind, at, index } of model.causes) {
      if (model.hasStarted || !starting) continue;
      // A crash is noticed some microtasks later, and has then fired stopping; a timeout may come
      // first or last among what happens at its time.
      const stopping = model.lifetime("stopping");
      const noticed = kind === "crash" && stopping?.at === at ? stopping.index : Infinity;
      const from = kind === "crash" || kind === "timeout" ? noticed : index;
      for (const hook of model.hooks) {
        const isStart = startPhases.includes(hook.phase) || hook.phase === "execute";
        if (isStart && (hook.enter.index > from || hook.enter.at > Math.max(at, starting.at))) {
          yield `${nameOf(hook)} was called after a ${kind}`;
        }
      }
    }
  }),

  invariant("no start hook is called once a start hook has failed", function* (model) {
    for (const failed of model.hooks) {
      const { owner, phase, exit } = failed;
      if (!startPhases.includes(phase) || !exit?.failure) continue;
      for (const hook of model.hooks) {
        const goesOn = model.together(failed, hook);
        if (startPhases.includes(hook.phase) && !goesOn && hook.enter.index > exit.index) {
          yield `${nameOf(hook)} was called after ${owner}.${phase} had failed`;
        }
      }
    }
  }),

  invariant("a start that nothing disturbs succeeds", function* (model) {
    if (!model.starting || model.hasStarted || model.cancels.length > 0) return;
    const failed = model.hooks.some(({ phase, exit }) =>
      startPhases.includes(phase) && exit?.failure
    ) ||
      model.all("made").some(({ failure }) => failure);
    if (!failed && model.decided) yield "it failed";
  }),

  invariant("the stop begins as soon as somebody waits for it", function* (model) {
    if (!model.stopping || model.events("hostStartFailed").length > 0) return;
    const asked = model.lifetime("stopping")?.at ?? Infinity;
    const begins = model.calls.map(({ call: { name }, made }) => {
      const at = Math.max(made.at, model.decided?.at ?? 0);
      if (name === "stop" || name === "dispose") return at;
      const waits = name === "run" || name === "waitForShutdown";
      return waits ? Math.max(at, asked) : Infinity;
    });
    const expected = Math.min(...begins);
    if (model.stopping.at !== expected) yield `at ${model.stopping.at} instead of ${expected}`;
  }),

  invariant("the first stop reason wins", function* (model) {
    const fired = model.lifetime("stopping");
    if (!fired) return;
    // What callers do happens in the order in which it was noted; of the rest it is known when.
    const causes = first(model.causes);
    const exact = causes.filter(({ kind }) => /^(request|stop|signal)$/.test(kind));
    const rivals = causes.filter((cause) => !exact.includes(cause) || cause === exact[0]);
    if (!rivals.some((cause) => explains(cause, fired.reason))) {
      const kinds = rivals.map(({ kind, reason }) => `${kind} ${String(reason ?? "")}`);
      yield `${String(fired.reason)} is the reason, not [${kinds.join(", ")}]`;
    }
  }),

  invariant("it stops when it is idle", function* (model) {
    const idle = model.causes.find(({ kind }) => kind === "idle");
    const begun = Math.min(
      model.stopping?.at ?? Infinity,
      model.lifetime("stopping")?.at ?? Infinity,
    );
    if (idle && begun > idle.at) {
      yield `not asked to stop at ${idle.at}`;
    }
  }),

  invariant("the lifetime's signals fire once, in order", function* (model) {
    const fired = model.all("lifetime");
    const names = fired.map(({ name }) => name).join();
    const started = model.hasStarted ? "started," : "";
    const asked = `${started}stopping,closing,stopped`;
    const direct = `${started}closing,stopping,stopped`;
    if (model.stopped && names !== asked && names !== direct) yield `they fired as ${names}`;
    const [closing, firedStopping] = [model.lifetime("closing"), model.lifetime("stopping")];
    if (closing && firedStopping && closing.reason !== firedStopping.reason) {
      yield "closing and stopping fired for different reasons";
    }
    if (closing && closing.index < (model.events("hostStopping")[0]?.index ?? Infinity)) {
      yield "closing fired before the stop began";
    }
    for (const { name, reason } of fired) {
      if (!(reason instanceof Error)) yield `${name} fired with ${String(reason)}`;
    }
    const stopping = model.lifetime("stopping")?.index ?? Infinity;
    const stopped = model.lifetime("stopped")?.index ?? Infinity;
    for (const hook of model.hooks.filter(({ owner }) => owner !== hostLifetime)) {
      if (model.isLate(hook.owner)) continue; // stopped whenever its start fulfils
      if (hook.phase === "stopping" && hook.enter.index < (closing?.index ?? Infinity)) {
        yield `${nameOf(hook)} was called before closing fired`;
      }
      if (hook.phase === "stop" && hook.enter.index < stopping) {
        yield `${nameOf(hook)} was called before stopping fired`;
      }
      if (stopPhases.includes(hook.phase) && hook.enter.index > stopped) {
        yield `${nameOf(hook)} was called after stopped had fired`;
      }
    }
  }),

  invariant("the host lifetime is stopped once, whenever it was waited for", function* (model) {
    if (!model.plan.lifetime || !model.stopped) return;
    const waited = model.runs(hostLifetime, "waitForStart").length;
    const [stop] = model.runs(hostLifetime, "stop");
    const expected = waited > 0 || !model.starting;
    if (Boolean(stop) !== expected) yield stop ? "stopped for nothing" : "not stopped";
    if (stop && stop.enter.index < (model.lifetime("stopped")?.index ?? Infinity)) {
      yield "stopped before lifetime.stopped fired";
    }
    if (stop && stop.enter.index > model.stopped.index) yield "stopped after the host";
  }),

  invariant("factories run once, in order, after the host lifetime is ready", function* (model) {
    const made = model.all("made");
    const expected = model.plan.services.filter((service) => service.made !== "by the caller");
    for (const [index, { owner, index: at }] of made.entries()) {
      if (expected[index]?.name !== owner) yield `${owner} was made in place ${index}`;
      const wait = model.run(hostLifetime, "waitForStart");
      if (wait && !(wait.exit && wait.exit.index < at)) yield `${owner} was made before`;
      const early = model.hooks.find(({ owner, enter }) =>
        owner !== hostLifetime && enter.index < at
      );
      if (early) yield `${owner} was made after ${nameOf(early)}`;
    }
  }),

  invariant("what a factory made is disposed once, last, in reverse", function* (model) {
    const owned = model.all("made").filter(({ failure }) => !failure)
      .map(({ owner }) => owner)
      .filter((owner) => model.service(owner)?.hooks.dispose);
    const disposed = model.hooks.filter(({ phase }) => phase === "dispose");
    const names = disposed.map(({ owner }) => owner);
    if (model.stopped && [...names].sort().join() !== [...owned].sort().join()) {
      yield `disposed [${names.join()}], made [${owned.join()}]`;
    }
    const last = model.run(hostLifetime, "stop") ?? model.lifetime("stopped");
    const after = last && "enter" in last ? last.enter.index : last?.index ?? 0;
    for (const { owner, enter } of disposed) {
      if (enter.index < after) yield `${owner} was disposed before the stop was over`;
      if (model.stopped && enter.index > model.stopped.index) {
        yield `${owner} was disposed too late`;
      }
    }
    // One that is still busy then, as far as the host has noticed, has to wait for its end.
    const first = disposed[0]?.enter;
    const busy = (owner: string): boolean =>
      model.all("event").some(({ event, index, at }) => {
        if (!("phase" in event) || !first || event.service !== owner) return false;
        const { type, phase } = event;
        if (type === "serviceAbandoned" && at === first.at) return true;
        return phase !== "dispose" && type !== "serviceBegan" && index > first.index;
      });
    const calm = names.filter((owner) => !busy(owner));
    const places = calm.map((owner) => model.place(owner));
    if (places.some((place, index) => place > (places[index - 1] ?? Infinity))) {
      yield `not in reverse: ${names.join()}`;
    }
  }),

  invariant("calls settle after everything has settled or was reported", function* (model) {
    for (const { call, settled } of model.calls) {
      const passes = call.name === "stopApplication" || call.name === "abort";
      const fine = call.name === "start" && model.hasStarted;
      if (!settled || passes || fine || isRefusal(settled.rejection?.error)) continue;
      if (model.stopped === undefined || settled.index < model.stopped.index) {
        yield `${call.name}#${call.number} settled before the host had stopped`;
      }
      for (const hook of model.hooks) {
        if (hook.enter.index > Math.min(settled.index, model.stopped?.index ?? 0)) continue;
        const ended = Math.min(hook.exit?.index ?? Infinity, hook.abandoned?.index ?? Infinity);
        if (ended > settled.index) {
          yield `${call.name}#${call.number} settled while ${nameOf(hook)} was running, unreported`;
        }
      }
    }
  }),
];

/** The first of some causes: all of them, if they happened at the same time. */
function first(causes: readonly Cause[]): readonly Cause[] {
  const at = Math.min(...causes.map((cause) => cause.at));
  return causes.filter((cause) => cause.at === at);
}

/** Whether a call was refused for the state of the host. */
export function isRefusal(error: unknown): boolean {
  return (error as { readonly code?: unknown } | undefined)?.code === "ERR_HOST_STATE";
}
