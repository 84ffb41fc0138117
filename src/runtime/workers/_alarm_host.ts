import { AbortError } from "../../_abort.ts";
import { check, checkFinite, checkNames, nothing } from "../../_check.ts";
import { deferred } from "../../_deferred.ts";
import { log, textOf } from "../../_log.ts";
import { readSettings, type Settings } from "../../_host/settings.ts";
import { startTimer } from "../../_time/timer.ts";
import { createHost } from "../../host.ts";
import { type Backoff, backoff, type BackoffOptions, readBackoff } from "../../_time/backoff.ts";
import type { Host, HostOptions, Services } from "../../types.ts";

/** What is used of the state of a Durable Object. */
export interface AlarmState {
  /** Where its one alarm is kept. */
  readonly storage: {
    /** When the alarm will fire, in milliseconds since 1970; `null` if none is set. */
    getAlarm(): Promise<number | null>;
    /** Sets the alarm, instead of the one there may be. */
    setAlarm(time: number): Promise<void>;
    /** Takes the alarm back. */
    deleteAlarm(): Promise<void>;
  };
}

/** Options of an {@linkcode AlarmHost}: those of the host of each slice, and its own. */
export interface AlarmHostOptions extends HostOptions {
  /**
   * Milliseconds a slice may take before it is stopped.
   *
   * @default {10000}
   */
  readonly slice?: number | undefined;

  /**
   * Milliseconds between two slices.
   *
   * @default {0}
   */
  readonly pause?: number | undefined;

  /** When a slice that failed is followed by the next; there is no last attempt. */
  readonly retry?: BackoffOptions | undefined;

  /**
   * A number from 0 up to, but not including, 1: the chance in the delays; injected by tests.
   *
   * @default {Math.random}
   */
  readonly random?: (() => number) | undefined;

  /**
   * As of any host; it begins when the slice is over.
   *
   * @default {4000}
   */
  readonly shutdownTimeout?: number | undefined;

  /**
   * As of any host.
   *
   * @default {1000}
   */
  readonly abandonTimeout?: number | undefined;
}

/** What limits a slice, in milliseconds. */
interface Times {
  readonly slice: number;
  readonly pause: number;
  readonly shutdownTimeout: number;
  readonly abandonTimeout: number;
}

/** One slice under way. */
interface Slice {
  /** Not before it has begun. */
  host: Host | undefined;
  /** Whether `stop` was called since; then the alarm is none of its business. */
  stopped: boolean;
  readonly ended: Promise<void>;
}

/**
 * Runs services slice by slice, driven by the alarm of a Durable Object.
 *
 * Each alarm runs them in a host of their own: until their background work has ended, and then that
 * was all; or until the slice is over, and then the next alarm is set. It is set before a slice
 * begins, too: if the object is evicted in the middle, or the machine dies, the work goes on when the
 * slice would have ended. Where it was is for the services to store, often enough.
 *
 * A slice that failed is logged and followed by another after a growing delay, for ever: `alarm()`
 * rejects only if the storage does, since the platform gives up after a few attempts.
 *
 * An object has one alarm: leave it to this.
 *
 * @example A Durable Object
 * ```ts
 * import { AlarmHost, type AlarmState, backgroundService } from "@runhost/host/workers";
 * import { equal } from "node:assert/strict";
 *
 * class Counter { // on Cloudflare: extends DurableObject
 *   count = 0;
 *   readonly #work: AlarmHost;
 *
 *   constructor(ctx: AlarmState) {
 *     this.#work = new AlarmHost(ctx, () => [backgroundService("count", async () => this.count++)]);
 *   }
 *
 *   fetch = () => this.#work.start();
 *   alarm = () => this.#work.alarm();
 * }
 *
 * // What the platform does.
 * let alarm: number | null = null;
 * const storage = {
 *   getAlarm: async () => alarm,
 *   setAlarm: async (time: number) => void (alarm = time),
 *   deleteAlarm: async () => void (alarm = null),
 * };
 * const counter = new Counter({ storage });
 * await counter.fetch();
 * await counter.alarm();
 *
 * equal(counter.count, 1);
 * equal(alarm, null);
 * ```
 */
