import type { Failure } from "../_log.ts";
import type { Call } from "./call.ts";
import { createLimitedCalls, type LimitedCalls } from "./limited_calls.ts";
import type { Failures } from "./failures.ts";
import type { Journal } from "./events_and_log.ts";
import { disposer, enter, type Member } from "./member.ts";
import type { Settings } from "./settings.ts";
import type { HookSignals } from "./hook_signals.ts";
import type { Work } from "./work.ts";
import { linkVersion } from "./worker_link.ts";
import type { Phase } from "../events.ts";

/** The phases that are hooks of a service. */
type HookPhase = Exclude<Phase, "execute" | "waitUntil" | "dispose">;

/** What calling hooks takes. */
export interface HookCallsOptions {
  /** The member that has the work of `host.waitUntil()`: a service whose work has ended waits for that, too. */
  readonly self: Member;
  readonly settings: Settings;
  readonly journal: Journal;
  readonly signals: HookSignals;
  readonly failures: Failures;
  readonly work: Work;
}

/** Makes {@linkcode LimitedCalls} of hooks: what they are called with, and what their end means. */
export function createHookCalls(options: HookCallsOptions): LimitedCalls {
  const { self, settings, journal, signals, failures, work } = options;
  const calls = createLimitedCalls({
    ...settings,
    invoke,
    began,
    ended,
    abandoned,
    endGraceOf: signals.endGraceOf,
    graceOver: ({ starts, member }) => starts ? signals.fired("cancel") : signals.graceOver(member),
  });
  return calls;

  function invoke({ phase, member, starts }: Call): unknown {
    const { service, context } = member;
    if (phase === "execute") {
      signals.abortWork(member);
      return work.settled(member).then(() => work.settled(self));
    }
    if (phase === "dispose") return disposer(member)?.call(service);
    if (phase === "start") {
      member.earlierTask = service.executeTask;
      if ("~worker" in service) {
        service["~worker"] = member.workerLink = {
          version: linkVersion,
          context,
          controller: undefined,
        };
      }
    }
    return service[phase as HookPhase]?.(signals.of(member, starts ? "cancel" : "forced"), context);
  }

  function began(call: Call): void {
    const { phase, member, begun } = call;
    if (phase === "execute") return; // it began long ago
    if (phase === "start" || phase === "starting") enter(member, "starting", begun);
    if (phase === "stop" || phase === "stopping") enter(member, "stopping", begun);
    journal.began(call);
  }

  /** A `stop` may end while the work of its service goes on: then the phase that follows for it is that work. */
  function ended(call: Call, now: number, failure?: Failure): Phase | undefined {
    const { phase, member, open } = call;
    if (phase === "execute") return; // how work ends is told elsewhere
    if (!open) return endedLate(call, failure);
    // Only a hook of the start may answer to a cancellation, and only once the start was cancelled.
    const cancelled = failure && call.starts && signals.fired("cancel") &&
      signals.answered(member, failure.error);
    const failed = cancelled ? undefined : failure;
    if (failed) failures.add(phase, failed.error, call.order);
    if (failure) {
      member.error = failure.error;
      enter(member, failed ? "failed" : "stopped", now);
    } else if (phase === "start") {
      member.startFulfilled = true;
      enter(member, "started", now);
    } else if (phase === "stop") {
      enter(member, "stopped", now);
    }
    journal.ended(call, failed ? "Failed" : "Done", failed);
    if (phase === "start") work.follow(member, now);
    if (phase === "stop" && (work.unsettled(member) || work.unsettled(self))) return "execute";
  }

  /** A start that fulfils after it was given up is undone at once. */
  function endedLate(call: Call, failure?: Failure): undefined {
    journal.ended(call, "Late", failure);
    if (call.phase !== "start" || failure) return;
    call.member.state = "started"; // no longer abandoned
    signals.endGraceOf(call.member);
    calls.inOrder("stop", [call.member]);
  }

  function abandoned(call: Call, error: unknown): void {
    const { phase, member, order } = call;
    if (phase === "execute") {
      work.abandon(member, order);
      return work.abandon(self, order);
    }
    const now = settings.clock.now();
    failures.add(phase, error, order);
    member.error = error;
    enter(member, "abandoned", now);
    if (phase === "start") work.follow(member, now); // it may have begun
    if (phase === "stop") {
      member.stopAbandoned = true;
      signals.abortWork(member); // the `stop` that hangs may not have done it
    }
    journal.ended(call, "Abandoned", { error });
  }
}
