import { nothing } from "../_check.ts";
import type { Member } from "./member.ts";
import type { Failure } from "../_log.ts";
import { type Call, newCall, timedOut, type Turn, unsettled } from "./call.ts";
import { type Clear, startLimit, startTimer } from "../_time/timer.ts";
import { ForcedStopError } from "../errors.ts";
import type { Phase } from "../events.ts";
import type { Clock } from "../types.ts";

/** What calls ask of the host, and tell it. */
export interface LimitedCallsOptions {
  readonly clock: Clock;
  readonly abandonTimeout: number;
  /** Calls a hook; throws or returns what the hook does. */
  readonly invoke: (call: Call) => unknown;
  /** Whether its grace is over, or its start is cancelled. */
  readonly graceOver: (call: Call) => boolean;
  /** Ends the grace of one. */
  readonly endGraceOf: (member: Member) => void;
  readonly began: (call: Call) => void;
  /** It settled, in time or after it was abandoned. Answers what is to be called in the same turn. */
  readonly ended: (call: Call, now: number, failure?: Failure) => Phase | undefined;
  /** It outlived its limits. */
  readonly abandoned: (call: Call, error: unknown) => void;
}

/** See {@linkcode createLimitedCalls}. */
export interface LimitedCalls {
  /**
   * Calls `phase` of each member in its turn, one after the other, and resolves when the last turn
   * is over. Members of one list share their turn: all are called before any is waited for; with
   * `concurrently` everybody does. Asks before each call whether to halt: before a turn, or `inside`
   * one that has begun.
   */
  inOrder(
    phase: Phase,
    members: readonly Member[],
    concurrently?: boolean,
    halted?: (inside: boolean) => unknown,
  ): Promise<void>;
  /** The calls that have not ended. */
  pending(): Call[];
  /** Resolves when every call has ended or was abandoned. */
  allEnded(): Promise<void>;
  /** The grace is over: each pending call has `abandonTimeout` left, and its turn half of that. */
  limitPending(): void;
  /** The stop takes no longer: calls the rest at once, and abandons all of it a macrotask later. */
  expire(): void;
  /** Abandons what is pending now, unless it settles within a macrotask. */
  force(reason: unknown): void;
  /** Sets no timer from now on. */
  close(): void;
}

/**
 * Calls hooks in order and waits for each, but not for ever.
 *
 * Nothing limits a call until its grace is over. Then its turn lasts a little longer, and a little
 * later it is abandoned: a hung service costs no other its turn.
 */
export function createLimitedCalls(host: LimitedCallsOptions): LimitedCalls {
  const { clock, abandonTimeout } = host;
  const calls: Call[] = [];
  let order = 0;
  /** When the last turn ended or began: reading a clock takes longer than an empty hook. */
  let now = 0;
  let pastDeadline = false;
  let closed = false;
  let clearSweep: Clear | undefined;
  let clearForce: Clear | undefined;
  let whenAllEnded: (() => void) | undefined;

  const pending = (): Call[] => calls.filter((call) => call.open);

  const begin = (phase: Phase, member: Member, turn?: Turn): Call => {
    const call = newCall(phase, member, now, order++, turn);
    calls.push(call);
    host.began(call);
    return call;
  };

  const close = (call: Call): void => {
    call.open = false;
    call.clear?.();
    while (calls.length && !calls[calls.length - 1]?.open) calls.pop();
    if (!calls.length) whenAllEnded?.();
  };

  /** Ends the turn of a call: the next one is called, whether this one has ended or not. */
  const moveOn = ({ turn }: Call): void => {
    if (!turn || turn.over) return;
    turn.over = true;
    turn.end();
  };

  const abandon = (call: Call, error: unknown): void => {
    host.abandoned(call, error);
    close(call);
    moveOn(call);
  };

  const outlived = (call: Call): void => abandon(call, timedOut(call, now = clock.now()));

  const limit = (call: Call): void => {
    if (call.limited) return;
    call.limited = true;
    call.clear?.();
    // Nothing is called after a start hook that was cancelled, so nothing has to go on.
    const turn = call.starts ? abandonTimeout : abandonTimeout / 2;
    call.clear = startLimit(clock, turn, () => {
      if (call.starts) return outlived(call);
      call.clear = startLimit(clock, turn, () => outlived(call));
      now = clock.now();
      moveOn(call);
    });
  };

  const outliveGrace = (call: Call): void => {
    call.overdue ||= !call.limited && !call.starts;
    limit(call);
  };

  /** Sets what ends the wait for a call that is pending. */
  const arm = (call: Call): void => {
    const { stopTimeout = Infinity } = call.member.service;
    if (closed) return;
    if (pastDeadline) {
      moveOn(call);
    } else if (host.graceOver(call)) {
      limit(call);
    } else if (!call.starts && stopTimeout < Infinity) {
      call.clear = startLimit(clock, stopTimeout, () => {
        host.endGraceOf(call.member);
        outliveGrace(call);
      });
    }
  };

  /** Ends a call that has settled, or goes on with what follows it in the same turn. */
  const settle = (call: Call, failure?: Failure): Turn | undefined => {
    now = clock.now();
    const next = host.ended(call, now, failure);
    if (!call.open) return;
    const sequel = next && begin(next, call.member, call.turn);
    close(call);
    if (sequel) return invoke(sequel);
    moveOn(call);
  };

  /** Makes a call. Answers its turn, if that goes on; a hook that is done at once has none. */
  const invoke = (call: Call): Turn | undefined => {
    let failure: Failure | undefined;
    try {
      const result = host.invoke(call) as PromiseLike<unknown> | undefined;
      if (typeof result?.then === "function") {
        call.turn ??= { over: false, end: nothing };
        arm(call);
        Promise.resolve(result).then(() => settle(call), (error) => settle(call, { error }));
        return call.turn;
      }
    } catch (error) {
      failure = { error };
    }
    return settle(call, failure);
  };

  return {
    pending,

    inOrder: (phase, members, concurrently, halted = nothing) =>
      new Promise((resolve) => {
        let next = 0;
        let list: number | undefined;
        let waiting = 0;
        const turnEnded = (): void => {
          if (!--waiting) goOn();
        };
        /** Begins turns until it has to wait for the end of one. */
        const goOn = (): void => {
          for (let member; (member = members[next]); next++) {
            const inside = next > 0 && (concurrently || member.list === list);
            if (!inside && waiting) return;
            if (halted(inside)) break;
            list = member.list;
            const turn = invoke(begin(phase, member));
            if (!turn || turn.over) continue;
            waiting++;
            turn.end = turnEnded;
          }
          if (!waiting) resolve();
        };
        now = clock.now();
        goOn();
      }),

    async allEnded() {
      if (calls.length) await new Promise<void>((resolve) => (whenAllEnded = resolve));
    },

    limitPending() {
      pending().forEach(outliveGrace);
    },

    expire() {
      pastDeadline = true;
      now = clock.now();
      // Nothing but microtasks lies between the calls that are still to be made.
      clearSweep = startTimer(clock, 0, () => pending().forEach(outlived));
      pending().forEach(moveOn);
    },

    force(reason) {
      const next = order; // what is called from now on gets its turn
      clearForce?.();
      clearForce = startTimer(clock, 0, () => {
        const hung = pending().filter((call) => call.order < next);
        const error = new ForcedStopError(hung.map((call) => unsettled(call, now = clock.now())), {
          cause: reason,
        });
        for (const call of hung) abandon(call, error);
      });
    },

    close() {
      closed = true;
      clearSweep?.();
      clearForce?.();
    },
  };
}
