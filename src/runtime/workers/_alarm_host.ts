import { AbortError } from "../../_abort.ts";
import { check, checkFinite, checkNames, nothing } from "../../_check.ts";
import { deferred } from "../../_deferred.ts";
import { readSettings } from "../../_host/settings.ts";
import { type BackoffOptions, readBackoff } from "../../_time/backoff.ts";
import { startTimer } from "../../_time/timer.ts";
import type { Clock, HostOptions, Services } from "../../types.ts";
import { SliceRunner } from "./_slice_runner.ts";

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

/** One alarm, from its call to its end. */
interface Alarm {
  /** Whether `stop` was called since: then this one sets no other. */
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
  readonly #clock: Clock;
  /** Milliseconds a slice may take before it is stopped. */
  readonly #slice: number;
  /** Milliseconds after which a slice has ended, its stop included. */
  readonly #longest: number;
  readonly #runner: SliceRunner;
  #running: Alarm | undefined;

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
    const settings = readSettings({ ...options, ...times });
    const retry = readBackoff(options.retry ?? {}, `${label}.retry`, 60_000);
    this.#clock = settings.clock;
    this.#slice = slice;
    this.#longest = slice + shutdownTimeout + abandonTimeout;
    this.#runner = new SliceRunner({ settings, pause, retry, random });
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
    this.#runner.stop("The work of the object was stopped");
    await this.#storage.deleteAlarm();
    await running?.ended;
  }

  /**
   * Runs one slice, and resolves when it has ended, however it did. For the object's own `alarm()`.
   */
  async alarm(): Promise<void> {
    const ended = deferred();
    const alarm: Alarm = this.#running = { stopped: false, ended: ended.promise };
    try {
      await this.#setAlarm(this.#longest); // for when this slice is lost
      if (alarm.stopped) return;
      const next = await this.#run();
      if (alarm.stopped) return;
      if (next === undefined) await this.#storage.deleteAlarm();
      else await this.#setAlarm(next);
    } finally {
      this.#running = undefined;
      ended.resolve();
    }
  }

  /** Resolves with the milliseconds until the next slice, if there is to be one. */
  async #run(): Promise<number | undefined> {
    const controller = new AbortController();
    const over = new AbortError(`A slice of ${this.#slice} ms is over`);
    const clear = startTimer(this.#clock, this.#slice, () => controller.abort(over));
    const next = await this.#runner.run({ services: this.#services, signal: controller.signal });
    clear();
    return next;
  }

  async #setAlarm(ms: number): Promise<void> {
    await this.#storage.setAlarm(Date.now() + ms);
  }
}
