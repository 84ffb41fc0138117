import { AbortError, isCleanAbort, Latch, link } from "../_abort.ts";
import { check, nothing } from "../_check.ts";
import { type Failure, log } from "../_log.ts";
import { startTimer } from "../_time/timer.ts";
import { BackgroundService } from "../background_service.ts";
import { HostStateError, type ServiceTimeoutError } from "../errors.ts";
import { combine } from "../_host/failures.ts";
import { type HostLink, hostLink } from "../_host/host_link.ts";
import { onAbort } from "../on_abort.ts";
import { Incarnation, type Surroundings } from "./_incarnation.ts";
import type { Phase } from "../events.ts";
import type { Clock, HostedService, HostedServiceHooks, ServiceContext } from "../types.ts";

/** What `supervised` and `leader` have in common. */
export interface IncarnationOptions
  extends Pick<HostedServiceHooks, "backgroundServiceExceptionBehavior" | "heartbeat"> {
  /**
   * Milliseconds that the start of an incarnation may take. Then its signal aborts and it has failed; if
   * its start is still pending `stopTimeout` ms later, the service fails for good.
   *
   * @default {Infinity}
   */
  readonly startTimeout?: number | undefined;

  /**
   * Milliseconds of grace that the end of an incarnation has, whoever asks for it. Then its
   * `context.forced` aborts, and it has `abandonTimeout` left: after that the service fails for
   * good, since the next incarnation would run beside this one.
   *
   * @default {10000}
   */
  readonly stopTimeout?: number | undefined;
}

/** The names of these options, and of those that every service has. */
export const optionNames = [
  "make",
  "startTimeout",
  "stopTimeout",
  "backgroundServiceExceptionBehavior",
  "heartbeat",
] as const;

/** A clock whose timers can be ended all at once. */
class OwnClock implements Clock {
  readonly #clock: Clock;
  /** None, once it is closed. */
  #timers: Set<unknown> | undefined = new Set();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const timer: unknown = this.#timers && this.#clock.setTimeout(() => {
      this.#timers?.delete(timer);
      callback();
    }, ms);
    this.#timers?.add(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    if (this.#timers?.delete(timer)) this.#clock.clearTimeout(timer);
  }

  close(): void {
    for (const timer of this.#timers ?? []) this.#clock.clearTimeout(timer);
    this.#timers = undefined;
  }
}

/**
 * A service that keeps one incarnation of another at a time: forwards to it, begins and ends it, and
 * begins none once a stop was asked for. What to do in between says whoever extends it.
 */
export abstract class Keeper extends BackgroundService {
  readonly name!: string; // `define` sets it
  /** 0 when an incarnation was given up: a host shall not wait for it any longer. */
  stopTimeout: number;
  /** Of the last start. */
  protected context!: ServiceContext;
  protected host!: HostLink;
  protected clock!: OwnClock;
  /** What messages call it. */
  protected readonly label: string;
  /** The one that there is, from when it was made to the end of its end. */
  protected current: Incarnation | undefined;
  /** Milliseconds of grace. */
  protected readonly grace: number;
  /** Ends the sleep between two incarnations. */
  protected wake: () => void = nothing;
  /** Milliseconds that a call has left when the grace is over, before it is given up. */
  protected patience = 0;
  readonly #startTimeout: number;
  readonly #known = new WeakSet<object>();
  /** From when on none is begun. */
  #ending!: Latch;
  #around!: Surroundings;
  /** What went wrong in the stop, from when that has begun. */
  #errors: unknown[] | undefined;
  #clearBeat: () => void = nothing;
  /** Listens no longer; there from its start to the end of its stop. */
  #unlink: (() => void) | undefined;

  constructor(name: string, options: IncarnationOptions) {
    super();
    check("the name of a service", name, "");
    this.label = `service "${name}"`;
    check(this.label, options, { make: nothing });
    const { startTimeout = Infinity, stopTimeout = 10_000 } = options;
    check(this.label, { startTimeout, stopTimeout }, { startTimeout: 0, stopTimeout: 0 });
    this.#startTimeout = startTimeout;
    this.grace = this.stopTimeout = stopTimeout;
  }

  /** Does all there is to do until the stop, or until the service has failed. */
  protected abstract live(): Promise<void>;

  /** What there is to do in the start. */
  protected abstract prepare(): unknown;

  /** What `health` answers while none is up. */
  protected abstract idle(): unknown;

  /** The health of the incarnation. */
  health(signal: AbortSignal): unknown {
    const { current } = this;
    return current?.isUp ? current.service.health?.(signal) : this.idle();
  }

