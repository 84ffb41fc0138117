import type { Failure } from "./_journal.ts";
import type { Member } from "./_member.ts";
import { type Clear, startLimit, startTimer } from "./_timer.ts";
import { ForcedStopError, ServiceTimeoutError, type UnsettledHook } from "./errors.ts";
import type { Phase } from "./events.ts";
import type { Clock } from "./types.ts";

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
  /** The line that waits for it. */
  line?: Line | undefined;
  /** Clears the timer for what is next: the end of its grace, of its turn, of its life. */
  clear?: Clear;
  /** Whether its last limits run. */
  limited?: boolean;
  /** Whether it was pending when its grace ended. */
  overdue?: boolean;
  /** The error that says it did not settle in time. */
  timeout?: ServiceTimeoutError;
}

/** Members in the order of their turns. */
interface Line {
  readonly phase: Phase;
  readonly members: readonly Member[];
  readonly halted: () => boolean;
  readonly arrive: () => void;
  next: number;
}

/** What calls ask of the host, and tell it. */
export interface CallsOptions {
  readonly clock: Clock;
  readonly abandonTimeout: number;
  /** Calls a hook; throws or returns what the hook does. */
  readonly invoke: (call: Call) => unknown;
  /** Whether its grace is over. */
  readonly hurried: (call: Call) => boolean;
  /** Ends the grace of one. */
  readonly endGrace: (member: Member) => void;
  /** Whether anything still runs that is to end before the next is stopped. */
  readonly unsettled: (member: Member) => boolean;
  readonly began: (call: Call) => void;
  /** It settled, in time or after it was abandoned. */
  readonly ended: (call: Call, now: number, failure?: Failure) => void;
  /** It outlived its limits. */
  readonly abandoned: (call: Call, error: unknown) => void;
}

/** See {@linkcode createCalls}. */
export interface Calls {
  /**
   * Calls `phase` of each member, one after the other or all before waiting for any, and resolves
   * when the line may go on. `halted` is asked before each call.
   */
  inOrder(
    phase: Phase,
    members: readonly Member[],
    concurrently?: boolean,
    halted?: () => boolean,
  ): Promise<void>;
  /** What has not ended. */
  open(): Call[];
  /** Resolves when everything has ended. */
  drained(): Promise<void>;
  /** The grace is over: what is pending gets its last limits. */
  hurry(): void;
  /** Waits for nobody any more: calls the rest at once, and abandons all a macrotask later. */
  cut(): void;
  /** Abandons what is pending now, unless it settles within a macrotask. */
  force(reason: unknown): void;
  /** Sets no timer from now on. */
  close(): void;
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
  line: Line | undefined = undefined,
): Call {
  return { phase, member, begun, order, starts: isStartPhase(phase), open: true, line };
}

/** The error for a call that has not settled in time; always the same one. */
export function timedOut(call: Call, now: number): ServiceTimeoutError {
  return call.timeout ??= new ServiceTimeoutError(unsettled(call, now));
}

function unsettled({ member, phase, begun }: Call, now: number): UnsettledHook {
  return { service: member.name, phase, elapsed: Math.round(now - begun) };
}

/**
 * Calls hooks in order and waits for each, but not for ever.
 *
 * Nothing limits a call until its grace is over. Then the line waits for it a little longer and
 * goes on without it, and a little later it is abandoned: a hung service costs no other its turn.
 */