export class AlarmHost {
  readonly #storage: AlarmState["storage"];
  readonly #services: () => Services;
  readonly #times: Times;
  readonly #settings: Settings;
  readonly #retry: Backoff;
  readonly #random: () => number;
  #running: Slice | undefined;
  #failures = 0;

  /**
   * Touches nothing yet.
   *
   * @param services Makes the services of a slice; called for each one, so it may answer with the
   * same instances only if they can be started again, as background services can.
   * @throws {TypeError} If `services` or an option has the wrong type.
   * @throws {RangeError} If a time is negative or `NaN`, or a slice could take for ever.
   */
  constructor(state: AlarmState, services: () => Services, options: AlarmHostOptions = {}) {
    const label = "AlarmHost options";
    check("AlarmHost state", state, {
      storage: { getAlarm: nothing, setAlarm: nothing, deleteAlarm: nothing },
    });
    check("AlarmHost services", services, nothing);
    check(label, options, {});
    const { slice = 10_000, pause = 0, random = Math.random } = options;
    check(`${label}.random`, random, nothing);
    const { shutdownTimeout = 4_000, abandonTimeout = 1_000 } = options;
    // A slice must not take for ever: the alarm that goes on after a crash is set to its end.
    const times = { slice, pause, shutdownTimeout, abandonTimeout };
    checkNames(label, options, [...Object.keys(times), "retry", "random"]);
    for (const [key, ms] of Object.entries(times)) checkFinite(`${label}.${key}`, ms);
    this.#storage = state.storage;
    this.#services = services;
    this.#settings = readSettings({ ...options, ...times, stopWhenIdle: true });
    this.#times = times;
    this.#random = random;
    this.#retry = readBackoff(options.retry ?? {}, `${label}.retry`, 60_000);
  }

  /** Sets the first alarm, unless one is set: the work begins soon, or is under way. */
  async start(): Promise<void> {
    if (await this.#storage.getAlarm() === null) await this.#storage.setAlarm(Date.now());
  }

  /**
   * Takes the alarm back, and resolves when the slice that runs has stopped. What it fails with is
   * logged. Not to be awaited by the work itself.
   */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running) running.stopped = true;
    running?.host?.lifetime.stopApplication("The work of the object was stopped");
    await this.#storage.deleteAlarm();
    await running?.ended;
  }

  /**
   * Runs one slice, and resolves when it has ended, however it did. For the object's own `alarm()`.
   */
  async alarm(): Promise<void> {
    const ended = deferred();
    const slice: Slice = this.#running = { host: undefined, stopped: false, ended: ended.promise };
    try {
      const { slice: work, shutdownTimeout, abandonTimeout } = this.#times;
      await this.#setAlarm(work + shutdownTimeout + abandonTimeout); // it cannot end later
      if (slice.stopped) return;
      const next = await this.#run(slice);
      if (slice.stopped) return;
      if (next === undefined) await this.#storage.deleteAlarm();
      else await this.#setAlarm(next);
    } finally {
      this.#running = undefined;
      ended.resolve();
    }
  }

  /** Resolves with the milliseconds until the next slice, if there is to be one. */
  async #run(slice: Slice): Promise<number | undefined> {
    const { clock, logger } = this.#settings;
    const controller = new AbortController();
    const over = new AbortError(`A slice of ${this.#times.slice} ms is over`);
    const clear = startTimer(clock, this.#times.slice, () => controller.abort(over));
    try {
      slice.host = createHost(this.#services(), this.#settings);
      await slice.host.run(controller.signal);
      this.#failures = 0;
      return controller.signal.aborted ? this.#times.pause : undefined;
    } catch (error) {
      const next = backoff(this.#retry, ++this.#failures, this.#random);
      const line = `A slice failed; the next begins in ${Math.round(next)} ms: ${textOf(error)}`;
      log(logger, "error", line);
      return next;
    } finally {
      clear();
    }
  }

  async #setAlarm(ms: number): Promise<void> {
    await this.#storage.setAlarm(Date.now() + ms);
  }
}
