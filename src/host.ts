import { AbortError, abortReason } from "./_abort.ts";
import { Calls, type Party } from "./_calls.ts";
import { Crew } from "./_crew.ts";
import { HostLifetimeParty } from "./_host_lifetime.ts";
import { Journal } from "./_journal.ts";
import { Ledger } from "./_ledger.ts";
import type { Member } from "./_member.ts";
import { mismatch, type Settings, settings } from "./_options.ts";
import { combine, raise } from "./_outcome.ts";
import { keepAlive, startTimer } from "./_timer.ts";
import { Work } from "./_work.ts";
import {
  applicationLifetime,
  type LifetimeLatches,
  lifetimeLatches,
} from "./application_lifetime.ts";
import { HostStateError } from "./errors.ts";
import type { HostEvent } from "./events.ts";
import { onAbort } from "./on_abort.ts";
import type {
  ApplicationLifetime,
  Host,
  HostOptions,
  HostState,
  Services,
  ServiceStatus,
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
  return new GenericHost(services, settings(options));
}

/** Why the start does not go on. */
interface Cancellation {
  readonly reason: unknown;
  /** Whether somebody asked for the stop; then the start did not fail. */
  readonly asked: boolean;
  /** What went wrong, unless somebody asked. */
  readonly causes: readonly unknown[];
}

/** How the start ended. */
interface StartOutcome {
  readonly cancellation: Cancellation | undefined;
  readonly errors: readonly unknown[];
}

/** The life of one host, in the order in which it happens. */
class GenericHost implements Host {
  readonly lifetime: ApplicationLifetime;
  readonly #settings: Settings;
  readonly #latches: LifetimeLatches = lifetimeLatches();
  readonly #journal: Journal;
  readonly #crew: Crew;
  readonly #work: Work;
  readonly #hostLifetime: readonly Party[];
  readonly #startCalls: Calls;
  readonly #stopCalls: Calls;

  #state: HostState = "created";
  #starting: Promise<StartOutcome> | undefined;
  #stopping: Promise<readonly unknown[]> | undefined;

  /** Whether the start may still go either way. */
  #undecided = false;
  #cancellation: Cancellation | undefined;
  /** Cuts the start off from its callers' signals. */
  readonly #unlinkStart: (() => void)[] = [];
  /** Whether the host lifetime was told of a start, and so must be told of the stop. */
  #waitedForStart = false;

  /** How many are in `run()` or `waitForShutdown()`, and how to wake those that sleep there. */
  #waiting = 0;
  readonly #sleepers: (() => void)[] = [];

