/**
 * The contract: what a service offers, what a host gives it, and what a host is told.
 * Interfaces only; this module has no code at run time.
 *
 * @module
 */

import type { HostEvent } from "./events.ts";

/**
 * A service the host starts and stops.
 *
 * Hooks may return anything: a promise (or any thenable) is awaited and its value ignored, so that
 * `start: () => pool.connect()` compiles. A synchronous throw counts as a rejection. Every hook is
 * called at most once in the life of a host.
 */
export interface HostedService {
  /**
   * What the host calls this service in logs, events and errors. Without one it is the name of its
   * class (which minifiers mangle), else `service`. Made unique with `#2`, `#3`.
   */
  readonly name?: string | undefined;

  /**
   * Milliseconds each stop hook of this service may take before *its* grace is over, inside the
   * host's `shutdownTimeout`. Then the signal of its stop hooks aborts, and a hook of it that
   * is pending has `abandonTimeout` left; no `graceEnded` event tells of it.
   *
   * @default {Infinity}
   */
  readonly stopTimeout?: number | undefined;

  /**
   * What happens when background work of this service fails, or it calls
   * {@linkcode ServiceContext.fail}. The host's option unless set here.
   */
  readonly backgroundServiceExceptionBehavior?: BackgroundServiceExceptionBehavior | undefined;

  /**
   * Whether the host is not ready until this service has called {@linkcode ServiceContext.ready}:
   * for a worker that must catch up first. Looked at by `@runhost/host/health` alone.
   *
   * @default {false}
   */
  readonly holdsReady?: boolean | undefined;

  /**
   * Milliseconds between two calls of {@linkcode ServiceContext.beat} after which the host is no
   * longer alive: for a loop that may hang. Counts from the end of its start until it stops.
   * Looked at by `@runhost/host/health` alone.
   */
  readonly heartbeat?: number | undefined;

  /** What the service says of itself in {@linkcode ServiceStatus.details}: counters, the next run. */
  readonly details?: unknown;

  /**
   * Says whether the service can do its work: throws, rejects or answers `false` if not. Asked by
   * `@runhost/host/health` while the host is started, at most once a second and never twice at the
   * same time.
   *
   * `"degraded"`, or `{ status: "degraded", error }` with the reason, is for a service that can do part
   * of it: that is shown, but the host stays ready. Any other answer is a good one.
   *
   * @param signal Aborts when the answer comes too late to count.
   */
  health?(signal: AbortSignal): unknown;

  /**
   * Brings the service up. Called in order of registration; the next service and `host.start()`
   * wait for it. A rejection fails the start, and what had started is stopped again.
   *
   * @param signal Aborts when the start is cancelled. Never aborts once the host has started.
   */
  start(signal: AbortSignal, context: ServiceContext): unknown;

  /**
   * Takes the service down. Called in reverse order of registration, only if `start` fulfilled.
   * A rejection is reported and stops no other service.
   *
   * @param signal Aborts when the grace is over: no longer be graceful, settle now.
   */
  stop(signal: AbortSignal, context: ServiceContext): unknown;
}

/**
 * A {@linkcode HostedService} with hooks before and after each phase. All of one phase run before
 * the first of the next.
 */
export interface HostedLifecycleService extends HostedService {
  /** Runs before the first `start` of any service. The start waits for it. */
  starting?(signal: AbortSignal, context: ServiceContext): unknown;
  /** Runs after every `start` has fulfilled, before `lifetime.started`. The start waits for it. */
  started?(signal: AbortSignal, context: ServiceContext): unknown;
  /** Runs before the first `stop` of any service: the place to stop taking work. */
  stopping?(signal: AbortSignal, context: ServiceContext): unknown;
  /** Runs after every `stop`, before `lifetime.stopped`. */
  stopped?(signal: AbortSignal, context: ServiceContext): unknown;
}

/** The hooks of a service made by `hostedService`, each optional, and its settings. */
export type HostedServiceHooks = Partial<Omit<HostedLifecycleService, "name">>;

/** What a failing background service does to its host: stop it, or nothing but a log line. */
export type BackgroundServiceExceptionBehavior = "stopHost" | "ignore";

