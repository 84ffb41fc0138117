import { isCleanStop, link } from "./_abort.ts";
import { check, checkFinite, checkNames, checkWord, nothing } from "./_check.ts";
import { type Deferred, deferred } from "./_deferred.ts";
import { log } from "./_log.ts";
import { draw } from "./_time/chance.ts";
import { startTimer } from "./_time/timer.ts";
import { Turns } from "./_time/turns.ts";
import { BackgroundService } from "./background_service.ts";
import { HostStateError } from "./errors.ts";
import type { Clock, HostedServiceHooks, ServiceContext } from "./types.ts";

/** One run of a schedule. */
export interface ScheduledRun {
  /**
   * The moment of the schedule this run is for, without jitter; the first, if several were missed.
   * When only {@linkcode ScheduledService.trigger} asked for the run, the moment it began.
   */
  readonly scheduledAt: Date;
  /** Whether only {@linkcode ScheduledService.trigger} asked for the run. */
  readonly triggered: boolean;
}

/**
 * The work of a schedule. A run that rejects with the reason of an aborted signal, or any
 * `AbortError` then, was interrupted by the stop; any other rejection is a failure.
 *
 * @param signal Aborts when the run should finish: the service is being stopped.
 * @param context `context.forced` aborts when finishing takes too long.
 * @param run What the run is for.
 */
export type ScheduledWork = (
  signal: AbortSignal,
  context: ServiceContext,
  run: ScheduledRun,
) => unknown;

/** What every schedule has; it may also have the hooks and settings of any service. */
export interface ScheduleDefinition extends Omit<HostedServiceHooks, "details"> {
  /** The work: called for each run, never while another goes on. The stop waits for it. */
  readonly work: ScheduledWork;

  /**
   * Each scheduled run begins up to so many milliseconds late, at random, so that replicas do not
   * all begin at once. The schedule itself does not move, and a moment counts as passed over only
   * when it is later than that: a jitter longer than the time between two moments loses no run.
   *
   * @default {0}
   */
  readonly jitter?: number | undefined;

  /**
   * What a run that fails does, besides being counted. `"log"` writes a line to the log, and the
   * schedule goes on. `"fail"` makes it the failure of the service, whose
   * `backgroundServiceExceptionBehavior` decides then: `"stopHost"` or `"ignore"`.
   *
   * @default {"log"}
   */
  readonly failure?: "log" | "fail" | undefined;

  /**
   * A number from 0 up to, but not including, 1: the chance in the jitter; injected by tests.
   *
   * @default {Math.random}
   */
  readonly random?: (() => number) | undefined;

  /**
   * The wall clock, in milliseconds since 1970, for all dates here; injected by tests.
   *
   * @default {Date.now}
   */
  readonly now?: (() => number) | undefined;
}

/** How a schedule stands. */
export interface ScheduleDetails {
  /**
   * When the next scheduled run begins, jitter included: at once, if that has passed. `undefined`
   * when none is to come.
   */
  readonly nextRun: Date | undefined;
  /** When the last run began, or what a store knows of it; `undefined` before the first. */
  readonly lastRun: Date | undefined;
  /** How many runs have begun. */
  readonly runs: number;
  /** How many runs have failed. */
  readonly failures: number;
  /** Whether a run goes on. */
  readonly running: boolean;
}

/** A background service that does its work again and again, one run at a time. */
export interface ScheduledService extends BackgroundService {
  /** What the host calls it. */
  readonly name: string;

  /** How it stands: a fresh object, also found in `host.services`. */
  readonly details: ScheduleDetails;

  /**
   * Asks for a run now, and does not move the schedule. If a run goes on, another follows it: the
   * one that goes on may have missed what the caller has just written. All callers meanwhile share
   * that one.
   *
   * @returns Settles as that run does; work that waited for it itself would wait forever. Its
   * rejection never counts as unhandled, so that it may be called and forgotten.
   * @throws {HostStateError} If the schedule does not run: it is not yet started, is being stopped,
   * or has ended.
   */
  trigger(): Promise<void>;
}

/** When runs are due, by a time of its own in milliseconds. */
export interface Timetable {
  /** When the last run was, if that is known from before the start. */
  readonly lastRun?: Date | undefined;
  /** The time of the timetable. */
  now(): number;
  /** What the wall clock shows at a time of the timetable, in milliseconds since 1970. */
  wall(time: number): number;
  /** The first moment not yet dealt with; `undefined` when none is to come. Asked at any time. */
  due(): number | undefined;
  /** A run begins for the moment that is due, and for all others that are later than the jitter. */
  begun(due: number): void;
  /** A timer has fired at this time, whatever the clock shows. */
  fired?(time: number): void;
  /**
   * A run has ended. The next one waits for what this returns.
   *
   * @param interrupted Whether it has not ended by itself, but because of the stop.
   */
  ended?(run: ScheduledRun, interrupted: boolean): unknown;
}

type OpenTimetable = (
  signal: AbortSignal,
  context: ServiceContext,
) => Timetable | Promise<Timetable>;

/**
 * No sleep is longer: a timer knows nothing of a wall clock that was set and, on some systems,
 * nothing of the time for which the machine was suspended.
 */
const longestSleep = 60_000;

/** The last moment a `Date` can tell. */
const endOfTime = 8.64e15;

const turns: Turns = new Turns();

/** The service, whatever its timetable. */
export class Schedule extends BackgroundService implements ScheduledService {
  readonly name!: string; // `define` sets it
  readonly #definition: ScheduleDefinition;
  readonly #openTimetable: OpenTimetable;
  /** The signal of the work, while that goes on. */
  #signal: AbortSignal | undefined;
  /** Opened anew with each start, closed with the work. */
  #timetable: Timetable | undefined;
  /** The run that `trigger` has asked for, until it begins. */
  #request: Deferred<void> | undefined;
  /** Ends the sleep of the loop, if it sleeps. */
  #wake: () => void = nothing;
  /** How late the next scheduled run begins: what was drawn of the jitter. */
  #delay = 0;
  #lastRun: Date | undefined;
  #runs = 0;
  #failures = 0;
  #running = false;

