import { AbortError, abortReason, answers, Latch, link } from "./_abort.ts";
import { type Call, createCalls, isStartPhase } from "./_calls.ts";
import { nothing } from "./_check.ts";
import { createCrew, newMember } from "./_crew.ts";
import { createJournal, type Failure } from "./_journal.ts";
import type { Member, Service } from "./_member.ts";
import { settings } from "./_options.ts";
import { keepAlive, startTimer } from "./_timer.ts";
import { HostStateError } from "./errors.ts";
import type { Phase } from "./events.ts";
import type {
  ApplicationLifetime,
  Host,
  HostContext,
  HostOptions,
  HostState,
  ServiceContext,
  Services,
  ServiceState,
} from "./types.ts";

/**
 * Creates a host. It touches no clock, timer or service until it is started.
 *
 * @param services What to run, in order of start.
 * @throws {TypeError} If a service or an option has the wrong type; the message names it.
 * @throws {RangeError} If a time limit is negative or `NaN`.
 *
 * @example Start, stop
 * ```ts
 * import { createHost, hostedService } from "@runhost/host";
 * import { deepEqual } from "node:assert/strict";
 *
 * const calls: string[] = [];
 * const service = (name: string) =>
 *   hostedService(name, {
 *     start: () => calls.push(`start ${name}`),
 *     stop: () => calls.push(`stop ${name}`),
 *   });
 *
 * const host = createHost([service("pool"), service("mailer")]);
 * await host.start();
 * await host.stop();
 *
 * deepEqual(calls, ["start pool", "start mailer", "stop mailer", "stop pool"]);
 * ```
 */
