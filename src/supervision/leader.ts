import { AbortError, link } from "../_abort.ts";
import { check, checkFinite, checkNames, checkWhole, nothing } from "../_check.ts";
import { draw } from "../_time/chance.ts";
import { startLimit } from "../_time/timer.ts";
import { define } from "../hosted_service.ts";
import { type IncarnationOptions, Keeper, optionNames } from "./_keeper.ts";
import { type Moment, Tenure, type TenureOptions } from "./_tenure.ts";
import type { Lease } from "./lease.ts";
import type { LeaderLostEvent } from "../events.ts";
import type { HostedLifecycleService, HostedService, ServiceContext } from "../types.ts";

/** What an incarnation of a {@linkcode leader} knows of its term. */
export interface Leadership {
  /**
   * The token of the term, a whole number that grows with each: whoever writes elsewhere passes it on, so
   * that what was written under a later one is not overwritten (`where token <= $1`).
   */
  readonly token: number;
  /**
   * Whether this process still believes to lead. Compares clocks when asked, and so is right before any
   * signal has aborted; may be called detached.
   */
  readonly leading: () => boolean;
}

/** Options of {@linkcode leader}. */
export interface LeaderOptions extends IncarnationOptions {
  /** What at most one process holds at a time. */
  readonly lease: Lease;

  /**
   * Makes what runs while this process leads: a service that nobody has started, synchronously, a new one
   * for each term. What it makes is disposed (`Symbol.asyncDispose`, else `Symbol.dispose`) when it has
   * ended.
   *
   * @param context Of that incarnation: what its hooks are given. `host`, `lifetime` and `name` are those
   * around it.
   * @param leadership Its term.
   */
  readonly make: (
    context: ServiceContext,
    leadership: Leadership,
  ) => HostedService | HostedLifecycleService;

  /**
   * Milliseconds that the lease is asked for: how long nobody leads after a leader has died. More than
   * `renewDeadline`.
   *
   * @default {15000}
   */
  readonly duration?: number | undefined;

  /**
   * Milliseconds without an answer after which this process gives up to lead, counted from before the last
   * request that was granted. More than 1.2 times `retryPeriod`. What is left of `duration` then is the
   * grace of the incarnation. A call to the lease has half of it.
   *
   * @default {10000}
   */
  readonly renewDeadline?: number | undefined;

  /**
   * Milliseconds between two requests, to renew the lease or, and up to a fifth more then, to get it.
   *
   * @default {2000}
   */
  readonly retryPeriod?: number | undefined;

  /**
   * The wall clock, in milliseconds since 1970: goes on while a machine sleeps. Injected by tests.
   *
   * @default {Date.now}
   */
  readonly now?: (() => number) | undefined;

  /**
   * A number from 0 up to, but not including, 1: the chance in the delays; injected by tests.
   *
   * @default {Math.random}
   */
  readonly random?: (() => number) | undefined;
}

/** How a {@linkcode leader} stands. */
export interface LeaderDetails {
  /** Whether this process believes to lead. */
  readonly leading: boolean;
  /** Since when, in milliseconds of the host's clock; `undefined` while it does not. */
  readonly since: number | undefined;
  /** The token of its term; `undefined` while it does not lead. */
  readonly token: number | undefined;
  /** What the incarnation says of itself. */
  readonly service: unknown;
}

/** The service that {@linkcode leader} gives. */
export interface Leader extends HostedService {
  /** What the host calls it. */
  readonly name: string;
  /** How it stands, as a fresh object. */
  readonly details: LeaderDetails;
  /** Settles when this process will not lead any more; `undefined` before the start. */
  readonly executeTask: Promise<void> | undefined;
}

/** What client-go calls the jitter factor: the longest wait between two requests, in periods. */
const longestWait = 1.2;

class LeaderService extends Keeper implements Leader {
  readonly #options: LeaderOptions;
  readonly #times: Pick<TenureOptions, "duration" | "renewDeadline" | "retryPeriod">;
  readonly #now: () => number;
  readonly #random: () => number;
  #holder = "";
  #tenure: Tenure | undefined;
  #since = 0;
  /** Whether the last request has failed. */
  #troubled = false;

