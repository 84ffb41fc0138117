/**
 * A history, taken apart: what the invariants ask about, and when the limits of
 * docs/design.md must strike. Computed from what services and callers saw, not from what the host says, wherever
 * that is possible.
 *
 * @module
 */

import type { HostEvent } from "../../mod.ts";
import type { AnyPhase, Call, Entry, EntryOf, Failure, History } from "./history.ts";
import type { Plan, ServicePlan } from "./plan.ts";

/** Something the host waits for: from when to when, or until it gave up. */
export interface Wait {
  readonly owner: string;
  readonly phase: AnyPhase;
  readonly enter: Pick<Entry, "at" | "index">;
  readonly exit: EntryOf<"exit"> | undefined;
  /** When the host gave it up. */
  readonly abandoned: EntryOf<"event"> | undefined;
}

/** One call of one hook. */
export interface HookRun extends Wait {
  readonly enter: EntryOf<"enter">;
}

/** Something that may cancel the start or cause the stop. */
export interface Cause {
  readonly kind: "signal" | "request" | "stop" | "timeout" | "crash" | "failure" | "idle";
  readonly at: number;
  readonly index: number;
  /** What it was caused with: a caller's reason, or an error. */
  readonly reason?: unknown;
}

/** A call on the host from begin to end. */
export interface CallRun {
  readonly call: Call;
  readonly made: EntryOf<"call">;
  readonly settled: EntryOf<"settled"> | undefined;
  /** When its caller's signal aborted; not before the call was made. */
  readonly aborted:
    | { readonly at: number; readonly index: number; readonly reason: unknown }
    | undefined;
}

export const startPhases: readonly AnyPhase[] = ["waitForStart", "starting", "start", "started"];
export const stopPhases: readonly AnyPhase[] = ["stopping", "stop", "stopped"];

/** The host lifetime, as the owner of its hooks. */
export const hostLifetime = "hostLifetime";

export class Model {
  readonly history: History;
  readonly plan: Plan;
  readonly entries: readonly Entry[];
  readonly hooks: readonly HookRun[];
  readonly calls: readonly CallRun[];
  readonly causes: readonly Cause[];
  // Asked for again and again, in every run of many.
  readonly #entriesOf: ReadonlyMap<string, readonly Entry[]>;
  readonly #eventsOf: ReadonlyMap<string, readonly EntryOf<"event">[]>;
  readonly #runsOf: ReadonlyMap<string, readonly HookRun[]>;
  readonly #graceOf: Map<string, number> = new Map();