export function createHost(services: Services, options: HostOptions = {}): Host {
  const given = settings(options);
  const { clock, logger, startupTimeout, shutdownTimeout, abandonTimeout } = given;
  const journal = createJournal(given);

  let state: HostState = "created";
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  /** What the application listens to. */
  const fired = { started: new Latch(), stopping: new Latch(), stopped: new Latch() };
  /** What hooks listen to: that the start is cancelled, that the grace is over. */
  const shared = { cancel: new Latch(), forced: new Latch() };

  /** Whether the start may still go either way, and why it does not go on. */
  let undecided = true;
  let cancellation: Cancellation | undefined;
  /** Whether the host lifetime was told of a start, and so must be told of the stop. */
  let waitedForStart = false;
  /** What went wrong, and its place among the others. */
  const failures: (Failure & { readonly phase: Phase; readonly order: number })[] = [];

  const outcomes: { start?: unknown; run?: unknown; stop?: unknown } = {};

  /** How many services do background work. */
  let working = 0;

  /** How many are in `run()` or `waitForShutdown()`, and how to wake those that sleep there. */
  let waiting = 0;
  let sleepers: (() => void)[] = [];

  const lifetime: ApplicationLifetime = {
    get started() {
      return fired.started.signal;
    },
    get stopping() {
      return fired.stopping.signal;
    },
    get stopped() {
      return fired.stopped.signal;
    },
    stopApplication(reason) {
      requestStop(abortReason("The application was asked to stop", reason));
    },
  };

  // All who ask for the same get the same outcome.
  const host: Host = {
    lifetime,
    get state() {
      return state;
    },
    get services() {
      return crew.status();
    },
    subscribe: journal.subscribe,

    start: (signal) =>
      during(signal, cancelStart, async () => {
        await startOnce();
        if (cancellation) raise("start", [...startCauses(), ...errors()]);
      }),

    run: (signal) =>
      during(signal, requestStop, async () => {
        await startOnce();
        if (!cancellation) await shutdown();
        else if (cancellation.asked) raise("run", errors());
        else raise("start", [...startCauses(), ...errors()]);
      }, true),

    waitForShutdown: (signal) => during(signal, requestStop, shutdown, true),

    stop: (signal) =>
      during(signal, endGrace, async () => {
        if (starting && undecided) {
          state = "stopping";
          cancelStart(new AbortError("The host was stopped while it was starting"), true);
          await starting;
        }
        await stopOnce();
        raise("stop", errors(false));
      }),

    abort(reason) {
      if (state === "stopped") return;
      const why = abortReason("The host was forced to stop", reason);
      requestStop(why);
      endGrace(why);
      calls.force(why);
    },

    [Symbol.asyncDispose]: () => host.stop(),
  };

  /** What hooks are given: their own, and through the prototype what all share. */
  class Context {
    readonly #member: Member;

    constructor(member: Member) {
      this.#member = member;
    }

    get name(): string {
      return this.#member.name;
    }

    get forced(): AbortSignal {
      return ownLatch(this.#member, "forced").signal;
    }

    /** Bound, so that it can be handed on as a callback. */
    get fail(): (error: unknown) => void {
      return (error) => workReported(this.#member, error);
    }
  }
  const context: HostContext = { host, lifetime, logger, clock };
  Object.assign(Context.prototype, context);

  const crew = createCrew(services, (member) => new Context(member) as unknown as ServiceContext);
  const hostLifetimes = given.hostLifetime
    ? [newMember(given.hostLifetime as unknown as Service, "hostLifetime", false, () => host as never)]
    : [];
  const calls = createCalls({
    clock,
    abandonTimeout,
    invoke,
    hurried: ({ starts, member: { forced = shared.forced } }) =>
      (starts ? shared.cancel : forced).aborted,
    endGrace: endGraceOf,
    began: callBegan,
    ended: callEnded,
    abandoned: callAbandoned,
  });
  return host;

  // The start.

  function startOnce(): Promise<void> {
    if (!starting) {
      if (stopping) {
        throw new HostStateError("Cannot start the host: it was stopped before; create another");
      }
      const { promise, resolve } = deferred();
      starting = promise; // before a hook can ask for it
      resolve(start());
    }
    return starting;
  }

  async function start(): Promise<void> {
    const begun = clock.now();
    const clearLimit = startTimer(clock, startupTimeout, startTimedOut);
    const concurrently = given.servicesStartConcurrently;
    const cancelled = (): boolean => cancellation !== undefined;
    const over = (): boolean => cancelled() || failures.length > 0;

    if (state === "created") state = "starting";
    journal.tell({ type: "hostStarting" });
    if (!over()) {
      waitedForStart = true;
      await calls.inOrder("waitForStart", hostLifetimes);
    }
    if (!over()) createServices();
    for (const phase of ["starting", "start", "started"] as const) {
      if (over()) break;
      await calls.inOrder(phase, concerned(phase), concurrently, concurrently ? cancelled : over);
    }
    clearLimit();

    if (over()) startFailed(errors());
    undecided = false;
    const duration = clock.now() - begun;
    if (cancellation) {
      const error = combine([...startCauses(), ...errors()]);
      journal.tell({ type: "hostStartFailed", duration, error });
      return stopOnce();
    }
    state = "started";
    fired.started.abort(new AbortError("The application has started"));
    journal.tell({ type: "hostStarted", duration });
    stopIfIdle();
  }

  function createServices(): void {
    try {
      crew.create(context);
    } catch (error) {
      journal.log("error", "A service was not created", { error });
      startFailed([error]);
    }
  }

  function startTimedOut(): void {
    startFailed(calls.open().map(calls.timedOut));
  }

  function startFailed(causes: readonly unknown[]): void {
    cancelStart(new AbortError("The start failed", causes[0]), false, causes);
  }

  /** The first reason wins. Work that has begun already ends with the start. */
  function cancelStart(reason: unknown, asked = false, causes: readonly unknown[] = []): void {
    if (!undecided || cancellation) return;
    cancellation = { reason, asked, causes };
    fire("cancel", reason);
    for (const member of [...crew.members()].reverse()) abortWork(member, reason);
    calls.hurry();
  }

  // The time between.

  function watchWork(member: Member, begun: number): void {
    const { executeTask } = member.service;
    if (!executeTask || executeTask === member.earlierTask) return;
    const run = member.working = calls.note(member, begun);
    working++;
    journal.began(run);
    Promise.resolve(executeTask).then(
      () => workEnded(run),
      (error) => workEnded(run, isCancellation(member, error) ? undefined : { error }),
    );
  }

  function workEnded(run: Call, failure?: Failure): void {
    const { member, open } = run;
    journal.ended(run, open ? failure ? "Failed" : "Done" : "Late", failure);
    if (!open) return;
    run.open = false;
    member.working = undefined;
    working--;
    if (failure) workFailed(member, failure.error);
    else if (member.state === "started") enter(member, "completed");
    stopIfIdle();
  }

  function workReported(member: Member, error: unknown): void {
    if (isCancellation(member, error)) return;
    journal.tell({ type: "serviceFaulted", service: member.name, error });
    journal.log("error", `Service "${member.name}" reports a failure`, { error });
    workFailed(member, error);
  }

  function workFailed(member: Member, error: unknown): void {
    const { backgroundServiceExceptionBehavior = given.backgroundServiceExceptionBehavior } =
      member.service;
    member.error = error;
    if (member.state !== "stopping") enter(member, "failed");
    if (state === "stopped" || backgroundServiceExceptionBehavior === "ignore") return;
    fail("execute", 1e9 + failures.length, error);
    const reason = new AbortError(`Service "${member.name}" failed`, error);
    cancelStart(reason, false, [error]);
    requestStop(reason);
  }

  function stopIfIdle(): void {
    if (given.stopWhenIdle && state === "started" && !working) {
      requestStop(new AbortError("All background work has ended"));
    }
  }

  /** Does what a caller asks for, and reacts to their signal meanwhile. */
  async function during(
    signal: AbortSignal | undefined,
    react: (reason: unknown) => void,
    work: () => Promise<void>,
    waits = false,
  ): Promise<void> {
    const unlink = link(signal, (reason) => react(reason));
    const clear = waits ? keepAlive(clock) : nothing;
    waiting += +waits;
    try {
      await work();
    } finally {
      waiting -= +waits;
      clear();
      unlink();
    }
  }

  /** Sleeps until there is a reason to stop, and stops. */
  async function shutdown(): Promise<void> {
    if (!fired.stopping.aborted && !stopping) {
      await new Promise<void>((resolve) => sleepers.push(resolve));
    }
    if (undecided) await starting; // the rollback is the start's
    await stopOnce();
    raise("stop", errors(false));
  }

  function requestStop(reason: unknown): void {
    if (state === "stopping" || state === "stopped") return;
    const unheard = state === "started" && !waiting;
    state = "stopping";
    cancelStart(reason, true);
    const first = cancellation ? cancellation.reason : reason;
    fired.stopping.abort(first);
    journal.tell({ type: "stopRequested", reason: first });
    wake();
    if (unheard) {
      journal.log("warn", "Nobody waits for the stop that was asked for: call host.stop() or run()");
    }
  }

  function wake(): void {
    for (const resolve of sleepers) resolve();
    sleepers = [];
  }

  // The stop, which is also the rollback of a start.

  function stopOnce(): Promise<void> {
    if (!stopping) {
      const { promise, resolve } = deferred();
      stopping = promise;
      resolve(stop());
    }
    return stopping;
  }

  async function stop(): Promise<void> {
    const begun = clock.now();
    const clearGrace = startTimer(clock, shutdownTimeout, () => {
      endGrace(new AbortError(`The grace of ${shutdownTimeout} ms is over`));
    });
    const clearCut = startTimer(clock, shutdownTimeout + abandonTimeout, calls.cut);
    const inReverse = (phase: LifecyclePhase): Promise<void> =>
      calls.inOrder(phase, [...concerned(phase)].reverse(), given.servicesStopConcurrently);

    state = "stopping";
    undecided = false;
    journal.tell({ type: "hostStopping" });
    wake();
    await inReverse("stopping");
    fired.stopping.abort(cancellation ? cancellation.reason : new AbortError("The host is stopping"));
    await inReverse("stop");
    await calls.inOrder("execute", crew.members().filter((it) => it.working && !it.up));
    await inReverse("stopped");
    fired.stopped.abort(new AbortError("The application has stopped"));
    if (waitedForStart || !starting) await calls.inOrder("stop", hostLifetimes);
    await calls.inOrder("dispose", crew.members().filter(disposer).reverse());
    await calls.drained();

    clearGrace();
    clearCut();
    calls.close();
    for (const { working: run } of crew.members()) if (run) abandonWork(run);
    state = "stopped";
    const failed = errors(false);
    const failure = failed.length ? { error: outcome("stop", failed) } : {};
    journal.tell({ type: "hostStopped", duration: clock.now() - begun, ...failure });
  }

  /** From now on the host hurries. */
  function endGrace(reason: unknown): void {
    if (shared.forced.aborted || state === "stopped") return;
    fire("forced", reason);
    journal.tell({ type: "graceEnded", reason });
    if (!starting || !undecided) calls.hurry();
  }

  /** Gives up work that still runs. */
  function abandonWork(run: Call, order = 1e9): void {
    const { member } = run;
    const error = calls.timedOut(run);
    run.open = false;
    member.working = undefined;
    working--;
    journal.ended(run, "Abandoned", { error });
    if (member.state !== "abandoned") fail("execute", order, error); // else its `stop` is named
    enter(member, "abandoned");
  }

  /** Notes what went wrong: in the order of the calls, then with the work, then in disposal. */
  function fail(phase: Phase, order: number, error: unknown): void {
    if (state === "stopped") return;
    failures.push({ phase, error, order: phase === "dispose" ? order + 2e9 : order });
  }

  function errors(startToo = true): unknown[] {
    return failures
      .filter(({ phase }) => startToo || !isStartPhase(phase))
      .sort((a, b) => a.order - b.order)
      .map(({ error }) => error);
  }

  /** The error that all who ask for the same get. */
  function outcome(of: "start" | "run" | "stop", errors: readonly unknown[]): unknown {
    return outcomes[of] ??= combine(errors);
  }

  function raise(of: "start" | "run" | "stop", errors: readonly unknown[]): void {
    if (errors.length) throw outcome(of, errors);
  }

  /** Why the start did not succeed: what went wrong, or else the reason of its cancellation. */
  function startCauses(): readonly unknown[] {
    if (!cancellation) return [];
    const { causes, reason } = cancellation;
    return causes.length ? causes : [reason];
  }

  // Every call of a hook.

  /** Whom a phase concerns: a start everybody, a stop only what had started. */
  function concerned(phase: LifecyclePhase): readonly Member[] {
    if (phase === "start") return crew.members();
    if (phase === "stop") return crew.members().filter(({ up }) => up);
    const starts = isStartPhase(phase);
    return crew.lifecycle().filter(({ service, up }) =>
      (starts || up) && typeof service[phase] === "function"
    );
  }

  function invoke({ phase, member, starts }: Call): unknown {
    const { service, context } = member;
    if (phase === "execute") {
      abortWork(member);
      return service.executeTask?.catch(nothing);
    }
    if (phase === "dispose") return disposer(member)?.call(service);
    if (phase === "start") {
      member.earlierTask = service.executeTask;
      if ("~worker" in service) {
        service["~worker"] = member.link = { context, controller: undefined };
      }
    }
    return service[phase]?.(latchFor(member, phase, starts ? "cancel" : "forced").signal, context);
  }

  /** A hook that declares no parameter cannot listen, and is not worth a signal of its own. */
  function latchFor(
    member: Member,
    phase: LifecyclePhase | "waitForStart",
    kind: "cancel" | "forced",
  ): Latch {
    const { [phase]: hook, stopTimeout } = member.service;
    if (hook?.length || stopTimeout !== undefined) return ownLatch(member, kind);
    return member[kind] ??= shared[kind];
  }

  function ownLatch(member: Member, kind: "cancel" | "forced"): Latch {
    let latch = member[kind];
    if (!latch) {
      latch = member[kind] = new Latch();
      if (shared[kind].aborted) latch.abort(shared[kind].reason);
    }
    return latch;
  }

  /** The newest first, as services stop. */
  function fire(kind: "cancel" | "forced", reason: unknown): void {
    shared[kind].abort(reason);
    for (const member of [...hostLifetimes, ...crew.members()].reverse()) member[kind]?.abort(reason);
  }

  function endGraceOf(member: Member): void {
    ownLatch(member, "forced").abort(new AbortError(`The grace of "${member.name}" is over`));
  }

  /** Asks background work to finish, whether it has begun or not; the first reason wins. */
  function abortWork(member: Member, reason = fired.stopping.reason): void {
    const { link } = member;
    if (link) (link.controller ??= new AbortController()).abort(reason);
  }

  /** Whether `error` is an answer to one of the host's own signals. */
  function isCancellation({ forced = shared.forced, link }: Member, error: unknown): boolean {
    return [shared.cancel, fired.stopping, forced, link?.controller?.signal].some((signal) =>
      answers(error, signal)
    );
  }

  function enter(member: Member, state: ServiceState, now = clock.now()): void {
    member.state = state;
    member.since = now;
  }

  function callBegan(call: Call): void {
    const { phase, member, begun } = call;
    if (phase === "execute") return; // it began long ago
    if (phase === "start" || phase === "starting") enter(member, "starting", begun);
    if (phase === "stop" || phase === "stopping") enter(member, "stopping", begun);
    journal.began(call);
  }

  function callEnded(call: Call, now: number, failure?: Failure): void {
    const { phase, member, starts, open } = call;
    if (phase === "execute") return; // how work ends is told elsewhere
    if (!open) {
      journal.ended(call, "Late", failure);
      if (phase === "start" && !failure) takeBack(member);
      return;
    }
    const cancelled = failure && starts && shared.cancel.aborted &&
      isCancellation(member, failure.error);
    const failed = cancelled ? undefined : failure;
    if (failed) fail(phase, call.order, failed.error);
    if (failure) {
      member.error = failure.error;
      if (member.state !== "abandoned") enter(member, failed ? "failed" : "stopped", now);
    } else if (phase === "start") {
      member.up = true;
      enter(member, "started", now);
    } else if (phase === "stop") {
      enter(member, "stopped", now);
    }
    journal.ended(call, failed ? "Failed" : "Done", failed);
    if (phase === "start") watchWork(member, now);
  }

  function callAbandoned(call: Call, error: unknown): void {
    const { phase, member } = call;
    if (phase === "execute") return abandonWork(member.working as Call, call.order);
    fail(phase, call.order, error);
    member.error = error;
    enter(member, "abandoned");
    if (phase === "stop") abortWork(member); // it may not have come to that
    journal.ended(call, "Abandoned", { error });
  }

  /** A start that fulfils after it was given up is undone at once. */
  function takeBack(member: Member): void {
    endGraceOf(member);
    calls.inOrder("stop", [member]);
  }
}

/** Why the start does not go on. */
interface Cancellation {
  readonly reason: unknown;
  /** Whether somebody asked for the stop; then the start did not fail. */
  readonly asked: boolean;
  /** What went wrong, unless somebody asked. */
  readonly causes: readonly unknown[];
}

type LifecyclePhase = "starting" | "start" | "started" | "stopping" | "stop" | "stopped";

/** One error as it is; several as one flat aggregate, each once. */
function combine(errors: readonly unknown[]): unknown {
  const [first, ...others] = new Set(errors);
  if (!others.length) return first;
  return new AggregateError([first, ...others], `${others.length + 1} errors, the first: ${first}`);
}

/** What disposes a member that the host made. */
function disposer({ owned, service }: Member): (() => unknown) | undefined {
  return owned ? service[Symbol.asyncDispose] ?? service[Symbol.dispose] : undefined;
}

function deferred(): { promise: Promise<void>; resolve: (value: Promise<void>) => void } {
  let resolve!: (value: Promise<void>) => void;
  const promise = new Promise<void>((it) => (resolve = it));
  return { promise, resolve };
}
