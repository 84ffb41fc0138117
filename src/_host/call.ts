import type { Clear } from "../_time/timer.ts";
import { ServiceTimeoutError, type UnsettledHook } from "../errors.ts";
import type { Phase } from "../events.ts";
import type { Member } from "./member.ts";

/** One call of one hook, from its begin to its one end. */
export interface Call {
  readonly phase: Phase;
  readonly member: Member;
  /** When it was made, and which one it was. */
  readonly begun: number;
  readonly order: number;
  /** Whether its hook is one of the start, and answers to its cancellation. */
  readonly starts: boolean;
  /** Whether it has not ended. */
  open: boolean;
  /** The turn it is made in, shared with what follows it; made when a hook takes time. */
  turn: Turn | undefined;
  /**
   * Clears its one timer: `stopTimeout`, then half of `abandonTimeout` (its turn is over), then the
   * other half (it is abandoned). A call of the start has only one, of `abandonTimeout`.
   */
  clear?: Clear;
  /** Whether its last limits run. */
  limited?: boolean;
  /** Whether it was pending when its grace ended. */
  overdue?: boolean;
  /** The error that says it did not settle in time. */
  timeout?: ServiceTimeoutError;
}

/** The time in which the others wait for the calls of one member. */
export interface Turn {
  over: boolean;
  /** Called when it is over; nobody may wait for it yet. */
  end: () => void;
}

/** The hooks of a start. */
export const startPhases = ["waitForStart", "starting", "start", "started"] as const;

/** Whether a hook is one of the start, so that it answers to its cancellation. */
export function isStartPhase(phase: Phase): boolean {
  return (startPhases as readonly Phase[]).includes(phase);
}

/** A call that is about to be made. */
export function newCall(
  phase: Phase,
  member: Member,
  begun: number,
  order = 0,
  turn?: Turn,
): Call {
  return { phase, member, begun, order, starts: isStartPhase(phase), open: true, turn };
}

/** The error for a call that has not settled in time; always the same one. */
export function timedOut(call: Call, now: number): ServiceTimeoutError {
  return call.timeout ??= new ServiceTimeoutError(unsettled(call, now));
}

/** A call that has not settled, as errors and messages show it. */
export function unsettled({ member, phase, begun }: Call, now: number): UnsettledHook {
  return { service: member.name, phase, elapsed: Math.round(now - begun) };
}