/**
 * Makes a service when the host starts: after the host lifetime is ready, before the first
 * `starting`, synchronously and in order. What it makes belongs to the host, which disposes it
 * (`Symbol.asyncDispose`, else `Symbol.dispose`) as the last step of the stop.
 */
export type ServiceFactory = (context: HostContext) => HostedService | HostedLifecycleService;

/**
 * What a host runs, in order of start: instances (they stay yours) and factories. A list in the list
 * starts together and stops together: in each phase all of it are called in order (in a stop the
 * newest first) before any is waited for. It has no lists of its own.
 */
export type Services = Iterable<ServiceOrFactory | readonly ServiceOrFactory[]>;

/** One element of {@linkcode Services}, or of a list in it. */
export type ServiceOrFactory = HostedService | HostedLifecycleService | ServiceFactory;

/** What a factory is given: the whole of dependency injection here. */
export interface HostContext {
  /** The host itself. */
  readonly host: Host;
  /** Its four signals, and the way to ask for the stop. */
  readonly lifetime: ApplicationLifetime;
  /** The host's logger; silent under `logger: false`. */
  readonly logger: Logger;
  /** The host's clock, for `delay`, `every` and `PeriodicTimer`. */
  readonly clock: Clock;
}

/** What each hook of a service is given; one object per service. */
export interface ServiceContext extends HostContext {
  /** The service's name, made unique. */
  readonly name: string;

  /**
   * The very signal `stop` is or will be called with. It aborts when this service's grace is over:
   * drop what you hold. A worker sees here what its own signal ("take no more") cannot tell.
   */
  readonly forced: AbortSignal;

  /**
   * Reports that this service failed, as if background work of its own had thrown: for services
   * that are told of a failure instead of awaiting it (a lost connection, say). Never throws, may
   * be called detached; once the host has stopped it is told and logged, and changes nothing.
   */
  fail(error: unknown): void;

  /**
   * Hands over work that goes on after the hook or request that began it. The stop waits for it,
   * within the host's limits, right after this service's `stop` and before an older service's. Its
   * failure is told and logged, and stops nothing. Never throws, may be called detached.
   */
  waitUntil(work: PromiseLike<unknown>): void;

  /** Says that this service is ready; see {@linkcode HostedService.holdsReady}. */
  ready(): void;

  /** Says that this service is alive; see {@linkcode HostedService.heartbeat}. */
  beat(): void;
}

/** Where a host is in its life. It only moves forward. */
export type HostState = "created" | "starting" | "started" | "stopping" | "stopped";

/**
 * Where one service is. `completed` is a background service whose work has ended by itself;
 * `abandoned` one of which a hook, or the work, outlived every limit.
 */
export type ServiceState = HostState | "completed" | "failed" | "abandoned";

/** One service, as it was when the snapshot was taken. */
export interface ServiceStatus {
  /** The service's unique name; before the start, a factory's own name. */
  readonly name: string;
  /** Where it is in its life. */
  readonly state: ServiceState;
  /** When it got there, in milliseconds of the host's clock; 0 before the start. */
  readonly since: number;
  /** The last error one of its hooks or its background work ended with. */
  readonly error: unknown;
  /** What it says of itself: its `details`, read for this snapshot, or what reading them threw. */
  readonly details: unknown;
}

/** Starts services in order, stops them in reverse, once. Made by `createHost`. */
export interface Host {
  /** Where the host is in its life. */
  readonly state: HostState;
  /** The four signals of this host, and `stopApplication`. */
  readonly lifetime: ApplicationLifetime;
  /** A fresh snapshot of every service, in order of registration. */
  readonly services: readonly ServiceStatus[];

  /**
   * Starts every service and resolves when all are up. A second call joins the first. What had
   * started is stopped again before it rejects: with what went wrong, or with the reason if it was
   * cancelled, also by a stop request; several errors come as one `AggregateError`.
   *
   * @param signal Cancels the start: it rolls back and rejects with `signal.reason`.
   * @throws {HostStateError} If the host was stopped before: it lives once.
   */
  start(signal?: AbortSignal): Promise<void>;

