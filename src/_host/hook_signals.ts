import { AbortError, isCleanStop, Latch } from "../_abort.ts";
import { startPhases } from "./call.ts";
import type { Member } from "./member.ts";

/** What hooks listen to: `cancel`, that the start is cancelled; `forced`, that the grace is over. */
export type HookSignalKind = "cancel" | "forced";

/** The signals the host gives its services. */
export interface HookSignals {
  /** Whether a signal has fired for everybody. */
  fired(kind: HookSignalKind): boolean;
  /** Fires one for everybody, the newest first. */
  fire(kind: HookSignalKind, reason: unknown): void;
  /** What a hook is called with. */
  of(member: Member, kind: HookSignalKind): AbortSignal;
  /**
   * The latch of one member alone: for a hook with a parameter, for whoever reads `context.forced`, or
   * for a grace that ends alone. The others share one.
   */
  own(member: Member, kind: HookSignalKind): Latch;
  /** Ends the grace of one. */
  endGraceOf(member: Member): void;
  /** Whether the grace of one is over. */
  graceOver(member: Member): boolean;
  /** Asks background work to finish, whether it has begun or not; the first reason wins. */
  abortWork(member: Member, reason?: unknown): void;
  /** Whether `error` is an answer to one of the host's own signals. */
  answered(member: Member, error: unknown): boolean;
}

const listeningHooks = {
  cancel: startPhases,
  forced: ["stopping", "stop", "stopped"],
} as const;

/** A hook that declares no parameter cannot listen, and is not worth a signal of its own. */
function listens({ service }: Member, kind: HookSignalKind): boolean {
  return service.stopTimeout !== undefined ||
    listeningHooks[kind].some((hook) => service[hook]?.length);
}

/** Signals of which none has fired. */
export function createHookSignals(
  lifetime: { readonly stopping: Latch; readonly closing: Latch },
  members: () => readonly Member[],
): HookSignals {
  const shared = { cancel: new Latch(), forced: new Latch() };

  const own = (member: Member, kind: HookSignalKind): Latch => {
    const latch = member[kind] ??= new Latch();
    if (shared[kind].aborted) latch.abort(shared[kind].reason);
    return latch;
  };

  return {
    own,

    fired: (kind) => shared[kind].aborted,

    fire(kind, reason) {
      shared[kind].abort(reason);
      for (const member of [...members()].reverse()) member[kind]?.abort(reason);
    },

    of: (member, kind) =>
      (member[kind] ??= listens(member, kind) ? own(member, kind) : shared[kind]).signal,

    endGraceOf(member) {
      own(member, "forced").abort(new AbortError(`The grace of "${member.name}" is over`));
    },

    graceOver: ({ forced = shared.forced }) => forced.aborted,

    abortWork({ workerLink }, reason = lifetime.stopping.reason) {
      if (workerLink) (workerLink.controller ??= new AbortController()).abort(reason);
    },

    answered: ({ forced = shared.forced, workerLink }, error) =>
      isCleanStop(error, lifetime, shared.cancel, forced, workerLink?.controller?.signal),
  };
}
