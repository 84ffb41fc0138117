import type { Latch } from "../_abort.ts";
import type { WorkerLink } from "./worker_link.ts";
import type { HostedLifecycleService, ServiceContext, ServiceState } from "../types.ts";

/** All a host may find on a service, or on its host lifetime. */
export interface Service extends Partial<HostedLifecycleService> {
  waitForStart?(signal: AbortSignal, context: unknown): unknown;
  readonly executeTask?: Promise<unknown> | undefined;
  "~worker"?: WorkerLink | undefined;
  [Symbol.asyncDispose]?(): unknown;
  [Symbol.dispose]?(): unknown;
}

/** One service in the hands of a host. */
export interface Member {
  readonly service: Service;
  readonly name: string;
  /** Which element of the host's list it belongs to: a list in it shares its turns. */
  readonly list: number;
  readonly context: ServiceContext;
  /** Whether the host made it, and so disposes it. */
  readonly owned: boolean;
  state: ServiceState;
  since: number;
  error: unknown;
  /** Whether its `start` has fulfilled, in time. */
  startFulfilled: boolean;
  /** Whether its `stop` was given up. */
  stopAbandoned: boolean;
  /** `executeTask` as an earlier start left it, to tell it from the work of this one. */
  earlierTask: Promise<unknown> | undefined;
  /** Whether the host may say that it is ready, as far as this service is concerned. */
  ready: boolean;
  /** When it last said that it is alive. */
  beat: number;
  workerLink: WorkerLink | undefined;
  /** What its hooks of the start, and of the stop, listen to. */
  cancel: Latch | undefined;
  forced: Latch | undefined;
}

/** Notes where a member is now; what was abandoned stays so, whatever else of it ends well. */
export function enter(member: Member, state: ServiceState, now: number): void {
  if (member.state === "abandoned") return;
  member.state = state;
  member.since = now;
}

/** What disposes a member that the host made. */
export function disposer({ owned, service }: Member): (() => unknown) | undefined {
  return owned ? service[Symbol.asyncDispose] ?? service[Symbol.dispose] : undefined;
}