export function createCalls(host: CallsOptions): Calls {
  const { clock, abandonTimeout } = host;
  const calls: Call[] = [];
  let order = 0;
  let isCut = false;
  let closed = false;
  let clearSweep: Clear | undefined;
  let clearForce: Clear | undefined;
  let whenDrained: (() => void) | undefined;

  const open = (): Call[] => calls.filter((call) => call.open);

  const begin = (phase: Phase, member: Member, begun: number, line: Line | undefined): Call => {
    const call = newCall(phase, member, begun, order++, line);
    calls.push(call);
    host.began(call);
    return call;
  };

  const close = (call: Call): void => {
    call.open = false;
    call.clear?.();
    while (calls.length && !calls[calls.length - 1]?.open) calls.pop();
    if (!calls.length) whenDrained?.();
  };

  const release = (call: Call): void => {
    const { line } = call;
    call.line = undefined;
    if (line) Promise.resolve(line).then(walk);
  };

  const abandon = (call: Call, error: unknown): void => {
    host.abandoned(call, error);
    close(call);
    release(call);
  };

  const outlived = (call: Call): void => abandon(call, timedOut(call, clock.now()));

  const limit = (call: Call): void => {
    if (call.limited || closed) return;
    call.limited = true;
    call.clear?.();
    // Nothing is called after a start hook that was cancelled, so nothing has to go on.
    const turn = call.starts ? abandonTimeout : abandonTimeout / 2;
    call.clear = startLimit(clock, turn, () => {
      if (turn === abandonTimeout) return outlived(call);
      call.clear = startLimit(clock, turn, () => outlived(call));
      release(call);
    });
  };

  const outliveGrace = (call: Call): void => {
    call.overdue ||= !call.limited && !call.starts;
    limit(call);
  };

  /** Gives what is open, and what will be until then, one macrotask. */
  const sweep = (): void => {
    clearSweep ??= startTimer(clock, 0, () => {
      clearSweep = undefined;
      open().forEach(outlived);
    });
  };

  /** Sets what ends the wait for a call that is pending. */
  const arm = (call: Call): void => {
    const { stopTimeout = Infinity } = call.member.service;
    if (closed) return;
    if (isCut) {
      sweep();
      release(call);
    } else if (host.hurried(call)) {
      limit(call);
    } else if (!call.starts && stopTimeout < Infinity) {
      call.clear = startLimit(clock, stopTimeout, () => {
        host.endGrace(call.member);
        outliveGrace(call);
      });
    }
  };

  /** One walks the line until a call of theirs is released: then another does. */
  const walk = async (line: Line): Promise<void> => {
    let now = clock.now(); // the end of one is the begin of the next: clocks are slow
    while (line.next < line.members.length && !line.halted()) {
      const member = line.members[line.next++] as Member;
      let call: Call | undefined = begin(line.phase, member, now, line);
      let mine: Line | undefined;
      while (call) {
        let failure: Failure | undefined;
        try {
          const result = host.invoke(call) as PromiseLike<unknown> | undefined;
          if (typeof result?.then === "function") {
            arm(call);
            await result;
          }
        } catch (error) {
          failure = { error };
        }
        now = clock.now();
        host.ended(call, now, failure);
        // The work of a service goes on after a `stop` that did not see to it.
        const sequel: Call | undefined =
          call.open && call.phase === "stop" && host.unsettled(member)
            ? begin("execute", member, now, call.line)
            : undefined;
        if (call.open) close(call);
        mine = call.line;
        call = sequel;
      }
      if (!mine) return;
    }
    line.arrive();
  };

  return {
    open,

    inOrder: (phase, members, concurrently, halted = () => false) =>
      new Promise((resolve) => {
        const lines = concurrently ? members.map((member) => [member]) : [members];
        let waiting = lines.length;
        if (!waiting) resolve();
        const arrive = (): void => {
          if (!--waiting) resolve();
        };
        for (const line of lines) walk({ phase, members: line, halted, arrive, next: 0 });
      }),

    drained: () =>
      new Promise((resolve) => {
        if (calls.length) whenDrained = resolve;
        else resolve();
      }),

    hurry() {
      open().forEach(outliveGrace);
    },

    cut() {
      isCut = true;
      sweep();
      open().forEach(release);
    },

    force(reason) {
      const next = order; // what is called from now on gets its turn
      clearForce?.();
      clearForce = startTimer(clock, 0, () => {
        const hung = open().filter((call) => call.order < next);
        const error = new ForcedStopError(hung.map((call) => unsettled(call, clock.now())), {
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
