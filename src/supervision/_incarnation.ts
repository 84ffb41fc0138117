import { AbortError, isCleanStop, Latch, link } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { deferred } from "../_deferred.ts";
import { type Failure, log } from "../_log.ts";
import { startLimit } from "../_time/timer.ts";
import { ServiceTimeoutError } from "../errors.ts";
import type { Service } from "../_host/member.ts";
import { linkVersion, type WorkerLink } from "../_host/worker_link.ts";
import type { Phase } from "../events.ts";
import type { Clock, ServiceContext } from "../types.ts";

/** What an incarnation lives in. */
export interface Surroundings {
  /** Of the service around it. */
  readonly context: ServiceContext;
  /** A clock whose timers end with the host. */
  readonly clock: Clock;
  /** Told of each error that is not what the incarnation fails with. */
  readonly failed: (phase: Phase, error: unknown) => void;
}

/**
 * One life of a service inside another: made, started, stopped, disposed, once. Whoever keeps it makes
 * the next one when the end of this one is over, and none when that was given up.
 */
export class Incarnation {
  /** What was made; nothing if that failed. */
  readonly service: Service = {};
  /** Whether it has started, has not failed, and is not being ended. */
  isUp = false;
  /** Whether it is its start that failed, and not the work which that has begun. */
  startFailed = false;
  /** Whether its `start` has begun background work. */
  hasWork = false;
  readonly #around: Surroundings;
  readonly #context: ServiceContext;
  readonly #unlink: () => void;
  /** What its hooks of the start, and of the stop, listen to. */
  readonly #cancel = new Latch();
  readonly #forced = new Latch();
  readonly #handed = new Set<Promise<void>>();
  #worker: WorkerLink | undefined;
  #work: Promise<void> | undefined;
  readonly #over = deferred<Failure | undefined>();
  #isOver = false;
  #failure: Failure | undefined;
  #start: Promise<void> | undefined;
  #isStarting = false;
  #startFulfilled = false;
  #stopping: Promise<void> | undefined;
  /** When its end began, and what whoever waits for that gets. */
  #endBegun: number | undefined;
  #end: Promise<void> | undefined;
  readonly #ended = deferred<ServiceTimeoutError | undefined>();
  #isDone = false;
  #isGivenUp = false;
  /** The limits of its end, and when the first of them is over. */
  #grace = Infinity;
  #patience = Infinity;
  #due = Infinity;
  #clear: () => void = nothing;
  #clearStart: () => void = nothing;

  /** Makes the service. One that cannot be made is over. */
  constructor(around: Surroundings, make: (context: ServiceContext) => unknown) {
    const { host, lifetime, logger, clock, name, forced, ready, beat } = around.context;
    const latch = this.#forced;
    this.#around = around;
    this.#context = {
      host,
      lifetime,
      logger,
      clock,
      name,
      get forced() {
        return latch.signal;
      },
      fail: (error) => this.#report(error),
      waitUntil: (work) => this.#handOver(work),
      ready: () => this.#isEnding || ready(),
      beat: () => this.#isEnding || beat(),
    };
    this.#unlink = link(forced, (reason) => latch.abort(reason));
    try {
      this.service = make(this.#context) as Service;
    } catch (error) {
      this.#failStart(error);
    }
  }

  /**
   * Resolves when it goes on no longer: to what failed; or to nothing, when its work has ended or its
   * end has begun.
   */
  get over(): Promise<Failure | undefined> {
    return this.#over.promise;
  }

