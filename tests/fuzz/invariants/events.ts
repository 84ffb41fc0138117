/**
 * The event stream: it tells the truth, all of it, once.
 *
 * @module
 */

import type { HostEvent, Phase } from "../../../mod.ts";
import { hostLifetime } from "../model.ts";
import { type Invariant, invariant, nameOf } from "./invariant.ts";

const ends: readonly HostEvent["type"][] = ["serviceDone", "serviceFailed", "serviceAbandoned"];

export const eventInvariants: readonly Invariant[] = [
  invariant("events are numbered without gaps, in time", function* (model) {
    for (const [index, { at, event }] of model.all("event").entries()) {
      if (event.seq !== index + 1) yield `${event.type} is number ${event.seq}, not ${index + 1}`;
      if (event.time !== at) yield `${event.type} was told at ${at}, not ${event.time}`;
    }
  }),

  invariant("each begin of a hook has exactly one end", function* (model) {
    const open = new Map<string, number>();
    for (const { event, at } of model.all("event")) {
      if (!("phase" in event)) continue;
      const hook = `${event.service}.${event.phase}`;
      if (event.type === "serviceBegan") {
        if (open.has(hook)) yield `${hook} began twice`;
        open.set(hook, at);
      } else if (ends.includes(event.type)) {
        const begun = open.get(hook);
        if (begun === undefined) yield `${event.type} for ${hook}, which had not begun`;
        else if (event.duration !== at - begun) {
          yield `${hook} lasted ${at - begun} ms, not ${event.duration}`;
        }
        open.delete(hook);
      }
    }
    if (!model.stopped) return;
    // A start that fulfils later still is stopped by a hook nobody waits for.
    for (const hook of open.keys()) {
      const stop = model.run(hook.slice(0, hook.lastIndexOf(".")), "stop");
      const after = stop && stop.enter.index > model.stopped.index && hook.endsWith(".stop");
      if (!after) yield `${hook} never ended`;
    }
  }),

  invariant("every hook that ran was told, and no other", function* (model) {
    const told = new Set(model.events("serviceBegan").map(({ event }) => key(event)));
    const ran = new Set(model.hooks.map(nameOf));
    for (const hook of ran) if (!told.has(hook)) yield `${hook} ran, nobody was told`;
    for (const hook of told) {
      // Some run unseen: what a background service does for its disposal, a host lifetime that is
      // not there, work that was cancelled before it began.
      const [owner = "", phase] = hook.split(".");
      const unseen = phase === "execute" || owner === hostLifetime ||
        (phase === "dispose" && model.service(owner)?.kind === "background");
      if (!ran.has(hook) && !unseen) yield `${hook} was told, and never ran`;
    }
  }),

  invariant("the host's own events come once, and in order", function* (model) {
    const types = model.all("event").map(({ event }) => event.type)
      .filter((type) => type.startsWith("host"));
    const sequence = types.join();
    const legal =
      /^(hostStarting,(hostStarted|hostStartFailed)(,|$))?((hostDraining,)?hostStopping(,hostStopped)?)?$/;
    if (!legal.test(sequence)) yield sequence;
  }),

  invariant("what is late was abandoned before", function* (model) {
    for (const { event, index } of model.events("serviceLate")) {
      if (event.phase === undefined) continue;
      const before = model.events("serviceAbandoned").some((it) =>
        it.index < index && key(it.event) === key(event)
      );
      if (!before) yield `${key(event)} was late, and had not been abandoned`;
    }
  }),
];

function key({ service, phase }: { readonly service: string; readonly phase: Phase }): string {
  return `${service}.${phase}`;
}