  constructor(name: string, options: LeaderOptions) {
    super(name, options);
    const { label } = this;
    const { now = () => Date.now(), random = () => Math.random() } = options;
    const { duration = 15_000, renewDeadline = 10_000, retryPeriod = 2_000 } = options;
    const times = { duration, renewDeadline, retryPeriod };
    const own = ["lease", "now", "random", ...Object.keys(times)];
    checkNames(label, options, [...optionNames, ...own]);
    check(label, { ...options, now, random }, {
      lease: { acquire: nothing },
      now: nothing,
      random: nothing,
    });
    for (const [key, ms] of Object.entries(times)) {
      checkFinite(`${label}.${key}`, ms);
      if (ms === 0) throw new RangeError(`Cannot use ${label}.${key}: 0 is not positive`);
    }
    const less = (key: string, ms: number, limit: string): never => {
      throw new RangeError(`Cannot use ${label}.${key}: ${ms} is not more than ${limit}`);
    };
    if (duration <= renewDeadline) less("duration", duration, `renewDeadline: ${renewDeadline}`);
    if (renewDeadline <= longestWait * retryPeriod) {
      less("renewDeadline", renewDeadline, `${longestWait} times retryPeriod: ${retryPeriod}`);
    }
    this.#options = options;
    this.#times = times;
    this.#now = now;
    this.#random = random;
  }

  get details(): LeaderDetails {
    const leading = this.#tenure?.leading() ?? false;
    return {
      leading,
      since: leading ? this.#since : undefined,
      token: leading ? this.#tenure?.token : undefined,
      service: this.current?.service.details,
    };
  }

  /** Standing by is healthy. */
  protected idle(): void {}

  protected prepare(): void {
    this.#holder = `${this.context.name}-${crypto.randomUUID()}`;
  }