  /**
   * Stops every started service, newest first, and resolves when all have settled or were
   * abandoned: after `shutdownTimeout + abandonTimeout` at the latest. During a start it cancels
   * that and joins its rollback. Rejects with the errors of the stop and of background work; several
   * come as one `AggregateError`. Every call has one outcome.
   *
   * A service that awaits it waits for itself, until every limit is over and it is abandoned: let it
   * call `lifetime.stopApplication()` and return.
   *
   * @param signal Ends the grace: the signal of the stop hooks aborts, and each hook that is
   * pending has `abandonTimeout` left.
   */
  stop(signal?: AbortSignal): Promise<void>;

  /**
   * Starts, waits until somebody asks for the stop, stops. Keeps the process alive meanwhile. Rejects
   * as `start` and `stop` do, but not because somebody asked for the stop.
   *
   * @param signal Asks for the stop, also during the start. Never rejects the call by itself.
   * @throws {HostStateError} If the host was stopped before: it lives once.
   */
  run(signal?: AbortSignal): Promise<void>;

  /**
   * Waits until somebody asks for the stop, then stops. Keeps the process alive meanwhile.
   *
   * @param signal Asks for the stop. Never rejects the call by itself.
   */
  waitForShutdown(signal?: AbortSignal): Promise<void>;

  /**
   * Ends the grace now: asks for the stop if nobody has (as `stopApplication`, so somebody must wait
   * for it), abandons what is pending unless it settles within one macrotask (a timer of 0 ms),
   * and calls the rest, each hook with `abandonTimeout` and no more. May be called again.
   *
   * @param reason Why, for the signals and the error that names what was abandoned.
   */
  abort(reason?: unknown): void;

  /**
   * Hands over work that belongs to no service, such as what a request began: as
   * {@linkcode ServiceContext.waitUntil}, but no further service is stopped while it runs. In
   * events and errors it goes by the name `host`.
   */
  waitUntil(work: PromiseLike<unknown>): void;

  /**
   * Calls `observer` with every event from now on. One that throws or rejects changes nothing: that
   * is logged, and it is called no more.
   *
   * @returns A function that ends the subscription.
   */
  subscribe(observer: (event: HostEvent) => void): () => void;

  /**
   * Stops the host, as {@linkcode Host.stop}: `await using` leaves nothing behind.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The life of the application as four signals, each aborting once. A listener added too late is
 * never called, as with any `AbortSignal`; `onAbort` calls late ones too.
 */
export interface ApplicationLifetime {
  /** Aborts when every service has started. */
  readonly started: AbortSignal;
  /** Aborts when the stop is asked for, or (in a direct `stop()`) before the first `stop` hook. */
  readonly stopping: AbortSignal;
  /**
   * Aborts when the intake closes: in every stop and every rollback, after any `drainDelay`, right
   * before the first `stopping` hook, with the reason of `stopping`. In a stop that was asked for it
   * follows `stopping`, in a direct `stop()` it precedes it.
   *
   * End event streams and WebSockets on this one: on `stopping` their clients would come back to a
   * host that still serves.
   */
  readonly closing: AbortSignal;
  /**
   * Aborts when every service has stopped, or is waited for no longer; before the host lifetime's
   * `stop` and disposal. Fires in a rollback too.
   */
  readonly stopped: AbortSignal;

  /**
   * Asks for the stop and returns at once. During the start it cancels that. Afterwards the stop
   * begins if somebody waits in `run()` or `waitForShutdown()`. Later calls do nothing: the first
   * reason wins.
   *
   * @param reason Why; becomes the `cause` of the signals' reason.
   */
  stopApplication(reason?: unknown): void;
}

/**
 * What decides when the application may start and tells it to stop: the console, a service
 * manager. One per host.
 */
export interface HostLifetime {
  /**
   * Called first in a start, which waits for it.
   *
   * @param signal Aborts when the start is cancelled.
   */
  waitForStart(signal: AbortSignal, host: Host): unknown;