  constructor(history: History) {
    this.history = history;
    this.plan = history.plan;
    this.entries = history.entries;
    this.#entriesOf = grouped(this.entries, ({ type }) => type);
    this.#eventsOf = grouped(this.all("event"), ({ event }) => event.type);
    this.hooks = this.all("enter").map((enter) => this.#hookRun(enter));
    this.#runsOf = grouped(this.hooks, ({ owner, phase }) => `${owner}.${phase}`);
    this.calls = this.all("call").map((made) => this.#callRun(made));
    this.causes = [...this.#causes()].sort((a, b) => a.at - b.at || a.index - b.index);
  }

  all<T extends Entry["type"]>(type: T): readonly EntryOf<T>[] {
    return (this.#entriesOf.get(type) ?? []) as readonly EntryOf<T>[];
  }

  /** Every event of the host of one type. */
  events<T extends HostEvent["type"]>(
    type: T,
  ): readonly (EntryOf<"event"> & { readonly event: Extract<HostEvent, { type: T }> })[] {
    return (this.#eventsOf.get(type) ?? []) as never;
  }

  lifetime(name: "started" | "stopping" | "closing" | "stopped"): EntryOf<"lifetime"> | undefined {
    return this.all("lifetime").find((entry) => entry.name === name);
  }

  /** The runs of a hook; there should never be two. */
  runs(owner: string, phase: AnyPhase): readonly HookRun[] {
    return this.#runsOf.get(`${owner}.${phase}`) ?? [];
  }

  run(owner: string, phase: AnyPhase): HookRun | undefined {
    return this.runs(owner, phase)[0];
  }

  service(name: string): ServicePlan | undefined {
    return this.plan.services.find((service) => service.name === name);
  }

  /** The place of a service in the list; the host lifetime comes before all. */
  place(owner: string): number {
    return this.plan.services.findIndex(({ name }) => name === owner);
  }

  /** Whether two hooks of one phase share a turn: they are called before either is waited for. */
  together(a: Wait, b: Wait): boolean {
    const { servicesStartConcurrently, servicesStopConcurrently } = this.plan.options;
    const [first, second] = [this.place(a.owner), this.place(b.owner)];
    if (a.phase !== b.phase || first < 0 || second < 0) return false;
    const { services } = this.plan;
    const between = services.slice(Math.min(first, second), Math.max(first, second) + 1);
    const [{ list } = {}] = between;
    return (startPhases.includes(a.phase) ? servicesStartConcurrently : servicesStopConcurrently) ||
      (list !== undefined && between.every((it) => it.list === list));
  }

  // The life of the host.

  get starting(): Entry | undefined {
    return this.events("hostStarting")[0];
  }

  /** When it was decided how the start ends. */
  get decided(): EntryOf<"event"> | undefined {
    return this.events("hostStarted")[0] ?? this.events("hostStartFailed")[0];
  }

  get hasStarted(): boolean {
    return this.events("hostStarted").length > 0;
  }

  /** When the stop began: with a drain delay, if there is one. */
  get stopping(): Entry | undefined {
    return this.events("hostDraining")[0] ?? this.drained;
  }

  /** When the stop went on to its hooks. */
  get drained(): Entry | undefined {
    return this.events("hostStopping")[0];
  }

  get stopped(): Entry | undefined {
    return this.events("hostStopped")[0];
  }

  /** The first thing that cancelled the start, and what happened at the very same time. */
  get cancels(): readonly Cause[] {
    const { starting, decided } = this;
    if (!starting || this.hasStarted) return [];
    const before = this.causes.filter(({ kind, index }) =>
      kind !== "idle" && kind !== "failure" && index < (decided?.index ?? Infinity)
    );
    return before.filter(({ at }) =>
      Math.max(at, starting.at) === Math.max(before[0]?.at ?? 0, starting.at)
    );
  }

  /** When the start was cancelled, if it was. */
  get cancelledAt(): number {
    const [first] = this.cancels;
    return first ? Math.max(first.at, this.starting?.at ?? 0) : Infinity;
  }

  // Services.

  /** Whether a start fulfilled after the host had given it up. */
  isLate(owner: string): boolean {
    const start = this.run(owner, "start");
    return start?.abandoned !== undefined && start.exit !== undefined &&
      start.exit.index > start.abandoned.index && !start.exit.failure;
  }

  /** Services whose start fulfilled in time, in order. */
  get up(): readonly string[] {
    return this.plan.services.map(({ name }) => name).filter((name) => {
      const start = this.run(name, "start");
      return start?.exit && !start.exit.failure && !start.abandoned;
    });
  }

  stopsHost(owner: string): boolean {
    const behavior = this.service(owner)?.exceptionBehavior ??
      this.plan.options.backgroundServiceExceptionBehavior;
    return behavior === "stopHost";
  }

  /** What workers failed with, in order, whoever cares; once given up, they are merely late. */
  get workFailures(): readonly (Entry & { readonly owner: string; readonly failure: Failure })[] {
    return this.entries.flatMap((entry) => {
      const failed = entry.type === "fail" || (entry.type === "exit" && entry.phase === "execute");
      if (!failed || !entry.failure || entry.failure.clean) return [];
      const { abandoned } = (entry.type === "exit" && this.run(entry.owner, "execute")) || {};
      if (abandoned && abandoned.index < entry.index) return [];
      return [{ ...entry, owner: entry.owner, failure: entry.failure }];
    });
  }

  // Limits.

  /** When a stop at the latest calls whatever it has not called yet. */
  get cut(): number {
    const { shutdownTimeout, abandonTimeout } = this.plan.options;
    return (this.stopping?.at ?? Infinity) + shutdownTimeout + abandonTimeout;
  }

  /** When the grace of everybody was over. */
  get grace(): number {
    const shutdown = (this.stopping?.at ?? Infinity) + this.plan.options.shutdownTimeout;
    const ended = this.calls.flatMap(({ call, made, aborted }) => {
      if (call.name === "abort") return [made.at];
      return call.name === "stop" && aborted ? [aborted.at] : [];
    });
    return Math.min(shutdown, ...ended);
  }

  /** When the grace of a hook was over: everybody's, or its service's. */
  graceOf({ owner, enter }: Wait): number {
    // One whose start fulfilled late has had none from then on.
    const late = this.isLate(owner) ? this.run(owner, "stop")?.enter : undefined;
    return late && late.index <= enter.index ? late.at : this.#graceOfService(owner);
  }

  #graceOfService(owner: string): number {
    const known = this.#graceOf.get(owner);
    if (known !== undefined) return known;
    const { stopTimeout = Infinity } = this.service(owner) ?? {};
    const hooks = this.hooks.filter(({ phase }) =>
      stopPhases.includes(phase) || phase === "dispose"
    );
    const own = [...hooks, ...this.sequels]
      .filter((hook) => hook.owner === owner && this.#outlived(hook, stopTimeout))
      .map((hook) => hook.enter.at + stopTimeout);
    const over = Math.min(this.grace, ...own);
    this.#graceOf.set(owner, over);
    return over;
  }

  /** When a hook has settled. */
  endOf({ exit }: Wait): number {
    return exit?.at ?? Infinity;
  }

  /** Work that its service's own `stop` did not wait for: the host does, as if by a next hook. */
  get sequels(): readonly Wait[] {
    return this.hooks.flatMap(({ owner, phase, exit, abandoned }) => {
      const work = this.run(owner, "execute");
      if (phase !== "stop" || !exit || abandoned || !work || this.isLate(owner)) return [];
      if (work.exit && work.exit.index < exit.index) return [];
      return [{ ...work, enter: exit }];
    });
  }

  /** When a pending hook is given up. */
  limitOf(hook: Wait): number {
    const { abandonTimeout } = this.plan.options;
    const begun = hook.enter.at;
    if (startPhases.includes(hook.phase)) {
      return Math.min(this.cancelledAt + abandonTimeout, this.#forcedAfter(hook));
    }
    const patience = Math.max(this.graceOf(hook), begun) + abandonTimeout;
    return Math.min(patience, Math.max(this.cut, begun), this.#forcedAfter(hook));
  }

  /** When the line goes on without waiting for a stop hook any longer, or because it settled. */
  releaseOf(hook: Wait): number {
    const { abandonTimeout } = this.plan.options;
    const begun = hook.enter.at;
    const turn = Math.max(this.graceOf(hook), begun) + abandonTimeout / 2;
    const cut = Math.max(this.cut, begun);
    const patience = Math.min(turn, cut, this.limitOf(hook));
    const sequel = hook.phase === "stop" && this.endOf(hook) <= patience
      ? this.sequels.find(({ owner }) => owner === hook.owner)
      : undefined;
    return sequel ? this.releaseOf(sequel) : Math.min(this.endOf(hook), patience);
  }

  /** Whether the grace of a service of its own ended during one of its hooks. */
  #outlived(hook: Wait, stopTimeout: number): boolean {
    const [end, limit] = [this.endOf(hook), hook.enter.at + stopTimeout];
    // What ends in the very moment may be in time or not; a disposal has no signal that tells.
    const told = (): boolean =>
      (hook.phase === "dispose" && hook.abandoned !== undefined) ||
      this.all("signal").some(({ owner, phase, at }) =>
        owner === hook.owner && phase === hook.phase && at === limit
      );
    return end > limit || (end === limit && hook.phase !== "execute" && told());
  }

  /**
   * Whether some work ended in the very moment in which the grace of its service did: nobody can
   * see which came first.
   */
  get isTied(): boolean {
    return this.sequels.some((sequel) => {
      const { stopTimeout = Infinity } = this.service(sequel.owner) ?? {};
      return this.endOf(sequel) === sequel.enter.at + stopTimeout;
    });
  }

  /** When somebody first called `abort` while the hook was running. */
  #forcedAfter(hook: Wait): number {
    const calls = this.calls.filter(({ call, made }) =>
      call.name === "abort" && made.index > hook.enter.index
    );
    return Math.min(Infinity, ...calls.map(({ made }) => made.at));
  }

  #hookRun(enter: EntryOf<"enter">): HookRun {
    const { owner, phase, index } = enter;
    const exit = this.all("exit").find((it) =>
      it.owner === owner && it.phase === phase && it.index > index
    );
    const abandoned = this.events("serviceAbandoned").find(({ event }) =>
      event.service === owner && event.phase === phase
    );
    return { owner, phase, enter, exit, abandoned };
  }

  #callRun(made: EntryOf<"call">): CallRun {
    const { call } = made;
    const settled = this.all("settled").find((it) => it.call === call);
    const aborted = this.all("aborted").find((it) => it.call === call);
    return {
      call,
      made,
      settled,
      aborted: aborted && {
        at: aborted.at,
        index: Math.max(aborted.index, made.index),
        reason: aborted.reason,
      },
    };
  }

  *#causes(): Iterable<Cause> {
    const { startupTimeout, stopWhenIdle } = this.plan.options;
    for (const { call, made, settled, aborted } of this.calls) {
      const { name, reason } = call;
      if (name === "stopApplication" || name === "abort") {
        yield { kind: "request", at: made.at, index: made.index, reason };
      }
      if (name === "stop" || name === "dispose") {
        yield { kind: "stop", at: made.at, index: made.index };
      }
      if (!aborted || aborted.index > (settled?.index ?? Infinity)) continue;
      if (name === "run" || name === "waitForShutdown") yield { kind: "request", ...aborted };
      if (name === "start" && aborted.index < (this.decided?.index ?? Infinity)) {
        yield { kind: "signal", ...aborted };
      }
    }
    for (const { at, index, owner, failure } of this.workFailures) {
      if (this.stopsHost(owner)) yield { kind: "crash", at, index, reason: failure.error };
    }
    if (this.starting && !this.hasStarted && startupTimeout !== Infinity) {
      const at = this.starting.at + startupTimeout;
      // Somewhere among what happened at that time; if the start took so long.
      const index = this.entries.findIndex((entry) => entry.at >= at);
      if (index >= 0) yield { kind: "timeout", at, index };
    }
    const failed = this.events("hostStartFailed")[0];
    if (failed) yield { kind: "failure", at: failed.at, index: failed.index };
    if (stopWhenIdle && this.hasStarted) {
      const at = this.#idleAt();
      if (at !== Infinity) yield { kind: "idle", at, index: this.entries.length };
    }
  }

  /** When the last worker had ended, not before the host had started. */
  #idleAt(): number {
    const ends = this.hooks.filter(({ phase }) => phase === "execute")
      .map(({ exit }) => exit?.at ?? Infinity);
    return Math.max(this.decided?.at ?? Infinity, ...ends);
  }
}

/** Whether a signal's reason is what a cause leads to: a caller's own, or an error of the host. */
export function explains({ kind, reason }: Cause, fired: unknown): boolean {
  const { name, message = "", cause } = (fired ?? {}) as Partial<Error>;
  switch (kind) {
    case "signal":
      return fired === reason;
    case "request":
      return fired === reason || (name === "AbortError" && cause === reason);
    case "crash":
      return name === "AbortError" && cause === reason;
    case "stop":
      return name === "AbortError" && /^The host (is stopping|was stopped while)/.test(message);
    case "idle":
      return name === "AbortError" && message === "All background work has ended";
    default:
      return name === "AbortError" && message === "The start failed";
  }
}

function grouped<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