  override async start(
    signal?: AbortSignal,
    context: ServiceContext | undefined = this["~worker"]?.context,
  ): Promise<void> {
    if (this.#unlink) {
      throw new HostStateError("Cannot start the service again: it has not been stopped");
    }
    const { lifetime, clock } = this.context = context as ServiceContext;
    this.clock = new OwnClock(clock);
    this.stopTimeout = this.grace;
    this.host = hostLink(this.context.host);
    this.patience = this.host.abandonTimeout;
    this.#ending = new Latch();
    this.#errors = undefined;
    this.#around = {
      context: this.context,
      clock: this.clock,
      failed: (phase, error) => this.#failed(phase, error),
    };
    const { clock: own } = this;
    onAbort(lifetime.stopped, () => own.close()); // also what outlives the stop has no timer then
    this.#unlink = onAbort(lifetime.stopping, (reason) => this.#request(reason));
    const unlinkStart = link(signal, (reason) => this.#request(reason));
    try {
      await this.prepare();
      await super.start(signal, context);
      this.#beat();
    } catch (error) {
      this.#close();
      throw error;
    } finally {
      unlinkStart();
    }
  }

  override async execute(signal: AbortSignal): Promise<void> {
    const unlink = link(signal, (reason) => this.#request(reason));
    try {
      await this.live();
    } catch (error) {
      this.fail(error);
    }
    this.#clearBeat();
    unlink();
  }

  /** Makes no further incarnation, and tells the one there is. */
  async stopping(): Promise<void> {
    const { closing } = this.context.lifetime;
    this.#request(closing.reason ?? new AbortError("The service is stopped"));
    await this.current?.stopping();
  }

  /** Ends what there is, and resolves when all of it has ended. */
  override async stop(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
    if (!this.context) return;
    const errors: unknown[] = this.#errors = [];
    this.#request(new AbortError("The service is stopped"));
    if (this.current) await this.finish(this.current);
    await super.stop(signal, context);
    this.#close();
    if (errors.length) throw combine(errors);
  }

  /** Fails the service, unless the error is an answer to the end of what it is of. */
  protected fail(error: unknown): void {
    if (!isCleanAbort(error, this.#ending)) this.context.fail(error);
  }

  /** Whether a stop was asked for. */
  protected get isEnding(): boolean {
    return this.#ending.aborted;
  }

  protected get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /**
   * Makes an incarnation. One that cannot be made is over.
   *
   * @throws {TypeError} If what was made is no service, or was made before.
   */
  protected make(make: (context: ServiceContext) => unknown): Incarnation {
    let misuse: Failure | undefined;
    const it = new Incarnation(this.#around, (context) => {
      const made = make(context);
      try {
        this.#admit(made as HostedService);
        return made;
      } catch (error) {
        misuse = { error };
        return {};
      }
    });
    if (!misuse) return this.current = it;
    void it.end(0, Infinity);
    throw misuse.error;
  }

  /** Starts an incarnation; resolves when it is up, or over. */
  protected async launch(it: Incarnation): Promise<void> {
    if (!this.isEnding && !it.isUp) await it.start(this.#startTimeout);
    this.#beat();
  }

  /**
   * Ends an incarnation; resolves when that is over, or to the error that it was given up with. In a
   * stop the host decides when that is.
   */
  protected async finish(
    it: Incarnation,
    isLimited: boolean = !this.isEnding,
  ): Promise<ServiceTimeoutError | undefined> {
    const ended = isLimited ? it.end(this.grace, this.patience) : it.end(Infinity, Infinity);
    this.#beat();
    const hung = await ended;
    if (hung) this.stopTimeout = 0;
    if (this.current === it) this.current = undefined;
    return hung;
  }

  /** Resolves after a time, or when a stop is asked for. */
  protected sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.isEnding) return resolve();
      const clear = startTimer(this.clock, ms, resolve);
      this.wake = () => {
        clear();
        resolve();
      };
    });
  }

  protected log(level: "warn" | "error", line: string, failure?: Failure): void {
    const { logger, name } = this.context;
    log(logger, level, `Service "${name}"${line}`, failure);
  }

  #request(reason: unknown): void {
    this.#ending.abort(reason);
    this.#clearBeat();
    this.current?.cancel(this.#ending.reason);
    this.wake();
  }

  #failed(phase: Phase, error: unknown): void {
    if (this.#errors && phase !== "waitUntil") this.#errors.push(error);
    else this.log("error", `: ${phase} of an incarnation failed`, { error });
  }

  #admit(made: HostedService): void {
    const label = `${this.label}.make`;
    if (made instanceof Promise) {
      made.catch(nothing);
      throw new TypeError(`Cannot use ${label}: got a promise; do asynchronous work in start`);
    }
    check(`what ${label} gave`, made, { start: nothing, stop: nothing });
    if (this.#known.has(made)) {
      throw new TypeError(`Cannot use ${label}: it gave the same service twice`);
    }
    this.#known.add(made);
  }

  /** Says that the service is alive, for as long as there is no incarnation that could. */
  #beat(): void {
    const { heartbeat } = this as HostedService;
    this.#clearBeat();
    if (heartbeat === undefined || this.isEnding) return;
    this.context.beat();
    if (this.current?.isUp) return;
    this.#clearBeat = startTimer(this.clock, Math.max(heartbeat / 2, 1), () => this.#beat());
  }

  #close(): void {
    this.#clearBeat();
    this.#unlink?.();
    this.#unlink = undefined;
  }
}
