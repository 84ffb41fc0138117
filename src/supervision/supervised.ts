import { check, checkNames, checkWhole, checkWord, nothing } from "../_check.ts";
import {
  type Backoff,
  backoff,
  backoffNames,
  type BackoffOptions,
  readDelays,
} from "../_time/backoff.ts";
import { define } from "../hosted_service.ts";
import { onAbort } from "../on_abort.ts";
import type { Failure } from "../_log.ts";
import { type IncarnationOptions, Keeper, optionNames } from "./_keeper.ts";
import type { Incarnation } from "./_incarnation.ts";
import type {
  HostedLifecycleService,
  HostedService,
  HostedServiceHooks,
  ServiceContext,
} from "../types.ts";

/** When an incarnation is followed by another, and how often. */
export interface RestartOptions extends BackoffOptions {
  /**
   * How often in a row: a whole number from 1, or `Infinity`. After the failure that follows the last one
   * the service has failed for good.
   *
   * @default {10}
   */
  readonly attempts?: number | undefined;
  /**
   * Milliseconds from the end of a failed incarnation to the next one; twice as many after each further
   * failure in a row. Finite.
   *
   * @default {1000}
   */
  readonly delay?: number | undefined;
  /**
   * The longest delay, in milliseconds: not less than `delay`, if both are set.
   *
   * @default {30000, or `delay` if that is more}
   */
  readonly maxDelay?: number | undefined;
  /**
   * Milliseconds after which an incarnation that is up counts as well: its failure is the first of a row.
   *
   * @default {60000}
   */
  readonly resetAfter?: number | undefined;
  /**
   * After what: `"failure"` of its work, of its start, or told by `context.fail`; `"always"` also when
   * its background work has ended by itself. That waits `delay` ms, no more, and costs no attempt.
   *
   * @default {"failure"}
   */
  readonly on?: "failure" | "always" | undefined;
}

/** Options of {@linkcode supervised}. */
export interface SupervisedOptions
  extends IncarnationOptions, Pick<HostedServiceHooks, "holdsReady"> {
  /**
   * Makes an incarnation: a service that nobody has started, synchronously, a new one each time. What it
   * makes is disposed (`Symbol.asyncDispose`, else `Symbol.dispose`) when it has ended. One that throws is
   * a failure as any other.
   *
   * @param context Of that incarnation: what its hooks are given. `host`, `lifetime` and `name` are those
   * around it.
   */
  readonly make: (context: ServiceContext) => HostedService | HostedLifecycleService;

  /**
   * When, and how often, another one is made.
   */
  readonly restart?: RestartOptions | undefined;

  /**
   * `"wait"`: the start of the service is that of its first incarnation, and fails with it, so that a
   * mistake in the configuration shows in the deployment, and not in a row of restarts; and nothing is
   * restarted before the host has started. `"background"`: the service starts at once, and nothing waits
   * for the first incarnation, whose start may fail as any other.
   *
   * @default {"wait"}
   */
  readonly firstStart?: "wait" | "background" | undefined;

  /**
   * A number from 0 up to, but not including, 1: the chance in the delays; injected by tests.
   *
   * @default {Math.random}
   */
  readonly random?: (() => number) | undefined;
}

/** How a {@linkcode supervised} service stands. */
export interface SupervisedDetails {
  /** Whether there is an incarnation that has started and goes on. */
  readonly running: boolean;
  /** How often another one was made, in all. */
  readonly restarts: number;
  /** How many failures there were in a row. */
  readonly failures: number;
  /** What the last one was; `undefined` before the first. */
  readonly error: unknown;
  /** Milliseconds until the next incarnation; `undefined` while none is to come. */
  readonly restartsIn: number | undefined;
  /** What the incarnation says of itself. */
  readonly service: unknown;
}

/** The service that {@linkcode supervised} gives. */
export interface Supervised extends HostedService {
  /** What the host calls it. */
  readonly name: string;
  /** How it stands, as a fresh object. */
  readonly details: SupervisedDetails;
  /**
   * Settles when there will be no further incarnation; `undefined` before the start, and if the first
   * incarnation has no background work.
   */
  readonly executeTask: Promise<void> | undefined;
}

interface Restart extends Backoff {
  readonly attempts: number;
  readonly resetAfter: number;
  readonly on: "failure" | "always";
}

/** Fills in what is not set. */
function readRestart(options: RestartOptions = {}, label: string): Restart {
  check(label, options, {});
  const { attempts = 10, resetAfter = 60_000, on = "failure" } = options;
  checkNames(label, options, [...backoffNames, "attempts", "resetAfter", "on"]);
  if (attempts !== Infinity) checkWhole(`${label}.attempts`, attempts, 1);
  check(`${label}.resetAfter`, resetAfter, 0);
  checkWord(`${label}.on`, on, ["failure", "always"]);
  return { ...readDelays(options, label, 30_000), attempts, resetAfter, on };
}

class SupervisedService extends Keeper implements Supervised {
  readonly #options: SupervisedOptions;
  readonly #restart: Restart;
  readonly #random: () => number;
  #first: Incarnation | undefined;
  #offersTask = false;
  #restarts = 0;
  #failures = 0;
  #error: unknown;
  /** When the next incarnation begins, if the last one has ended by then. */
  #due: number | undefined;

  constructor(name: string, options: SupervisedOptions) {
    super(name, options);
    const { restart, firstStart = "wait", random = () => Math.random() } = options;
    checkNames(this.label, options, [
      ...optionNames,
      "restart",
      "firstStart",
      "holdsReady",
      "random",
    ]);
    checkWord(`${this.label}.firstStart`, firstStart, ["wait", "background"]);
    check(`${this.label}.random`, random, nothing);
    this.#options = options;
    this.#restart = readRestart(restart, `${this.label}.restart`);
    this.#random = random;
  }

