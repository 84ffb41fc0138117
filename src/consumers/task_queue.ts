import { link } from "../_abort.ts";
import { check, checkNames, checkSignal, checkWhole, nothing } from "../_check.ts";
import { Pump } from "./_pump.ts";
import { report } from "./_report.ts";
import { readSettings } from "./_settings.ts";
import { BackgroundService } from "../background_service.ts";
import { Ring } from "../channels/_ring.ts";
import { Waiters } from "../channels/_waiters.ts";
import { ChannelClosedError } from "../channels/channel_closed_error.ts";
import type { ConsumerDetails } from "./types.ts";
import type { Delivery } from "./source.ts";
import { define } from "../hosted_service.ts";
import type { HostedServiceHooks, ServiceContext } from "../types.ts";

/**
 * Work for a {@linkcode TaskQueue}. It is done when what it returns fulfils.
 *
 * @param signal Aborts when the grace of the queue is over, and when the task exceeds the queue's
 * `timeout`. It is the task's own until the task has ended.
 * @param context The queue's.
 */
export type Task = (signal: AbortSignal, context: ServiceContext) => unknown;

/**
 * Options of a {@linkcode TaskQueue}, and all settings and hooks of a hosted service: its `start` runs
 * before the first task, its `stop` when no task runs any more.
 */
export interface TaskQueueOptions extends Omit<HostedServiceHooks, "details"> {
  /**
   * How many tasks may wait in the queue; then {@linkcode TaskQueue.enqueue} waits for room.
   * `Infinity` for no limit. A task for which there is a free place to run does not wait: with 0, as
   * many are taken as may run.
   */
  readonly capacity: number;

  /**
   * How many tasks run at the same time; a whole number from 1.
   *
   * @default {1}
   */
  readonly concurrency?: number | undefined;

  /**
   * Milliseconds after which the signal of a task aborts.
   *
   * @default {Infinity}
   */
  readonly timeout?: number | undefined;
}

/** What a {@linkcode TaskQueue} has done, and what waits in it. */
export interface TaskQueueDetails {
  /** Tasks that wait. */
  readonly queued: number;
  /** Tasks that run. */
  readonly active: number;
  /** Tasks that ended well. */
  readonly done: number;
  /** Tasks that failed before the end of the grace. */
  readonly failed: number;
  /** Tasks the stop left unfinished; none of them is `done` or `failed`. */
  readonly unfinished: number;
}

/**
 * Background work handed over by others, an HTTP handler say; .NET's queued background tasks.
 *
 * A service for the host's list, of which the rest of the program keeps a reference. Tasks begin in
 * the order they were queued, from the start of the service on. One that fails is logged and
 * counted, and that is all. They live in memory: what must survive a crash belongs in a broker or a
 * database, behind a `consumer`.
 *
 * List it before the services that queue: then it takes tasks until they have stopped, such as those
 * of the requests a server still answers. Its own `stop` takes no more and works off what it holds. When the
 * grace ends, the signals of the tasks abort, and what is not finished is left in
 * {@linkcode TaskQueue.unfinished} and named in one warning.
 *
 * It may be started again once all it ran has ended, in another host too: then it takes tasks anew.
 * What is in `unfinished` stays there.
 *
 * @example Answer first, work later
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { TaskQueue } from "@runhost/host/consumers";
 * import { deepEqual } from "node:assert/strict";
 *
 * const sent: string[] = [];
 * const queue = new TaskQueue("mail", { capacity: 100, concurrency: 2 });
 * const host = createHost([queue]);
 * await host.start();
 *
 * for (const to of ["Ada", "Grace"]) await queue.enqueue(async () => sent.push(to));
 * await host.stop(); // finishes them
 *
 * deepEqual(sent, ["Ada", "Grace"]);
 * ```
 */