  /** @param openTimetable Called once a start. */
  constructor(definition: ScheduleDefinition, openTimetable: OpenTimetable) {
    super();
    this.#definition = definition;
    this.#openTimetable = openTimetable;
  }

  get details(): ScheduleDetails {
    const due = this.#timetable?.due();
    return {
      nextRun: due === undefined ? undefined : this.#date(due + this.#delay),
      lastRun: this.#lastRun && new Date(this.#lastRun),
      runs: this.#runs,
      failures: this.#failures,
      running: this.#running,
    };
  }

  trigger(): Promise<void> {
    const request = this.#request ?? newRequest();
    if (this.#signal && !this.#signal.aborted) {
      this.#request = request;
      this.#wake();
    } else request.reject(this.#notRunning());
    return request.promise;
  }

  /**
   * The loop. Asks what is due again after each sleep, run and trigger, as the clock or the timetable
   * may have changed.
   */
  override async execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
    this.#signal = signal;
    const unlink = link(signal, () => this.#close());
    try {
      const timetable = this.#timetable = await this.#openTimetable(signal, context);
      this.#lastRun ??= timetable.lastRun;
      this.#drawDelay();
      let rested = true;
      while (!signal.aborted) {
        const due = timetable.due();
        const left = due === undefined ? Infinity : due + this.#delay - timetable.now();
        if (left > 0 && !this.#request) {
          if (due === undefined) return;
          const ms = Math.min(Math.ceil(left), longestSleep);
          if (await this.#sleep(ms, timetable, context.clock)) rested = true;
          continue;
        }
        // Between runs that follow each other without a sleep, the event loop has its turn.
        if (!rested) {
          await turns.give();
          rested = true;
          continue;
        }
        rested = false;
        if (left <= 0) {
          timetable.begun(due as number);
          this.#drawDelay();
        }
        const scheduledAt = this.#date(left <= 0 ? due as number : timetable.now());
        await this.#run({ scheduledAt, triggered: left > 0 }, timetable, signal, context);
      }
    } finally {
      unlink();
      this.#signal = this.#timetable = undefined;
      this.#close();
    }
  }

  #drawDelay(): void {
    const { jitter = 0, random = Math.random } = this.#definition;
    this.#delay = jitter && draw(random) * jitter;
  }

  #date(time: number): Date {
    return new Date(Math.min(this.#timetable?.wall(time) ?? NaN, endOfTime));
  }

  /** Gives whether the time has passed; `false` when the sleep was ended before. */
  #sleep(ms: number, timetable: Timetable, clock: Clock): Promise<boolean> {
    const end = timetable.now() + ms;
    return new Promise((resolve) => {
      const clear = startTimer(clock, ms, () => {
        timetable.fired?.(end);
        resolve(true);
      });
      this.#wake = () => {
        clear();
        resolve(false);
      };
    });
  }

  async #run(
    run: ScheduledRun,
    timetable: Timetable,
    signal: AbortSignal,
    context: ServiceContext,
  ): Promise<void> {
    const { failure: policy = "log" } = this.#definition;
    const request = this.#request;
    const begun = context.clock.now();
    let interrupted = false;
    let failure: { readonly error: unknown } | undefined;

    this.#request = undefined;
    this.#lastRun = this.#date(timetable.now());
    this.#runs++;
    this.#running = true;
    try {
      await this.#definition.work(signal, context, run);
      request?.resolve();
    } catch (error) {
      request?.reject(error);
      interrupted = isCleanStop(error, context.lifetime, signal, context.forced);
      if (!interrupted) failure = { error };
    }
    this.#running = false;
    if (failure) {
      this.#failures++;
      const ms = Math.round(context.clock.now() - begun);
      if (policy === "log") logFailure(context, `a run failed after ${ms} ms`, failure.error);
    }
    await timetable.ended?.(run, interrupted);
    if (failure && policy === "fail") throw failure.error; // the host logs it
  }

  /** Ends the sleep, and rejects the run that was asked for: it will not begin. */
  #close(): void {
    this.#request?.reject(this.#notRunning());
    this.#request = undefined;
    this.#wake();
  }

  #notRunning(): HostStateError {
    return new HostStateError(`Cannot trigger service "${this.name}": it is not running`);
  }
}

/**
 * Checks what every schedule has.
 *
 * @param own The names of what it has besides.
 * @returns What messages call it.
 */
export function checkSchedule(
  name: string,
  definition: ScheduleDefinition,
  own: readonly string[],
): string {
  check("the name of a service", name, "");
  const label = `service "${name}"`;
  check(label, definition, {});
  checkNames(label, definition, ["work", "jitter", "failure", "random", "now", ...own]);
  check(label, definition, { work: nothing });
  const { jitter = 0, failure = "log", now = nothing, random = nothing } = definition;
  check(label, { now, random }, { now: nothing, random: nothing });
  checkFinite(`${label}.jitter`, jitter);
  checkWord(`${label}.failure`, failure, ["log", "fail"]);
  return label;
}

/** Logs a failure that a schedule survives. */
export function logFailure({ name, logger }: ServiceContext, what: string, error: unknown): void {
  log(logger, "error", `Service "${name}": ${what}`, { error });
}

/** A run that callers of `trigger` wait for. */
function newRequest(): Deferred<void> {
  const request = deferred();
  request.promise.catch(nothing); // it may be called and forgotten
  return request;
}