  override get executeTask(): Promise<void> | undefined {
    return this.#offersTask ? super.executeTask : undefined;
  }

  get details(): SupervisedDetails {
    const { current } = this;
    return {
      running: current?.isUp ?? false,
      restarts: this.#restarts,
      failures: this.#failures,
      error: this.#error,
      restartsIn: this.#restartsIn,
      service: current?.service.details,
    };
  }

  get #restartsIn(): number | undefined {
    return this.#due && Math.max(0, Math.round(this.#due - this.clock.now()));
  }

  protected idle(): unknown {
    const next = this.#restartsIn;
    const error = new Error(next === undefined ? "It is not running" : `It restarts in ${next} ms`);
    return { status: "degraded", error };
  }

  protected async prepare(): Promise<void> {
    const { firstStart = "wait", make } = this.#options;
    const it = this.#first = this.make(make);
    this.#failures = this.#restarts = 0;
    this.#error = this.#due = undefined;
    if (firstStart === "background") {
      this.#offersTask = !it.service.start || "executeTask" in it.service; // nobody knows, or it does
      return;
    }
    await this.launch(it);
    this.#offersTask = it.hasWork;
    if (!it.startFailed && !this.isEnding) return;
    const hung = await this.finish(it);
    const failure = await it.over;
    throw hung ?? (failure ? failure.error : this.ending.reason);
  }

  protected async live(): Promise<void> {
    const { make } = this.#options;
    const restart = this.#restart;
    let it = this.#first as Incarnation;
    this.#first = undefined;
    for (;;) {
      await this.launch(it);
      const since = this.clock.now();
      const failure = await it.over;
      if (!failure && (restart.on === "failure" || this.isEnding)) return; // it stays until the stop
      let { delay } = restart;
      let isFinal = false;
      if (failure) {
        if (this.clock.now() - since >= restart.resetAfter) this.#failures = 0;
        const failures = ++this.#failures;
        this.#error = failure.error;
        delay = Math.round(backoff(restart, failures, this.#random));
        isFinal = this.isEnding || failures > restart.attempts;
        if (isFinal) this.fail(failure.error);
      }
      if (!isFinal) this.#announce(delay, failure);
      const hung = await this.finish(it);
      if (hung) this.fail(hung);
      if (hung || isFinal) return;
      await this.#wait(delay);
      if (this.isEnding) return;
      this.#restarts++;
      it = this.make(make);
    }
  }

  #announce(delay: number, failure: Failure | undefined): void {
    const { name } = this.context;
    const attempt = failure ? this.#failures : 0;
    const error = failure?.error;
    this.#due = this.clock.now() + delay;
    if (failure) {
      const which = `${attempt} of ${this.#restart.attempts}`;
      this.log("warn", ` failed, and restarts in ${delay} ms (${which})`, failure);
    }
    this.host.tell({ type: "serviceRestarting", service: name, attempt, delay, error });
  }

  /** Waits for the time of the next incarnation: also until the host has started. */
  async #wait(delay: number): Promise<void> {
    const { started } = this.context.lifetime;
    this.#due = this.clock.now() + delay;
    await this.sleep(delay);
    if (this.#options.firstStart !== "background" && !started.aborted) {
      const unlink = onAbort(started, () => this.wake());
      await this.sleep(Infinity);
      unlink();
    }
    this.#due = undefined;
  }
}

/**
 * A service that is restarted when it fails: one incarnation after the other, each made anew.
 *
 * When the background work of an incarnation fails, when it calls `context.fail`, or when its start fails,
 * it is stopped and disposed, and another one is made after a delay. When `restart.attempts` are used up,
 * the last error is the failure of this service, and its `backgroundServiceExceptionBehavior` decides.
 * Two incarnations never overlap: one that outlives its limits is the end of the service, too.
 *
 * The hooks of an incarnation run inside those of this service: `starting`, `start` and `started` when it
 * begins, `stop`, `stopped` and its disposal when it ends; `stopping` in that of this service. Its
 * `context` is its own, and dead once its end has begun; its end waits for what it gave to `waitUntil`.
 * From the moment in which a stop is asked for no further one is made, and a failure is the service's own.
 *
 * While none is up, its `health` says so (degraded, so that the host stays ready), and it beats itself.
 *
 * @param name What the host calls it, and each incarnation.
 * @throws {TypeError} If something in the options is missing or has the wrong type.
 * @throws {RangeError} If a number in them is out of range.
 *
 * @example A feed that breaks off
 * ```ts
 * import { backgroundService, createHost } from "@runhost/host";
 * import { supervised } from "@runhost/host/supervision";
 * import { deepEqual } from "node:assert/strict";
 *
 * const log: string[] = [];
 * const feed = supervised("feed", {
 *   restart: { delay: 1 },
 *   make: () =>
 *     backgroundService("feed", {
 *       start: () => log.push("connect"),
 *       async execute() {
 *         if (log.length < 4) throw new Error("Connection reset");
 *       },
 *       stop: () => log.push("disconnect"),
 *     }),
 * });
 *
 * await createHost([feed], { stopWhenIdle: true, logger: false }).run();
 *
 * deepEqual(log, ["connect", "disconnect", "connect", "disconnect", "connect", "disconnect"]);
 * ```
 */
export function supervised(name: string, options: SupervisedOptions): Supervised {
  return define(new SupervisedService(name, options), name, options);
}
