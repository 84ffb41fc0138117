/**
 * What happened in one run, as the services, the callers and an observer saw it.
 *
 * @module
 */

import type { HostEvent, HostState } from "../../mod.ts";
import type { CommandPlan, HookPhase, Plan } from "./plan.ts";

/** The hooks of services and of the host lifetime. */
export type AnyPhase = HookPhase | "waitForStart";

/** One thing that happened. */
export type Happening =
  /** A hook was called; whether its signal had aborted, if it has one. */
  | {
    readonly type: "enter";
    readonly owner: string;
    readonly phase: AnyPhase;
    readonly aborted: boolean | undefined;
  }
  /** It settled. */
  | {
    readonly type: "exit";
    readonly owner: string;
    readonly phase: AnyPhase;
    readonly failure?: Failure;
  }
  /** The signal of a pending hook, or of background work, aborted. */
  | {
    readonly type: "signal";
    readonly owner: string;
    readonly phase: AnyPhase;
    readonly reason: unknown;
  }
  /** A signal of the application's lifetime aborted. */
  | {
    readonly type: "lifetime";
    readonly name: "started" | "stopping" | "closing" | "stopped";
    readonly reason: unknown;
  }
  /** A call on the host, by the plan or by a hook. */
  | { readonly type: "call"; readonly call: Call }
  /** It settled. */
  | { readonly type: "settled"; readonly call: Call; readonly rejection?: { error: unknown } }
  /** The signal it was made with aborted. */
  | { readonly type: "aborted"; readonly call: Call; readonly reason: unknown }
  /** A service called `context.fail`. */
  | { readonly type: "fail"; readonly owner: string; readonly failure: Failure }
  /** A factory was called, and threw or did not. */
  | { readonly type: "made"; readonly owner: string; readonly failure?: Failure }
  /** Something that must never be, whatever else happens. */
  | { readonly type: "odd"; readonly what: string }
  /** What the host tells of itself. */
  | { readonly type: "event"; readonly event: HostEvent };

/** What a service failed with. */
export interface Failure {
  readonly error: unknown;
  /** Whether it is the answer to a signal of the host, as "Signals" in docs/design.md defines that. */
  readonly clean: boolean;
}

/** A call on the host. */
export interface Call {
  readonly number: number;
  readonly name: CommandPlan["do"];
  /** What `stopApplication` or `abort` was given. */
  readonly reason?: unknown;
}

/** When it happened, and in which state the host was. */
export type Entry = Happening & {
  readonly index: number;
  readonly at: number;
  readonly state: HostState;
};

/** An entry of one type. */
export type EntryOf<T extends Happening["type"]> = Extract<Entry, { type: T }>;

/** All of a run. */
export interface History {
  readonly plan: Plan;
  readonly entries: readonly Entry[];
  /** What nobody handled. */
  readonly unhandled: readonly unknown[];
  /** Timers the host held when it had stopped and all was quiet. */
  readonly timersOnceStopped: number | undefined;
  /** What was left when nothing more could happen. */
  readonly left: {
    readonly state: HostState;
    readonly timers: number;
    readonly listeners: number;
    readonly unsettled: readonly Call[];
  };
}
