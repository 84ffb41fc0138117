import { AbortError, abortReason, Latch, link } from "./_abort.ts";
import { isStartPhase, timedOut } from "./_host/call.ts";
import { nothing } from "./_check.ts";
import { type Deferred, deferred } from "./_deferred.ts";
import { Context } from "./_host/context.ts";
import { createServiceList, newMember } from "./_host/service_list.ts";
import { combine, createFailures } from "./_host/failures.ts";
import { createHookCalls } from "./_host/hook_outcomes.ts";
import type { HostLink } from "./_host/host_link.ts";
import { linkVersion } from "./_host/worker_link.ts";
import { createJournal } from "./_host/events_and_log.ts";
import { disposer, type Member } from "./_host/member.ts";
import { readSettings } from "./_host/settings.ts";
import { createHookSignals } from "./_host/hook_signals.ts";
import { keepAlive, startLimit, startTimer } from "./_time/timer.ts";
import { createWork } from "./_host/work.ts";
import { HostStateError } from "./errors.ts";
import type {
  ApplicationLifetime,
  Host,
  HostContext,
  HostOptions,
  HostState,
  RunHostOptions,
  Services,
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
  const settings = readSettings(options);
  const { clock, logger, stopWhenIdle, startupTimeout, shutdownTimeout, abandonTimeout } = settings;

  let state: HostState = "created";
  /** The end of the one start, and of the one stop; each is there from its begin. */
  let startDone: Deferred<void> | undefined;
  let stopDone: Deferred<void> | undefined;

  /** What the application listens to. */
  const fired = {
    started: new Latch(),
    stopping: new Latch(),
    closing: new Latch(),
    stopped: new Latch(),
  };
  /** Whether the start may still go either way, and why it does not go on. */
  let startOpen = true;
  let cancellation: Cancellation | undefined;
  /** Whether the host lifetime was told of a start, and so must be told of the stop. */
  let waitedForStart = false;
  /** Whether the first `run()` without a signal is to be told that nothing else stops it. */
  let deaf = options.hostLifetime === undefined && !stopWhenIdle;
  /** How many are in `run()` or `waitForShutdown()`, and what they sleep until there. */
  let waiting = 0;
  const reasonToStop = deferred();
  /** How long the stop is still to be delayed, and how to go on with it. */
  let { drainDelay } = settings;
  let goOn = nothing;
  /** Why the host stops, if nobody has said so until then. */
  let stopReason = (): unknown => new AbortError("The host is stopping");
  /** When the stop began, and whether its deadline has passed: then it waits for nobody any more. */
  let stopBegun = 0;
  let pastDeadline = false;
  let clearDeadline = nothing;

  const lifetime: ApplicationLifetime = {
    get started() {
      return fired.started.signal;
    },
    get stopping() {
      return fired.stopping.signal;
    },
    get closing() {
      return fired.closing.signal;
    },
    get stopped() {
      return fired.stopped.signal;
    },
    stopApplication(reason) {
      requestStop(abortReason("The application was asked to stop", reason));
    },
  };

  // `start`, `stop` and `run` may be called again: each call awaits the one start or stop, and
  // rejects with the same error.
  const host: Host = {
    lifetime,
    get state() {
      return state;
    },
    get services() {
      return members.status();
    },
    subscribe: (observer) => journal.subscribe(observer),
    waitUntil: (promise) => work.handOver(self, promise),

    start: (signal) =>
      during(signal, cancelStart, async () => {
        await startOnce();
        if (cancellation) failures.raise("start", startErrors());
      }),

    run: (signal) =>
      waitingFor(signal, async () => {
        if (deaf && !signal) {
          deaf = false;
          journal.log("warn", deafness);
        }
        await startOnce();
        if (!cancellation) await shutdown();
        else if (cancellation.asked) failures.raise("run", failures.all());
        else failures.raise("start", startErrors());
      }),

    waitForShutdown: (signal) => waitingFor(signal, shutdown),

    stop: (signal) =>
      during(signal, endGrace, async () => {
        if (startDone && startOpen) {
          state = "stopping";
          cancelStart(new AbortError("The host was stopped while starting"), true);
          await startDone.promise;
        }
        await stopOnce();
        failures.raise("stop");
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

  // What the host is made of.

  const context: HostContext = { host, lifetime, logger, clock };
  const journal = createJournal(settings);
  const failures = createFailures();
  const signals = createHookSignals(fired, () => [...hostLifetimes, ...members.all()]);
  const work = createWork({
    settings,
    journal,
    signals,
    failures,
    failed: workFailed,
    ended: stopIfIdle,
  });
  const parts = { ...context, signals, work };
  const members = createServiceList(services, (member) => new Context(member, parts));
  const hostLifetimes = settings.hostLifetime
    ? [newMember(settings.hostLifetime as never, "hostLifetime", () => host as never)]
    : [];
  /**
   * A member without a service: owns the work of `host.waitUntil()`, so that it is awaited, named and
   * abandoned as that of a service.
   */
  const self = newMember({}, "host", () => host as never);
  const calls = createHookCalls({ self, settings, journal, signals, failures, work });
  const linked: HostLink = {
    version: linkVersion,
    clock,
    logger,
    stopWhenIdle,
    shutdownTimeout,
    abandonTimeout,
    members: members.all,
    tell: journal.tell,
    pending: calls.pending,
    awaited: () => waiting,
    failed: () => failures.some() || cancellation?.causes.length,
    skipDrainDelay,
  };
  return Object.assign(host, { "~host": linked });

  // The start.

  function startOnce(): Promise<void> {
    if (fired.started.aborted ? state === "stopped" : stopDone && !startDone) {
      throw new HostStateError("Cannot start the host: it has stopped; create another");
    }
    if (!startDone) {
      startDone = deferred(); // before a hook can ask for it
      startDone.resolve(runStart());
    }
    return startDone.promise;
  }

  async function runStart(): Promise<void> {
    const begun = clock.now();
    const clearLimit = startLimit(clock, startupTimeout, startTimedOut);
    /** A cancellation halts the very next call; a failure lets those of its list be called. */
    const over = (inside?: boolean): unknown => cancellation || (!inside && failures.some());

    if (state === "created") state = "starting";
    journal.tell({ type: "hostStarting" });
    if (!over()) {
      waitedForStart = true;
      await calls.inOrder("waitForStart", hostLifetimes);
    }
    if (!over()) createServices();
    for (const phase of ["starting", "start", "started"] as const) {
      await calls.inOrder(phase, concerned(phase), settings.servicesStartConcurrently, over);
    }
    clearLimit();

    if (over()) startFailed(failures.all());
    startOpen = false;
    const duration = clock.now() - begun;
    if (cancellation) {
      const error = combine(startErrors());
      journal.tell({ type: "hostStartFailed", duration, error });
      return stopOnce();
    }
    state = "started";
    fired.started.abortWith(() => new AbortError("The application has started"));
    journal.tell({ type: "hostStarted", duration });
    stopIfIdle();
  }

  function createServices(): void {
    try {
      members.create(context);
    } catch (error) {
      journal.log("error", "Cannot create a service", { error });
      startFailed([error]);
    }
  }

  function startTimedOut(): void {
    if (cancellation) return;
    const causes = calls.pending().map((call) => timedOut(call, clock.now()));
    for (const error of causes) journal.log("error", "The start took too long", { error });
    startFailed(causes);
  }

  function startFailed(causes: readonly unknown[]): void {
    cancelStart(new AbortError("The start failed", causes[0]), false, causes);
  }

  /** The first reason wins. Work that has begun already ends with the start. */
  function cancelStart(reason: unknown, asked = false, causes: readonly unknown[] = []): void {
    if (!startOpen || cancellation) return;
    cancellation = { reason, asked, causes };
    stopReason = () => reason;
    signals.fire("cancel", reason);
    for (const member of [...members.all()].reverse()) signals.abortWork(member, reason);
    calls.limitPending();
  }

  // The time between.

  function workFailed(member: Member, error: unknown): void {
    failures.add("execute", error);
    const reason = new AbortError(`Service "${member.name}" failed`, error);
    cancelStart(reason, false, [error]);
    requestStop(reason);
  }

  function stopIfIdle(): void {
    if (stopWhenIdle && state === "started" && work.idle()) {
      requestStop(new AbortError("All background work has ended"));
    }
  }

  /** Does what a caller asks for, and reacts to their signal meanwhile. */
  async function during(
    signal: AbortSignal | undefined,
    react: (reason: unknown) => void,
    action: () => Promise<void>,
  ): Promise<void> {
    const unlink = link(signal, react);
    try {
      await action();
    } finally {
      unlink();
    }
  }

  /** The same for a caller who waits for the stop: the process stays alive, and the signal asks for it. */
  async function waitingFor(
    signal: AbortSignal | undefined,
    action: () => Promise<void>,
  ): Promise<void> {
    const clear = keepAlive(clock);
    waiting++;
    try {
      await during(signal, requestStop, action);
    } finally {
      waiting--;
      clear();
    }
  }

  /** Sleeps until there is a reason to stop, and stops. */
  async function shutdown(): Promise<void> {
    await reasonToStop.promise;
    if (startOpen) await startDone?.promise; // the rollback is the start's
    await stopOnce();
    failures.raise("stop");
  }

  function requestStop(reason: unknown): void {
    if (state === "stopping" || state === "stopped") return;
    const unheard = state === "started" && !waiting;
    state = "stopping";
    cancelStart(reason, true);
    if (!cancellation) stopReason = () => reason;
    const first = stopReason();
    fired.stopping.abort(first);
    journal.tell({ type: "stopRequested", reason: first });
    reasonToStop.resolve();
    if (unheard) {
      journal.log(
        "warn",
        "Nobody waits for the stop: call host.stop() or run()",
      );
    }
  }

  // The stop, which is also the rollback of a start.

  function stopOnce(): Promise<void> {
    if (!stopDone) {
      stopDone = deferred();
      stopDone.resolve(runStop());
    }
    return stopDone.promise;
  }

  async function runStop(): Promise<void> {
    stopBegun = clock.now();
    const clearGrace = startLimit(clock, shutdownTimeout, () => {
      endGrace(new AbortError(`The grace of ${shutdownTimeout} ms is over`));
    });
    if (signals.fired("forced")) startDeadline();
    const inReverse = (phase: LifecyclePhase): Promise<void> =>
      calls.inOrder(phase, concerned(phase).reverse(), settings.servicesStopConcurrently);

    state = "stopping";
    startOpen = false;
    reasonToStop.resolve();
    if (fired.started.aborted && drainDelay) await drain();
    journal.tell({ type: "hostStopping" });
    fired.closing.abortWith(stopReason);
    await inReverse("stopping");
    fired.stopping.abortWith(() => fired.closing.reason);
    await inReverse("stop");
    await calls.inOrder("execute", unfinished(({ startFulfilled }) => !startFulfilled));
    await inReverse("stopped");
    fired.stopped.abortWith(() => new AbortError("The application has stopped"));
    if (waitedForStart || !startDone) await calls.inOrder("stop", hostLifetimes);
    await calls.inOrder("dispose", members.all().filter(disposer).reverse());
    await calls.allEnded();
    const left = (): Member[] => unfinished((member) => !work.working(member));
    while (left().length && !pastDeadline) {
      await calls.inOrder("execute", left()); // more may be handed over meanwhile
      await calls.allEnded();
    }

    clearGrace();
    clearDeadline();
    calls.close();
    for (const member of unfinished(() => true)) work.abandon(member);
    failures.close();
    work.close();
    state = "stopped";
    const failure = failures.outcome("stop");
    journal.tell({ type: "hostStopped", duration: clock.now() - stopBegun, ...failure });
  }

  /** Limits what is left of the stop, once its grace is over. */
  function startDeadline(): void {
    const left = stopBegun + shutdownTimeout + abandonTimeout - clock.now();
    clearDeadline = startLimit(clock, Math.max(left, abandonTimeout), () => {
      pastDeadline = true;
      calls.expire();
    });
  }

  /** Goes on serving while others learn that this host is no longer ready. */
  function drain(): Promise<void> {
    journal.tell({ type: "hostDraining", delay: drainDelay });
    return new Promise((resolve) => {
      const clear = startTimer(clock, drainDelay, resolve);
      goOn = () => resolve(clear());
    });
  }

  function skipDrainDelay(): void {
    drainDelay = 0;
    goOn();
  }

  /** Members, and the host itself, whose background or handed-over work is still pending. */
  function unfinished(concerns: (member: Member) => boolean): Member[] {
    return [...members.all(), self].filter((it) => work.unsettled(it) && concerns(it));
  }

  /** Ends the grace: `forced` aborts, and what is pending has `abandonTimeout` left. */
  function endGrace(reason: unknown): void {
    if (signals.fired("forced") || state === "stopped") return;
    skipDrainDelay();
    signals.fire("forced", reason);
    journal.tell({ type: "graceEnded", reason });
    if (stopDone) startDeadline();
    if (!startDone || !startOpen) calls.limitPending();
  }

  /** What `start()` rejects with: what went wrong, or else why it was cancelled, comes first. */
  function startErrors(): unknown[] {
    const { causes = [], reason } = cancellation ?? {};
    return [...causes.length ? causes : [reason], ...failures.all()];
  }

  /** Whom a phase concerns: a start everybody, a stop only what had started. */
  function concerned(phase: LifecyclePhase): Member[] {
    const starts = isStartPhase(phase);
    return members.all().filter(({ service, startFulfilled }) =>
      (starts || startFulfilled) && typeof service[phase] === "function"
    );
  }
}

/**
 * Creates a host and runs it until it is asked to stop: `createHost(services, options).run(signal)`
 * in one line.
 *
 * This one knows no operating system signals: import `runHost` from `@runhost/host/node`, `/deno`
 * or `/bun` for a program that stops on Ctrl+C.
 *
 * @returns Resolves after a clean stop; rejects with what failed in the start, the stop, or the
 * background work.
 *
 * @example Run until a signal of your own
 * ```ts
 * import { backgroundService, every, runHost } from "@runhost/host";
 *
 * const controller = new AbortController();
 * const worker = backgroundService("worker", async (signal) => {
 *   for await (const _ of every(1, { signal })) controller.abort();
 * });
 *
 * await runHost([worker], { signal: controller.signal });
 * ```
 */
export async function runHost(services: Services, options: RunHostOptions = {}): Promise<void> {
  await createHost(services, options).run(options.signal);
}

/** Why the start does not go on. */
interface Cancellation {
  readonly reason: unknown;
  /** Whether somebody asked for the stop; then the start did not fail. */
  readonly asked: boolean;
  /** What went wrong, unless somebody asked. */
  readonly causes: readonly unknown[];
}

/** What a program is told that would die of a signal instead of stopping. */
const deafness =
  "Nothing here hears Ctrl+C: import from your runtime's entry or pass hostLifetime: false";

type LifecyclePhase = "starting" | "start" | "started" | "stopping" | "stop" | "stopped";