  constructor(services: Services, settings: Settings) {
    const { clock, logger, onEvent, hostLifetime, abandonTimeout } = settings;
    this.#settings = settings;
    this.#journal = new Journal(clock, logger);
    if (onEvent) this.#journal.subscribe(onEvent);
    this.lifetime = applicationLifetime(this.#latches, (reason) => {
      this.#requestStop(abortReason("The application was asked to stop", reason));
    });
    this.#work = new Work(clock, this.#journal, {
      failed: (member, error) => this.#workFailed(member, error),
      ended: () => this.#stopIfIdle(),
    });
    this.#crew = new Crew({
      services,
      context: { host: this, lifetime: this.lifetime, logger, clock },
      latches: this.#latches,
      exceptionBehavior: settings.backgroundServiceExceptionBehavior,
      failed: (member, error) => this.#work.reported(member, error),
    });
    this.#hostLifetime = hostLifetime
      ? [new HostLifetimeParty(hostLifetime, this, this.#crew)]
      : [];
    const ledger = new Ledger(this.#journal, this.#crew.cancel, {
      started: (member, now) => this.#work.watch(member, now),
      startedLate: (member) => this.#takeBack(member),
    });
    const inAll = abandonTimeout;
    this.#startCalls = new Calls(clock, { stopTimeouts: false, inLine: inAll, inAll }, ledger);
    this.#stopCalls = new Calls(clock, { stopTimeouts: true, inLine: inAll / 2, inAll }, ledger);
  }

  get state(): HostState {
    return this.#state;
  }

  get services(): readonly ServiceStatus[] {
    return this.#crew.snapshot();
  }

  subscribe(observer: (event: HostEvent) => void): () => void {
    return this.#journal.subscribe(observer);
  }

  // What one asks of it. All who ask for the same get the same outcome.

  async start(signal?: AbortSignal): Promise<void> {
    raise(startFailed, startErrors(await this.#startOnce(signal)));
  }

  async run(signal?: AbortSignal): Promise<void> {
    await this.#waitingFor(signal, async () => {
      const outcome = await this.#startOnce();
      raise(startFailed, outcome.cancellation?.asked ? outcome.errors : startErrors(outcome));
      await this.#shutdown();
    });
  }

  async waitForShutdown(signal?: AbortSignal): Promise<void> {
    await this.#waitingFor(signal, () => this.#shutdown());
  }

  async stop(signal?: AbortSignal): Promise<void> {
    checkSignal(signal);
    const unlink = link(signal, (reason) => this.#endGrace(reason));
    try {
      if (this.#undecided) {
        this.#state = "stopping";
        const reason = new AbortError("The host was stopped while it was starting");
        this.#cancelStart(reason, { asked: true });
        await this.#starting;
      }
      raise(stopFailed, await this.#stopOnce());
    } finally {
      unlink();
    }
  }

  abort(reason?: unknown): void {
    if (this.#state === "stopped") return;
    const why = abortReason("The host was forced to stop", reason);
    this.#requestStop(why);
    this.#endGrace(why);
    this.#startCalls.force(why);
    this.#stopCalls.force(why);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever began the stop has its outcome; the same error from two places would hide it.
    if (this.#stopping || this.#undecided) await this.stop().catch(() => {});
    else await this.stop();
  }

  // The start.

  #startOnce(signal?: AbortSignal): Promise<StartOutcome> {
    checkSignal(signal);
    if (this.#starting) {
      this.#linkStart(signal);
      return this.#starting;
    }
    if (this.#stopping) {
      throw new HostStateError(
        "Cannot start the host: it was stopped before it was started; create another one",
      );
    }
    // Everything a hook may ask for is there before the first one is called.
    const { promise, resolve } = deferred<StartOutcome>();
    this.#starting = promise;
    this.#undecided = true;
    if (this.#state === "created") this.#state = "starting";
    this.#linkStart(signal);
    resolve(this.#start());
    return promise;
  }

  async #start(): Promise<StartOutcome> {
    const { clock, startupTimeout, servicesStartConcurrently } = this.#settings;
    const { stopping, started } = this.#latches;
    const calls = this.#startCalls;
    const begun = clock.now();
    const limit = startTimer(clock, startupTimeout, () => this.#startTimedOut());
    const cancelled = (): boolean => this.#cancellation !== undefined;
    const over = (): boolean => cancelled() || calls.failed;
    const halted = servicesStartConcurrently ? cancelled : over;

    this.#journal.tell({ type: "hostStarting" });
    if (stopping.fired) this.#cancelStart(stopping.reason, { asked: true });
    if (!over()) {
      this.#waitedForStart = true;
      await calls.inOrder("waitForStart", this.#hostLifetime);
    }
    if (!over()) this.#createServices();
    for (const phase of ["starting", "start", "started"] as const) {
      if (over()) break;
      await calls.inOrder(phase, this.#concerned(phase), servicesStartConcurrently, halted);
    }
    limit.clear();

    const errors = calls.failures();
    if (errors.length) {
      const reason = new AbortError("The start failed", { cause: errors[0] });
      this.#cancelStart(reason, { causes: errors });
    }
    this.#undecided = false;
    for (const unlink of this.#unlinkStart) unlink();
    const cancellation = this.#cancellation;
    const duration = clock.now() - begun;
    if (cancellation) {
      const error = combine(startFailed, startErrors({ cancellation, errors }));
      this.#journal.tell({ type: "hostStartFailed", duration, error });
      return { cancellation, errors: [...errors, ...await this.#stopOnce()] };
    }
    this.#state = "started";
    started.fire(new AbortError("The application has started"));
    this.#journal.tell({ type: "hostStarted", duration });
    this.#stopIfIdle();
    return { cancellation, errors };
  }

  #createServices(): void {
    try {
      this.#crew.create();
    } catch (error) {
      this.#journal.error("A service was not created", error);
      const reason = new AbortError("A service was not created", { cause: error });
      this.#cancelStart(reason, { causes: [error] });
    }
  }

  #linkStart(signal: AbortSignal | undefined): void {
    const unlink = link(signal, (reason) => this.#cancelStart(reason));
    if (this.#undecided) this.#unlinkStart.push(unlink);
    else unlink();
  }

  #startTimedOut(): void {
    const calls = this.#startCalls;
    const causes = [...calls.open].map((call) => calls.timedOut(call));
    const message = `The start took longer than ${this.#settings.startupTimeout} ms`;
    for (const error of causes) this.#journal.error(message, error);
    this.#cancelStart(new AbortError(message, { cause: causes[0] }), { causes });
  }

  /** The first reason wins. Work that has begun already ends with the start. */
  #cancelStart(reason: unknown, { asked = false, causes = [] }: Partial<Cancellation> = {}): void {
    if (!this.#undecided || this.#cancellation) return;
    this.#cancellation = { reason, asked, causes };
    this.#crew.cancel.fire(reason);
    for (const member of [...this.#crew.members].reverse()) member.abortWork(reason);
    this.#startCalls.hurry();
  }

  /** A start that fulfils after it was given up is undone at once. */
  #takeBack(member: Member): void {
    member.hurry();
    this.#stopCalls.call("stop", member);
  }

  // The time between.

  #workFailed(member: Member, error: unknown): void {
    if (this.#state === "stopped") return;
    const reason = new AbortError(`Service "${member.name}" failed`, { cause: error });
    this.#cancelStart(reason, { causes: [error] });
    this.#requestStop(reason);
  }

  #stopIfIdle(): void {
    if (this.#settings.stopWhenIdle && this.#state === "started" && this.#work.idle) {
      this.#requestStop(new AbortError("All background work has ended"));
    }
  }

  /** Keeps the process alive while somebody waits; their signal asks for the stop. */
  async #waitingFor(signal: AbortSignal | undefined, wait: () => Promise<void>): Promise<void> {
    checkSignal(signal);
    const alive = keepAlive(this.#settings.clock);
    this.#waiting++;
    const unlink = link(signal, (reason) => this.#requestStop(reason));
    try {
      await wait();
    } finally {
      unlink();
      this.#waiting--;
      alive.clear();
    }
  }

  /** Sleeps until there is a reason to stop, and stops. */
  async #shutdown(): Promise<void> {
    if (!this.#latches.stopping.fired && !this.#stopping) {
      await new Promise<void>((resolve) => this.#sleepers.push(resolve));
    }
    if (this.#undecided) await this.#starting; // the rollback is the start's
    raise(stopFailed, await this.#stopOnce());
  }

  #requestStop(reason: unknown): void {
    if (this.#state === "stopping" || this.#state === "stopped") return;
    const running = this.#state === "started";
    this.#state = "stopping";
    this.#cancelStart(reason, { asked: true });
    const first = this.#cancellation ? this.#cancellation.reason : reason;
    this.#latches.stopping.fire(first);
    this.#journal.tell({ type: "stopRequested", reason: first });
    this.#wakeSleepers();
    if (running && !this.#waiting) {
      this.#journal.warn(
        "A stop was requested, but nobody waits for it: call host.stop(), or await host.run()",
      );
    }
  }

  #wakeSleepers(): void {
    for (const wake of this.#sleepers.splice(0)) wake();
  }

  // The stop, which is also the rollback of a start.

  #stopOnce(): Promise<readonly unknown[]> {
    if (this.#stopping) return this.#stopping;
    const { promise, resolve } = deferred<readonly unknown[]>();
    this.#stopping = promise;
    resolve(this.#stop());
    return promise;
  }

  async #stop(): Promise<readonly unknown[]> {
    const { clock, shutdownTimeout, abandonTimeout, servicesStopConcurrently } = this.#settings;
    const { stopping, stopped } = this.#latches;
    const calls = this.#stopCalls;
    const begun = clock.now();
    const grace = startTimer(clock, shutdownTimeout, () => {
      this.#endGrace(new AbortError(`The grace of ${shutdownTimeout} ms is over`));
    });
    const cut = startTimer(clock, shutdownTimeout + abandonTimeout, () => calls.cut());
    const inReverse = (phase: "stopping" | "stop" | "stopped"): Promise<void> =>
      calls.inOrder(phase, [...this.#concerned(phase)].reverse(), servicesStopConcurrently);

    this.#state = "stopping";
    this.#journal.tell({ type: "hostStopping" });
    this.#wakeSleepers();
    await inReverse("stopping");
    stopping.fire(this.#cancellation?.reason ?? new AbortError("The host is stopping"));
    await inReverse("stop");
    await inReverse("stopped");
    stopped.fire(new AbortError("The application has stopped"));
    if (this.#waitedForStart || !this.#starting) await calls.inOrder("stop", this.#hostLifetime);
    await this.#dispose();
    await calls.drained();

    grace.clear();
    cut.clear();
    calls.close();
    this.#startCalls.close();
    const errors = [
      ...calls.failures((phase) => phase !== "dispose"),
      ...this.#work.failures,
      ...this.#work.abandon(),
      ...calls.failures((phase) => phase === "dispose"),
    ];
    const failure = errors.length ? { error: combine(stopFailed, errors) } : {};
    this.#state = "stopped";
    this.#journal.tell({ type: "hostStopped", duration: clock.now() - begun, ...failure });
    return errors;
  }

  /** From now on the host hurries. */
  #endGrace(reason: unknown): void {
    const { grace } = this.#crew;
    if (grace.shared.fired || this.#state === "stopped") return;
    grace.fire(reason);
    this.#journal.tell({ type: "graceEnded", reason });
    this.#stopCalls.hurry();
  }

  /** What the host made, newest first; what has not stopped, after it has or was abandoned. */
  async #dispose(): Promise<void> {
    const calls = this.#stopCalls;
    const made = this.#crew.members.filter((member) => member.disposable).reverse();
    const busy = new Set([...calls.open].map((call) => call.party));
    await calls.inOrder("dispose", made.filter((member) => !busy.has(member)));
    if (!made.some((member) => busy.has(member))) return;
    await calls.drained();
    await calls.inOrder("dispose", made.filter((member) => busy.has(member)));
  }

  /** Whom a phase concerns: a start everybody, a stop only what had started. */
  #concerned(phase: "starting" | "start" | "started" | "stopping" | "stop" | "stopped"): readonly Member[] {
    const { members, lifecycle } = this.#crew;
    switch (phase) {
      case "start":
        return members;
      case "stop":
        return members.filter((member) => member.up);
      case "starting":
      case "started":
        return lifecycle.filter((member) => member.has(phase));
      default:
        return lifecycle.filter((member) => member.up && member.has(phase));
    }
  }
}

const startFailed = "Cannot start the host";
const stopFailed = "Cannot stop the host";

/** What `start()` rejects with: what went wrong, or else why it was cancelled, comes first. */
function startErrors({ cancellation, errors }: StartOutcome): readonly unknown[] {
  if (!cancellation) return errors;
  const { causes, reason } = cancellation;
  return [...(causes.length ? causes : [reason]), ...errors];
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw mismatch("signal", "an AbortSignal", signal);
  }
}

/** Calls back when a caller's signal aborts, until unlinked. */
function link(signal: AbortSignal | undefined, callback: (reason: unknown) => void): () => void {
  return signal ? onAbort(signal, callback) : () => {};
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T | Promise<T>) => void } {
  let resolve!: (value: T | Promise<T>) => void;
  const promise = new Promise<T>((it) => (resolve = it));
  return { promise, resolve };
}
