import type { Failure } from "../_log.ts";
import { type Call, newCall, timedOut } from "./call.ts";
import type { Failures } from "./failures.ts";
import type { Journal } from "./events_and_log.ts";
import { enter, type Member } from "./member.ts";
import type { Settings } from "./settings.ts";
import type { HookSignals } from "./hook_signals.ts";

/** The background work of a host. */
export interface Work {
  /** Follows what a start has begun, if it has. */
  follow(member: Member, begun: number): void;
  /** Follows what somebody handed over. */
  handOver(member: Member, work: PromiseLike<unknown>): void;
  /** Whether the background work of a member still runs. */
  working(member: Member): boolean;
  /** Whether anything of a member still runs. */
  unsettled(member: Member): boolean;
  /** Resolves when nothing of a member runs any more, however it ended. */
  settled(member: Member): Promise<void>;
  /** A service says of itself that it failed. */
  reported(member: Member, error: unknown): void;
  /** Gives up what still runs; as part of a call, in its order. */
  abandon(member: Member, order?: number): void;
  /** Whether none runs. */
  idle(): boolean;
  /** From now on `context.fail()` makes an event and a log line only: the outcome is known. */
  close(): void;
}

/** What work tells the host. */
export interface WorkOptions {
  readonly settings: Settings;
  readonly journal: Journal;
  readonly signals: HookSignals;
  readonly failures: Failures;
  /** Some of it failed, and the host is to stop. */
  readonly failed: (member: Member, error: unknown) => void;
  /** Some of it ended. */
  readonly ended: () => void;
}

/** No work yet. */
export function createWork({ settings, journal, signals, failures, ...host }: WorkOptions): Work {
  const { clock } = settings;
  /** Whose background work runs. */
  const working = new Set<Member>();
  /** That, and what members have handed over, until it ends; the promises never reject. */
  const running = new Map<Member, Map<Call, Promise<void>>>();
  let closed = false;

  const begin = (run: Call, promise: unknown): void => {
    const { member } = run;
    journal.began(run);
    const end = Promise.resolve(promise).then(
      () => ended(run),
      (error) => ended(run, signals.answered(member, error) ? undefined : { error }),
    );
    const runs = running.get(member) ?? new Map<Call, Promise<void>>();
    running.set(member, runs.set(run, end));
  };

  const close = (run: Call): void => {
    const { member, phase } = run;
    run.open = false;
    running.get(member)?.delete(run);
    if (phase === "execute") working.delete(member);
  };

  const ended = (run: Call, failure?: Failure): void => {
    const { member, open } = run;
    journal.ended(run, open ? failure ? "Failed" : "Done" : "Late", failure);
    if (!open) return;
    close(run);
    if (run.phase === "waitUntil") return;
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
    idle: () => working.size === 0,

    working: (member) => working.has(member),

    close() {
      closed = true;
    },

    follow(member, begun) {
      const { executeTask } = member.service;
      if (!executeTask || executeTask === member.earlierTask) return;
      working.add(member);
      begin(newCall("execute", member, begun), executeTask);
    },

    handOver(member, work) {
      begin(newCall("waitUntil", member, clock.now()), work);
    },

    unsettled: (member) => !!running.get(member)?.size,

    async settled(member) {
      for (let runs; (runs = running.get(member))?.size;) await Promise.all(runs.values());
    },

    reported(member, error) {
      if (signals.answered(member, error)) return;
      journal.tell({ type: "serviceFaulted", service: member.name, error });
      journal.log("error", `Service "${member.name}" reports a failure`, { error });
      if (!closed) failed(member, error);
    },

    abandon(member, order) {
      // Not what an observer hands over meanwhile.
      for (const run of [...running.get(member)?.keys() ?? []]) {
        const error = timedOut(run, clock.now());
        close(run);
        journal.ended(run, "Abandoned", { error });
        if (!member.stopAbandoned) failures.add("execute", error, order); // else that is the error
        enter(member, "abandoned", clock.now());
      }
    },
  };
}