  protected async live(): Promise<void> {
    while (!this.isEnding) {
      const tenure = await this.#acquire();
      if (this.isEnding || !tenure?.leading()) await tenure?.close();
      else if (await this.#lead(tenure)) return;
      const { retryPeriod } = this.#times;
      await this.sleep(retryPeriod * (1 + (longestWait - 1) * draw(this.#random)));
    }
  }

  /** Runs an incarnation as long as the tenure lasts. Answers whether that was the last one. */
  async #lead(tenure: Tenure): Promise<boolean> {
    const { token, leading } = tenure;
    const { name } = this.context;
    let told = false;
    const tell = (reason: LeaderLostEvent["reason"]): void => {
      if (!told) this.host.tell({ type: "leaderLost", service: name, token, reason });
      told = true;
    };
    const close = (): Promise<void> => {
      tell("released");
      return tenure.close();
    };
    this.#tenure = tenure;
    this.#since = this.clock.now();
    this.host.tell({ type: "leaderElected", service: name, token });
    let hung: unknown;
    try {
      const it = this.make((context) => this.#options.make(context, { token, leading }));
      tenure.begin({
        lost: (reason, left) => {
          this.log("warn", ` leads no longer: ${losses[reason]}`);
          tell(reason);
          it.end(Math.min(left, this.grace), Infinity);
        },
        expired: () => it.giveUp(),
      });
      await this.launch(it);
      const failure = await it.over;
      const isLast = !!failure || !tenure.isLost;
      if (failure) this.fail(failure.error);
      hung = await this.finish(it, !tenure.isLost && !this.isEnding);
      if (!hung) return isLast;
      this.fail(hung);
      void it.done().then(close); // it is renewed until then, or else left to itself
      return true;
    } finally {
      if (!hung) await close();
    }
  }

  async #acquire(): Promise<Tenure | undefined> {
    const { duration } = this.#times;
    const moment = (): Moment => ({ monotonic: this.clock.now(), wall: this.#now() });
    const sent = moment();
    const holder = this.#holder;
    try {
      const term = await this.#ask(
        (signal) => this.#options.lease.acquire(signal, { holder, duration }),
        this.ending,
        (late) => late && this.context.waitUntil(this.#ask((signal) => late.release(signal))),
      );
      this.#troubled = false;
      if (!term) return;
      checkWhole(`the token of the lease of ${this.label}`, term.token, 0);
      return new Tenure(term, sent, {
        ...this.#times,
        clock: this.clock,
        moment,
        abandonTimeout: this.patience,
        ask: (call) => this.#ask(call),
        troubled: (what, error) => this.log("warn", `: its lease cannot be ${what}`, { error }),
      });
    } catch (error) {
      if (!this.#troubled && !this.isEnding) {
        this.log("warn", ": its lease cannot be asked for", { error });
      }
      this.#troubled = true;
    }
  }

  /** Makes a call to the lease, and waits for it no longer than its limit. */
  #ask<T>(
    call: (signal: AbortSignal) => PromiseLike<T>,
    until?: AbortSignal,
    late: (value: T) => void = nothing,
  ): Promise<T> {
    const limit = this.#times.renewDeadline / 2;
    const controller = new AbortController();
    let isLate = false;
    return new Promise((resolve, reject) => {
      const unlink = link(until, (reason) => controller.abort(reason));
      const clear = startLimit(this.clock, limit, () => {
        isLate = true;
        controller.abort(new AbortError(`The lease has not answered in ${limit} ms`));
        end(() => reject(controller.signal.reason));
      });
      const end = (settle: () => void): void => {
        clear();
        unlink();
        settle();
      };
      (async () => await call(controller.signal))().then(
        (value) => isLate ? late(value) : end(() => resolve(value)),
        (error) => end(() => reject(error)),
      );
    });
  }
}

/** What the log says of a lease that is lost. */
const losses = {
  undecided: "its lease could not be renewed in time",
  refused: "somebody else may have its lease",
};

/**
 * At most one process *believes* to lead, and runs the service; who writes elsewhere passes the `token` on. No
 * lease can do more: a process may stand still between its look at the clock and its write.
 *
 * The service starts at once, and stands by: healthy, ready, asking for the lease every `retryPeriod`. When
 * it has the lease, an incarnation is made and started, as those of `supervised` are, and the lease
 * is renewed until the incarnation has ended; then it is given back, and the next process leads.
 *
 * - **Its stop** ends the incarnation, then gives the lease back. Work that ends by itself does so as well,
 *   and this process leads no more.
 * - **A failure** of the incarnation is a failure of this service: put a `supervised` one inside where it
 *   shall be restarted.
 * - **A lease that cannot be renewed** by the `renewDeadline` is given up: the incarnation is stopped, with
 *   what is left of `duration` as its grace. When somebody else has it, `context.forced` aborts at
 *   once. Then the service stands by again.
 * - **An incarnation that has not ended by `duration`** is a failure of the service, which
 *   the host waits for no longer: better no leader than two. Its lease is neither renewed nor given back.
 *
 * @param name What the host calls it, and each incarnation.
 * @throws {TypeError} If something in the options is missing or has the wrong type.
 * @throws {RangeError} If a number in them is out of range.
 *
 * @example One of two
 * ```ts
 * import { backgroundService, createHost } from "@runhost/host";
 * import { leader } from "@runhost/host/supervision";
 * import { FakeLease } from "@runhost/host/testing"; // stands for one of Redis or PostgreSQL
 * import { deepEqual } from "node:assert/strict";
 *
 * const lease = new FakeLease();
 * const log: string[] = [];
 * const nightly = (name: string) =>
 *   leader(name, {
 *     lease,
 *     make: (_, { token }) =>
 *       backgroundService(name, async () => log.push(`${name} has token ${token}`)),
 *   });
 *
 * await createHost([nightly("a")], { stopWhenIdle: true }).run();
 * await createHost([nightly("b")], { stopWhenIdle: true }).run();
 *
 * deepEqual(log, ["a has token 1", "b has token 2"]);
 * ```
 */
export function leader(name: string, options: LeaderOptions): Leader {
  return define(new LeaderService(name, options), name, options);
}
