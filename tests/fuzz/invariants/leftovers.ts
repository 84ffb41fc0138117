/**
 * "After `run()` settled: no timer, listener or handle is left."
 *
 * @module
 */

import { type Invariant, invariant } from "./invariant.ts";

export const leftoverInvariants: readonly Invariant[] = [
  invariant("the host stops in the end", function* ({ history: { left } }) {
    if (left.state !== "stopped") yield `it is ${left.state}`;
  }),

  invariant("every call settles", function* ({ history: { left } }) {
    for (const { name, number } of left.unsettled) yield `${name}#${number} never did`;
  }),

  invariant("no timer is left once the host has stopped", function* ({ history }) {
    if (history.timersOnceStopped) yield `${history.timersOnceStopped} timers`;
    if (history.left.timers > 0) yield `${history.left.timers} timers in the end`;
  }),

  invariant("no listener is left on a caller's signal", function* ({ history: { left } }) {
    if (left.listeners > 0) yield `${left.listeners} listeners`;
  }),
];
