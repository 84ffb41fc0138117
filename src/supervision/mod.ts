/**
 * Services that outlive their failures, and services of which one process at a time has one.
 *
 * ```ts
 * import { backgroundService, createHost } from "@runhost/host";
 * import { supervised } from "@runhost/host/supervision";
 *
 * const feed = supervised("feed", {
 *   make: () => backgroundService("feed", async () => console.log("Reading")),
 * });
 *
 * await createHost([feed], { stopWhenIdle: true }).run();
 * ```
 *
 * @module
 */

export {
  type Leader,
  leader,
  type LeaderDetails,
  type LeaderOptions,
  type Leadership,
} from "./leader.ts";
export {
  type RestartOptions,
  type Supervised,
  supervised,
  type SupervisedDetails,
  type SupervisedOptions,
} from "./supervised.ts";
export type { BackoffOptions } from "../_time/backoff.ts";
export type { IncarnationOptions } from "./_keeper.ts";
export type { Lease, Term } from "./lease.ts";
