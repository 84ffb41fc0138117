import { AbortError, link } from "./_abort.ts";
import { nothing } from "./_check.ts";
import { linkVersion, type WorkerLink } from "./_host/worker_link.ts";
import { HostStateError } from "./errors.ts";
import type { HostedService, ServiceContext } from "./types.ts";

/**
 * A service with one long-running piece of work: override {@linkcode BackgroundService.execute}.
 *
 * It starts without waiting for the work and stops by aborting the work's signal and waiting until
 * it has ended. Work that ends by itself leaves the host running (unless it is to
 * `stopWhenIdle`); work that fails stops it, and is what `run()` rejects with.
 *
 * @example A worker
 * ```ts
 * import { BackgroundService, createHost, every } from "@runhost/host";
 * import { ok } from "node:assert/strict";
 *
 * class Worker extends BackgroundService {
 *   ticks = 0;
 *
 *   override async execute(signal: AbortSignal): Promise<void> {
 *     for await (const _ of every(5, { signal })) this.ticks++;
 *   }
 * }
 *
 * const worker = new Worker();
 * const host = createHost([worker]);
 * await host.start();
 * while (worker.ticks < 3) await new Promise((resolve) => setTimeout(resolve, 5));
 * await host.stop();
 *
 * ok(worker.ticks >= 3);
 * ```
 */
export abstract class BackgroundService implements HostedService {
  /** @ignore Between host and service. */
  "~worker": WorkerLink | undefined;
  #executeTask: Promise<void> | undefined;
  #running = false;
  #controller: AbortController | undefined;

  /**
   * The work. Called once a start, not in the same tick; never if its signal aborted before.
   * Nothing waits for it but the stop.
   *
   * Rejecting with the reason of an aborted signal, or any `AbortError` then, is a clean end; any
   * other rejection is a failure. It shares the event loop with everything else: work that
   * computes for long belongs in a `Worker`.
   *
   * @param signal Aborts when the work should finish: its service is being stopped, or the start
   * was cancelled. The reason says why.
   * @param context `context.forced` aborts when finishing takes too long.
   */
  abstract execute(signal: AbortSignal, context: ServiceContext): Promise<unknown>;

  /**
   * Settles as the last run of {@linkcode BackgroundService.execute} did; `undefined` before the
   * first start. Its rejection never counts as unhandled.
   */
  get executeTask(): Promise<void> | undefined {
    return this.#executeTask;
  }

  /**
   * Begins the work and resolves at once. An override that has something to prepare does it first
   * and ends with `return super.start(signal, context)`.
   *
   * @param signal If it has aborted, the work never begins. Without a host, it also aborts the
   * work later.
   * @param context Made by the host. Without a host, a test gives one if the work looks at it.
   * @throws {HostStateError} If the work of an earlier start still runs.
   */
  // With defaults, these are no parameters the host has to make a signal for.
  async start(
    signal: AbortSignal | undefined = undefined,
    context: ServiceContext | undefined = this["~worker"]?.context,
  ): Promise<void> {
    if (this.#running) {
      throw new HostStateError("Cannot start the service again: its work still runs");
    }
    const given = this["~worker"];
    const worker = given?.version === linkVersion ? given : undefined;
    if (given !== worker) {
      console.warn(
        `Cannot use ~worker of a host: expected version ${linkVersion}, got ${given?.version}`,
      );
    }
    this.#running = true;
    const controller = this.#controller = worker?.controller ?? new AbortController();
    if (worker) worker.controller = controller;
    // A host aborts the work itself, unless its start was cancelled before.
    const unlink = worker && !signal?.aborted
      ? nothing
      : link(signal, (reason) => controller.abort(reason));
    this.#executeTask = this.#run(controller.signal, context as ServiceContext, unlink);
    this.#executeTask.catch(nothing); // whoever asks for it gets it
  }

  /**
   * Aborts the signal of the work and resolves when it has ended, however long that takes and
   * however it ends: only a host abandons. Does nothing before the first start.
   */
  async stop(
    _signal: AbortSignal | undefined = undefined,
    context: ServiceContext | undefined = this["~worker"]?.context,
  ): Promise<void> {
    const reason = context?.lifetime.stopping.reason;
    this.#controller?.abort(reason ?? new AbortError("The background service was stopped"));
    await this.#executeTask?.catch(nothing);
  }

  /** Aborts the signal of the work and waits for nothing. */
  [Symbol.dispose](): void {
    this.#controller?.abort(new AbortError("The background service was disposed"));
  }

  async #run(signal: AbortSignal, context: ServiceContext, unlink: () => void): Promise<void> {
    try {
      await undefined; // never in the tick of the start
      signal.throwIfAborted();
      await this.execute(signal, context);
    } finally {
      unlink();
      this.#running = false;
      this["~worker"] = undefined;
    }
  }
}
