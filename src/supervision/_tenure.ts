import { nothing } from "../_check.ts";
import { startTimer } from "../_time/timer.ts";
import type { Term } from "./lease.ts";
import type { Clock } from "../types.ts";

/** One moment, on a clock that is never set, but may stand still, and on one that is right. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** What a tenure is held by, and for how long. */
export interface TenureOptions {
  readonly clock: Clock;
  /** The present. */
  readonly moment: () => Moment;
  readonly duration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
  /** Milliseconds for what shall end, if its time was over before anybody could tell it. */
  readonly abandonTimeout: number;
  /** Makes a call that has a limit. */
  readonly ask: <T>(call: (signal: AbortSignal) => PromiseLike<T>) => Promise<T>;
  /** Told of a call that failed. */
  readonly troubled: (what: "renewed" | "released", error: unknown) => void;
}

/** Who is told how a tenure goes. */
export interface TenureObserver {
  /** It leads no longer, and has so many milliseconds to end what it does. */
  lost(reason: "undecided" | "refused", left: number): void;
  /** Those are over. */
  expired(): void;
}

/** The time in which a lease is held: renews it until it is closed, and knows when it is over. */
export class Tenure {
  readonly token: number;
  readonly #term: Term;
  readonly #options: TenureOptions;
  #observer: TenureObserver | undefined;
  /** When the last request was sent that was granted: not earlier than from then on it is held. */
  #sent: Moment;
  #lost: "undecided" | "refused" | undefined;
  /** Whether it ends, or is left to itself. */
  #isOver = false;
  #patience = 0;
  #renewing: Promise<void> | undefined;
  #troubled = false;
  #wake: () => void = nothing;
  #clear: () => void = nothing;

  constructor(term: Term, sent: Moment, options: TenureOptions) {
    this.token = term.token;
    this.#term = term;
    this.#sent = sent;
    this.#options = options;
  }

  /** Whether it is known to be held: asked of both clocks, since no timer can be relied on. */
  readonly leading = (): boolean =>
    !this.#lost && !this.#isOver && this.#left(this.#options.renewDeadline) > 0;

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Renews it from now on. */
  begin(observer: TenureObserver): void {
    this.#observer = observer;
    this.#renewing = this.#renewAll();
    this.#watch();
  }

  /** Gives it back, unless somebody else has it. Resolves when no call goes on any more. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    await this.#renewing;
    if (this.#lost === "refused") return;
    const { ask, troubled } = this.#options;
    await ask((signal) => this.#term.release(signal)).catch((error) => troubled("released", error));
  }

  #end(): void {
    this.#isOver = true;
    this.#clear();
    this.#wake();
  }

  async #renewAll(): Promise<void> {
    while (!this.#isOver) {
      await new Promise<void>((resolve) => {
        const clear = startTimer(this.#options.clock, this.#options.retryPeriod, resolve);
        this.#wake = () => {
          clear();
          resolve();
        };
      });
      if (this.#isOver) return;
      this.#watch(); // a machine that slept has no timer that knows
      await this.#renew();
      if (this.#lost === "refused") return;
    }
  }

  async #renew(): Promise<void> {
    const { moment, duration, ask, troubled } = this.#options;
    const sent = moment();
    try {
      const isHeld = await ask((signal) => this.#term.renew(signal, { duration }));
      this.#troubled = false;
      if (this.#isOver && isHeld) return;
      if (isHeld) this.#sent = sent;
      else this.#lose("refused");
      this.#watch();
    } catch (error) {
      if (!this.#troubled) troubled("renewed", error);
      this.#troubled = true;
    }
  }

  /** Looks at both clocks, now and when the next of the limits is over. */
  #watch(): void {
    const { clock, renewDeadline, duration } = this.#options;
    this.#clear();
    if (this.#isOver) return;
    const left = this.#left(this.#lost ? duration : renewDeadline);
    if (left > 0) {
      this.#clear = startTimer(clock, left, () => this.#watch());
    } else if (!this.#lost) {
      this.#lose("undecided");
      this.#watch();
    } else {
      // What has ended at the very end is in time.
      this.#clear = startTimer(clock, this.#patience, () => this.#expire());
    }
  }

  #expire(): void {
    this.#end();
    this.#observer?.expired();
  }

  #lose(reason: "undecided" | "refused"): void {
    const left = this.#left(this.#options.duration);
    const isFirst = !this.#lost;
    this.#lost = reason;
    if (left <= 0) this.#patience = this.#options.abandonTimeout;
    if (!this.#isOver && (isFirst || reason === "refused")) {
      this.#observer?.lost(reason, reason === "refused" ? 0 : Math.max(left, 0));
    }
  }

  /** Milliseconds until this many have passed since it was last granted, on the clock that is ahead. */
  #left(ms: number): number {
    const { monotonic, wall } = this.#options.moment();
    return ms - Math.max(monotonic - this.#sent.monotonic, wall - this.#sent.wall);
  }
}
