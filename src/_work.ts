import { type Call, newCall, timedOut } from "./_calls.ts";
import type { Failures } from "./_failures.ts";
import type { Failure, Journal } from "./_journal.ts";
import { enter, type Member } from "./_member.ts";
import type { Settings } from "./_options.ts";
import type { Signals } from "./_signals.ts";

/** The background work of a host. */
export interface Work {
  /** Follows what a start has begun, if it has. */
  watch(member: Member, begun: number): void;
  /** A service says of itself that it failed. */
  reported(member: Member, error: unknown): void;
  /** Gives up what still runs; as part of a call, in its order. */
  abandon(member: Member, order?: number): void;
  /** Whether none runs. */
  idle(): boolean;
  /** What is reported from now on is told, and changes nothing. */
  close(): void;
}

/** What work tells the host. */
export interface WorkOptions {
  readonly settings: Settings;
  readonly journal: Journal;
  readonly signals: Signals;
  readonly failures: Failures;
  /** Some of it failed, and the host is to stop. */
  readonly failed: (member: Member, error: unknown) => void;
  /** Some of it ended. */
  readonly ended: () => void;
}

/** No work yet. */
export function createWork({ settings, journal, signals, failures, ...host }: WorkOptions): Work {
  const { clock } = settings;
  let running = 0;
  let closed = false;

  const close = (run: Call): void => {
    run.open = false;
    run.member.working = undefined;
    running--;
  };

  const ended = (run: Call, failure?: Failure): void => {
    const { member, open } = run;
    journal.ended(run, open ? failure ? "Failed" : "Done" : "Late", failure);
    if (!open) return;
    close(run);
    if (failure) failed(member, failure.error);
    else if (member.state === "started") enter(member, "completed", clock.now());
    host.ended();
  };

  const failed = (member: Member, error: unknown): void => {
    const { backgroundServiceExceptionBehavior = settings.backgroundServiceExceptionBehavior } =
      member.service;
    member.error = error;
    if (member.state !== "stopping") enter(member, "failed", clock.now());
    if (backgroundServiceExceptionBehavior === "stopHost") host.failed(member, error);
  };

  return {
    idle: () => running === 0,

    close() {
      closed = true;
    },

    watch(member, begun) {
      const { executeTask } = member.service;
      if (!executeTask || executeTask === member.earlierTask) return;
      const run = member.working = newCall("execute", member, begun);
      running++;
      journal.began(run);
      Promise.resolve(executeTask).then(
        () => ended(run),
        (error) => ended(run, signals.answered(member, error) ? undefined : { error }),
      );
    },

    reported(member, error) {
      if (signals.answered(member, error)) return;
      journal.tell({ type: "serviceFaulted", service: member.name, error });
      journal.log("error", `Service "${member.name}" reports a failure`, { error });
      if (!closed) failed(member, error);
    },

    abandon(member, order) {
      const { working } = member;
      if (!working) return;
      const error = timedOut(working, clock.now());
      close(working);
      journal.ended(working, "Abandoned", { error });
      if (!member.stopAbandoned) failures.add("execute", error, order); // else that is the error
      enter(member, "abandoned", clock.now());
    },
  };
}