  /**
   * Called last in a stop, before disposal, once; also if `waitForStart` rejected, and in a stop
   * without a start.
   *
   * @param signal Aborts when the grace is over.
   */
  stop(signal: AbortSignal, host: Host): unknown;
}

/**
 * Time as the host sees it; injected by tests. Called as methods.
 *
 * `setTimeout` and `clearTimeout` are a pair: a timer is only ever cleared by the clock that set it.
 * The default clock looks the global functions up when it sets a timer, and clears it by the
 * `clearTimeout` that was there then. So test tools may replace them at any time.
 */
export interface Clock {
  /** Milliseconds since some fixed moment, never going back. */
  now(): number;
  /** As the global one; gives whatever `clearTimeout` takes. Never asked for more than 2^31-1 ms. */
  setTimeout(callback: () => void, ms: number): unknown;
  /** As the global one, for what `setTimeout` of this clock has given; also after it has fired. */
  clearTimeout(timer: unknown): void;
}

/** Where lines go. Called as methods with exactly one rendered string, so `console`, pino and
 * LogTape all fit. */
export interface Logger {
  /** Never called by the host itself; there for services. */
  debug(line: string): void;
  /** Where a server listens. */
  info(line: string): void;
  /** Something an operator should know; nothing failed. */
  warn(line: string): void;
  /** A failure, once, with the error's stack. */
  error(line: string): void;
}

/** Options of a host. All are checked when it is created. */
export interface HostOptions {
  /**
   * Call each start phase's hooks one right after the other and wait for all together, instead of
   * one by one.
   *
   * @default {false}
   */
  readonly servicesStartConcurrently?: boolean | undefined;

  /**
   * The same for the stop phases.
   *
   * @default {false}
   */
  readonly servicesStopConcurrently?: boolean | undefined;

  /**
   * Milliseconds for the whole start. Then the start's signal aborts and the start fails, naming
   * the services that were still starting.
   *
   * @default {Infinity}
   */
  readonly startupTimeout?: number | undefined;

  /**
   * Milliseconds of grace for the whole stop. Then `forced` aborts, and each hook that
   * is pending has `abandonTimeout` left.
   *
   * @default {25000}
   */
  readonly shutdownTimeout?: number | undefined;

  /**
   * Milliseconds between the request to stop and the first `stopping` hook, in which the host is no
   * longer ready but still serves: as long as those who send it work need to learn that. Part of
   * `shutdownTimeout`. Skipped when the start did not complete, when the grace ends, and by Ctrl+C
   * in a terminal.
   *
   * @default {0}
   */
  readonly drainDelay?: number | undefined;

  /**
   * Milliseconds after the grace (or after a start was cancelled) in which calls may still settle.
   * Then they are abandoned and named in the error. After half of it a stop goes on with the next
   * service.
   *
   * @default {2000}
   */
  readonly abandonTimeout?: number | undefined;

  /**
   * What a failing background service does to the host.
   *
   * @default {"stopHost"}
   */
  readonly backgroundServiceExceptionBehavior?: BackgroundServiceExceptionBehavior | undefined;

  /**
   * Stop when no background service runs: checked when the host has started and each time one
   * ends. For one-shot jobs and batches.
   *
   * @default {false}
   */
  readonly stopWhenIdle?: boolean | undefined;

  /**
   * Where the host writes warnings and errors, and what services get as `context.logger`; `false`
   * silences.
   *
   * @default {console}
   */
  readonly logger?: Logger | false | undefined;

  /** Called with every event, as if subscribed by `host.subscribe` from the beginning. */
  readonly onEvent?: ((event: HostEvent) => void) | undefined;

  /**
   * What tells the host to stop. The runtime entries' `createHost` puts their `consoleLifetime()`
   * here; `false` for none there, as for a host inside another.
   */
  readonly hostLifetime?: HostLifetime | false | undefined;

  /**
   * Time, injected by tests.
   *
   * @default {the global timers and `performance.now`}
   */
  readonly clock?: Clock | undefined;
}

/** Options of `runHost`. */
export interface RunHostOptions extends HostOptions {
  /** Asks for the stop when it aborts, also during the start. */
  readonly signal?: AbortSignal | undefined;
}