export class TaskQueue extends BackgroundService {
  /** What the host calls it. */
  declare readonly name: string;
  readonly #capacity: number;
  readonly #concurrency: number;
  readonly #pump: Pump<Task>;
  /** The tasks that are queued, without those that wait for room. */
  readonly #tasks: Ring<Task> = new Ring();
  /** The pump, while no task is queued. */
  readonly #takers: Waiters<void> = new Waiters();
  /** Callers of `enqueue` that wait for room, with their tasks. */
  readonly #waiting: Waiters<void, Task> = new Waiters();
  /** Callers of `onIdle`. */
  readonly #idle: Waiters<void> = new Waiters();
  /** Whether it was told to stop, and not started since. */
  #stopped = false;
  /** How many tasks may run now: none before the start. */
  #places = 0;
  /** How many tasks are queued or running. */
  #held = 0;
  readonly #unfinished: Task[] = [];

  /**
   * Makes an empty queue, which takes tasks at once and runs them once it is started.
   *
   * @param name What the host calls it.
   * @throws {TypeError} If the name is not a string, or an option of the wrong type; the message names
   * service and option.
   * @throws {RangeError} If `capacity` is neither a whole number, 0 or more, nor `Infinity`; if
   * `concurrency` is no whole number from 1; or a time limit is negative or `NaN`.
   */
  constructor(name: string, options: TaskQueueOptions) {
    super();
    check("the name of a service", name, "");
    const label = `service "${name}"`;
    check(label, options, {});
    checkNames(label, options, ["capacity", "concurrency", "timeout"]);
    const { capacity, concurrency = 1, timeout = Infinity } = options;
    if (capacity !== Infinity) checkWhole(`${label}.capacity`, capacity, 0);
    define(this, name, options);
    this.#capacity = capacity;
    this.#concurrency = concurrency;
    this.#pump = new Pump<Task>({
      memory: {
        take: () => this.#take(),
        wait: (signal) => this.#takers.wait(undefined, signal).catch(nothing),
      },
      settings: readSettings({ concurrency, timeout, retry: { attempts: 1 } }, label),
      handle: ({ delivery, context }, signal) => {
        const { value: task } = delivery;
        return task(signal, context);
      },
      warns: false,
    });
  }

  /** How many tasks wait in the queue; those that run, or wait for room, are not in it. */
  get count(): number {
    return this.#tasks.count;
  }

  /** The tasks that the stop left: interrupted ones first, then those that never began. */
  get unfinished(): readonly Task[] {
    return [...this.#unfinished];
  }

  /** What it has done so far, as a fresh object; the host shows it in its status. */
  get details(): TaskQueueDetails {
    // What the pump counts as failed has attempts after the end of the grace, which are unfinished.
    const { active, done, deadLettered: failed }: ConsumerDetails = this.#pump.details;
    return { queued: this.count, active, done, failed, unfinished: this.#unfinished.length };
  }

  /**
   * Queues a task; while the queue is full, waits for room. That is the back-pressure: whoever
   * awaits it does not produce faster than the queue works. A task that awaits it may wait for
   * itself: let tasks use {@linkcode TaskQueue.tryEnqueue}.
   *
   * @param signal Ends the wait for room; the task is not queued then.
   * @returns Resolves when the task is in the queue, not when it is done. Rejects with the signal's
   * reason when that aborts.
   * @throws {TypeError} If the task is no function; as a rejection.
   * @throws {ChannelClosedError} If the queue was told to stop, or is while this waits; as a
   * rejection.
   */
  async enqueue(task: Task, signal?: AbortSignal): Promise<void> {
    this.#check(task);
    checkSignal(`the signal of service "${this.name}"`, signal);
    if (signal?.aborted) throw signal.reason;
    if (this.#stopped) throw this.#closed();
    if (this.#hasRoom()) {
      this.#admit(task);
      const { turns } = this.#pump;
      while (turns.due()) await turns.give();
      return;
    }
    try {
      await this.#waiting.wait(task, signal);
    } catch (error) {
      this.#update();
      throw error;
    }
  }

  /**
   * Queues a task if there is room.
   *
   * @returns `false` if the queue is full, or was told to stop.
   * @throws {TypeError} If the task is no function.
   *
   * @example Turn work away
   * ```ts
   * import { TaskQueue } from "@runhost/host/consumers";
   * import { equal } from "node:assert/strict";
   *
   * const queue = new TaskQueue("queue", { capacity: 1 });
   *
   * equal(queue.tryEnqueue(async () => {}), true);
   * equal(queue.tryEnqueue(async () => {}), false); // answer 503
   * ```
   */
  tryEnqueue(task: Task): boolean {
    this.#check(task);
    const taken = !this.#stopped && this.#hasRoom();
    if (taken) this.#admit(task);
    return taken;
  }

  /**
   * Resolves when no task is queued, waits for room or runs, at once if that is so; also when the
   * stop has given up the rest. Queued tasks wait for the start, and so does this.
   */
  async onIdle(): Promise<void> {
    if (this.#isBusy()) await this.#idle.wait(undefined);
  }

  /** Takes tasks again if it had been stopped; see `BackgroundService.start`. */
  override async start(
    signal: AbortSignal | undefined = undefined,
    context: ServiceContext | undefined = this["~worker"]?.context,
  ): Promise<void> {
    const earlier = this.executeTask;
    const started = super.start(signal, context);
    if (this.executeTask !== earlier) this.#stopped = false; // else earlier work still runs
    await started;
  }

  /** Runs tasks until it is told to stop, then until all it holds have ended. */
  override async execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
    this.#places = this.#concurrency;
    this.#fill();
    try {
      await this.#pump.run(signal, context);
    } finally {
      this.#places = 0;
    }
  }

  /**
   * Takes no more tasks, and works off those it has as long as the grace lasts; leaves the rest to
   * {@linkcode TaskQueue.unfinished}.
   */
  override async stop(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
    this.#stopped = true;
    this.#waiting.reject(this.#closed());
    let unlink = nothing;
    const forced = new Promise<void>((resolve) => (unlink = link(signal, () => resolve())));
    await Promise.race([this.onIdle(), forced, this.executeTask?.catch(nothing)]);
    unlink();
    const stopped = super.stop(signal, context);
    await Promise.race([this.#pump.onIdle(0), stopped]); // until what was interrupted is given back
    this.#giveUp(context);
    await stopped;
  }

  #take(): Delivery<Task> | undefined {
    const task = this.#tasks.shift();
    return task && new TaskDelivery(task, this.#ended);
  }

  #check(task: Task): void {
    check(`a task of service "${this.name}"`, task, nothing);
  }

  /** Whether one more task need not wait for room: those that are about to run take none. */
  #hasRoom(): boolean {
    return this.#held < this.#capacity + this.#places;
  }

  #admit(task: Task): void {
    this.#held++;
    this.#tasks.push(task);
    this.#takers.resolve();
  }

  /** Lets in those that wait for room, as far as there is some. */
  #fill(): void {
    while (this.#waiting.first && this.#hasRoom()) {
      const { item, resolve } = this.#waiting.shift()!;
      this.#admit(item);
      resolve();
    }
  }

  /** Whether a task is queued, waits for room or runs. */
  #isBusy(): boolean {
    return this.#held > 0 || this.#waiting.first !== undefined;
  }

  /** Tells the callers of `onIdle` when there is nothing to do. */
  #update(): void {
    if (!this.#isBusy()) this.#idle.resolve();
  }

  #closed(): ChannelClosedError {
    return new ChannelClosedError(`Cannot queue in service "${this.name}": it was told to stop`);
  }

  /** Leaves what has never begun to `unfinished`, and names what is there. */
  #giveUp(context: ServiceContext | undefined): void {
    for (let task; (task = this.#tasks.shift());) {
      this.#unfinished.push(task);
      this.#held--;
    }
    this.#update();
    const { length } = this.#unfinished;
    const what = `stopped with tasks left: ${length}, see its "unfinished"`;
    if (length > 0 && context) report(context, "warn", what);
  }

  /** A task has ended, or was given back by the end of the grace: `finished` tells which. */
  readonly #ended = (task: Task, finished: boolean): void => {
    if (!finished) this.#unfinished.push(task);
    this.#held--;
    if (this.#waiting.first) this.#fill();
    this.#update();
  };
}

class TaskDelivery implements Delivery<Task> {
  readonly value: Task;
  readonly #ended: (task: Task, finished: boolean) => void;

  constructor(value: Task, ended: (task: Task, finished: boolean) => void) {
    this.value = value;
    this.#ended = ended;
  }

  ack(): void {
    this.#ended(this.value, true);
  }

  reject(): void {
    this.#ended(this.value, true);
  }

  release(): void {
    this.#ended(this.value, false);
  }
}
