/**
 * All that must hold in every run: the promises of docs/design.md, and its "Limits".
 *
 * @module
 */

import type { History } from "../history.ts";
import { Model } from "../model.ts";
import { eventInvariants } from "./events.ts";
import { hostInvariants } from "./host.ts";
import type { Invariant } from "./invariant.ts";
import { leftoverInvariants } from "./leftovers.ts";
import { limitInvariants } from "./limits.ts";
import { outcomeInvariants } from "./outcomes.ts";
import { serviceInvariants } from "./service.ts";

/** Every invariant, in the order in which they are checked. */
export const invariants: readonly Invariant[] = [
  ...serviceInvariants,
  ...hostInvariants,
  ...outcomeInvariants,
  ...limitInvariants,
  ...eventInvariants,
  ...leftoverInvariants,
];

/** What is wrong with a run: the name of each invariant that is broken, and how. */
export function breaches(history: History): readonly { name: string; what: string }[] {
  const model = new Model(history);
  return invariants.flatMap(({ name, check }) =>
    Array.from(check(model), (what) => ({ name, what }))
  );
}
