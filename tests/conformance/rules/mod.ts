/**
 * Where we differ from .NET on purpose: each rule as a check of everything it says.
 *
 * @module
 */

import type { LifecycleGolden } from "../fixture.ts";
import { awaitedWorker } from "./awaited_worker.ts";
import { cancelledStart } from "./cancelled_start.ts";
import { disposeStops } from "./dispose_stops.ts";
import { failedStart } from "./failed_start.ts";
import { oneRun, oneStop } from "./repeated_calls.ts";
import type { Story, Violations } from "./story.ts";

/** Checks a recording of ours, given what .NET did. */
export type Rule = (story: Story, golden: LifecycleGolden) => Violations;

/** The rules, by the names the recordings use. */
export const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["a failed start rolls back", failedStart],
  ["start is cancelled", cancelledStart],
  ["stop is one promise", oneStop],
  ["a host runs once", oneRun],
  ["dispose stops", disposeStops],
  ["a worker that outlives the shutdown timeout is awaited", awaitedWorker],
]);