  get #isEnding(): boolean {
    return this.#endBegun !== undefined;
  }

  /** Starts it. Resolves when it is up, or over: when it failed, or has not started in time. */
  async start(timeout: number): Promise<void> {
    if (this.#isOver) return;
    this.#isStarting = true;
    this.#clearStart = startLimit(this.#around.clock, timeout, () => {
      this.#failStart(this.#timedOut("start", timeout));
    });
    this.#start = Promise.resolve().then(() => this.#runStart());
    await Promise.race([this.#start, this.over]);
  }

  /** Cancels its start, if that goes on. */
  cancel(reason: unknown): void {
    if (!this.#isStarting) return;
    this.#clearStart();
    this.#cancel.abort(reason);
  }

  /** Tells it to take nothing new, once it has started. */
  async stopping(): Promise<void> {
    if (this.#startFulfilled) await (this.#stopping ??= this.#hook("stopping"));
  }

  /**
   * Ends it: cancels its start, stops it if that fulfilled, waits for all it has begun, disposes it. A
   * further call can only make that shorter.
   *
   * @param grace Milliseconds until its `forced` aborts.
   * @param patience Milliseconds from then on until it is given up; a start that is still pending
   * then is given up at once. `Infinity`: somebody else decides.
   * @returns Resolves when it is over, or to the error that says that it was given up.
   */
  end(grace: number, patience: number): Promise<ServiceTimeoutError | undefined> {
    const { clock, context } = this.#around;
    if (this.#isDone) return this.#ended.promise;
    const isFirst = !this.#isEnding;
    this.#endBegun ??= clock.now();
    this.#grace = Math.min(this.#grace, grace, this.service.stopTimeout ?? Infinity);
    this.#patience = Math.min(this.#patience, patience);
    this.isUp = false;
    this.#close();
    this.#limit();
    if (isFirst) {
      const reason = context.lifetime.stopping.reason ??
        new AbortError(`Service "${context.name}" ends this incarnation`);
      this.cancel(reason);
      this.#end = this.#runEnd(reason);
    }
    return this.#ended.promise;
  }

  /** Waits for its end no longer: the host does, and names it. */
  giveUp(): void {
    const { clock, context } = this.#around;
    this.#clear();
    if (this.#isDone || this.#isGivenUp || !this.#end) return;
    this.#isGivenUp = true;
    const elapsed = Math.round(clock.now() - (this.#endBegun as number));
    this.#ended.resolve(this.#timedOut(this.#isStarting ? "start" : "stop", elapsed));
    context.waitUntil(this.#end);
  }

  /** Resolves when it is over, also if it was given up. */
  async done(): Promise<void> {
    await this.#end;
  }

  async #runStart(): Promise<void> {
    const { service } = this;
    try {
      for (const phase of ["starting", "start", "started"] as const) {
        if (this.#cancel.aborted) throw this.#cancel.reason;
        if (phase !== "start") {
          await service[phase]?.(this.#cancel.signal, this.#context);
          continue;
        }
        const { executeTask } = service;
        if ("~worker" in service) {
          service["~worker"] = this.#worker = {
            version: linkVersion,
            context: this.#context,
            controller: undefined,
          };
        }
        try {
          await service.start?.(this.#cancel.signal, this.#context);
          this.#startFulfilled = true;
        } finally {
          this.#follow(executeTask); // it may have begun, however that ended
        }
      }
      if (this.#cancel.aborted) throw this.#cancel.reason;
      this.#clearStart();
      this.isUp = !this.#isOver;
    } catch (error) {
      if (!this.#isOver) this.#failStart(error);
      else if (!this.#answered(error)) this.#around.failed("start", error);
    }
    this.#isStarting = false;
  }

  /** Follows the background work that the start has begun, if it has. */
  #follow(earlier: Promise<unknown> | undefined): void {
    const { executeTask } = this.service;
    if (!executeTask || executeTask === earlier) return;
    this.hasWork = true;
    this.#work = executeTask.then(nothing, (error) => {
      if (this.#answered(error)) return;
      if (this.#isOver) this.#around.failed("execute", error);
      else this.#close({ error });
    });
    void this.#work.then(() => this.#start).then(() => this.#close());
  }

  #failStart(error: unknown): void {
    this.startFailed = true;
    this.#close({ error });
  }

  #close(failure?: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    if (failure) {
      this.isUp = false;
      this.cancel(new AbortError(`Service "${this.#context.name}" failed`, failure.error));
    }
    this.#over.resolve(failure);
  }

  /** It says of itself that it failed. */
  #report(error: unknown): void {
    const { context } = this.#around;
    if (this.#answered(error)) return;
    if (!this.#isOver) {
      this.startFailed = !this.isUp;
      this.#close({ error });
    } else if (this.#isEnding || this.#failure) {
      const line = `Service "${context.name}" reports a failure of an incarnation that has ended`;
      log(context.logger, "error", line, { error });
    } else context.fail(error); // its work is done, and nobody follows it any more
  }

  #handOver(work: PromiseLike<unknown>): void {
    const { context, failed } = this.#around;
    if (this.#isDone) return context.waitUntil(work);
    const run = Promise.resolve(work).then(nothing, (error) => {
      if (!this.#answered(error)) failed("waitUntil", error);
    }).then(() => void this.#handed.delete(run));
    this.#handed.add(run);
  }

  async #runEnd(reason: unknown): Promise<void> {
    const { service } = this;
    if (this.#isStarting) {
      await this.#start;
      this.#due = Infinity;
      this.#limit(); // one that starts late has all of its grace
    }
    await this.stopping();
    if (this.#startFulfilled) await this.#hook("stop");
    if (this.#worker) (this.#worker.controller ??= new AbortController()).abort(reason);
    await this.#settled();
    if (this.#startFulfilled) await this.#hook("stopped");
    const dispose = service[Symbol.asyncDispose] ?? service[Symbol.dispose];
    await this.#attempt("dispose", () => dispose?.call(service));
    await this.#settled();
    this.#isDone = true;
    this.#clear();
    this.#unlink();
    this.#ended.resolve(undefined);
  }

  /** Resolves when nothing that it has begun goes on. */
  async #settled(): Promise<void> {
    await this.#work;
    while (this.#handed.size) await Promise.all(this.#handed);
  }

  #hook(phase: "stopping" | "stop" | "stopped"): Promise<void> {
    return this.#attempt(phase, () => this.service[phase]?.(this.#forced.signal, this.#context));
  }

  async #attempt(phase: Phase, action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#around.failed(phase, error);
    }
  }

  /** Sets what ends its grace, if that is earlier than what is set. */
  #limit(): void {
    const { clock } = this.#around;
    const due = clock.now() + this.#grace;
    if (due >= this.#due) return;
    this.#due = due;
    this.#clear();
    if (this.#grace > 0) this.#clear = startLimit(clock, this.#grace, () => this.#force());
    else this.#force();
  }

  #force(): void {
    this.#forced.abort(new AbortError(`The grace of "${this.#context.name}" is over`));
    const patience = this.#isStarting && this.#patience < Infinity ? 0 : this.#patience;
    this.#clear = startLimit(this.#around.clock, patience, () => this.giveUp());
  }

  #timedOut(phase: Phase, elapsed: number): ServiceTimeoutError {
    return new ServiceTimeoutError({ service: this.#context.name, phase, elapsed });
  }

  /** Whether an error is an answer to a signal of the host, or of this incarnation. */
  #answered(error: unknown): boolean {
    const worker = this.#worker?.controller?.signal;
    return isCleanStop(error, this.#context.lifetime, this.#cancel, this.#forced, worker);
  }
}
