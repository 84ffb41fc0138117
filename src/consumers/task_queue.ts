import { link } from "../_abort.ts";
import { check, nothing } from "../_check.ts";
import { log } from "../_log.ts";
import type { Held } from "./_hands.ts";
import { Pump, type QuickSource } from "./_pump.ts";
import { BackgroundService } from "../background_service.ts";
import { Channel } from "../channels/channel.ts";
import type { ConsumerDetails } from "./consumer.ts";
import type { Delivery } from "./source.ts";
import type { ServiceContext } from "../types.ts";

/**
 * Work for a {@linkcode TaskQueue}. It is done when what it returns fulfils.
 *
 * @param signal Aborts when the grace of the queue is over, and when the task exceeds the queue's
 * `timeout`. A task that declares no parameter is given no signal of its own.
 * @param context The queue's.
 */
export type Task = (signal: AbortSignal, context: ServiceContext) => unknown;

/** Options of a {@linkcode TaskQueue}. */
export interface TaskQueueOptions {
  /**
   * What the host calls it.
   *
   * @default {"TaskQueue"}
   */
  readonly name?: string | undefined;

  /**
   * How many tasks may wait in the queue; then {@linkcode TaskQueue.enqueue} waits for room.
   * `Infinity` for no limit.
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

  /**
   * Milliseconds each stop hook may take before the queue's grace is over; see
   * `HostedService.stopTimeout`.
   *
   * @default {Infinity}
   */
  readonly stopTimeout?: number | undefined;
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
 * List it before those who queue: then it takes tasks until they have stopped, such as those of the
 * requests a server still answers. Its own `stop` takes no more and works off what it holds. When the
 * grace ends, the signals of the tasks abort, and what is not finished is left in
 * {@linkcode TaskQueue.unfinished} and named in one warning.
 *
 * @example Answer first, work later
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { TaskQueue } from "@runhost/host/consumers";
 * import { deepEqual } from "node:assert/strict";
 *
 * const sent: string[] = [];
 * const queue = new TaskQueue({ name: "mail", capacity: 100, concurrency: 2 });
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
  readonly name: string;
  /** See {@linkcode TaskQueueOptions.stopTimeout}. */
  readonly stopTimeout: number | undefined;
  readonly #channel: Channel<Task>;
  readonly #pump: Pump<Task>;
  #unfinished: Task[] = [];
  /** How many are waiting for room, queued or running. */
  #open = 0;
  #idle: (() => void)[] = [];

  /**
   * Makes an empty queue, which takes tasks at once and runs them once it is started.
   *
   * @throws {TypeError} If an option is of the wrong type.
   * @throws {RangeError} If `capacity` is neither a whole number, 0 or more, nor `Infinity`; if
   * `concurrency` is no whole number from 1; or a time limit is negative or `NaN`.
   */
  constructor(options: TaskQueueOptions) {
    super();
    check("options", options, { capacity: 0 });
    const { name = "TaskQueue", capacity, concurrency, timeout, stopTimeout } = options;
    check("name", name, "");
    this.name = name;
    this.stopTimeout = stopTimeout;
    this.#channel = new Channel({ capacity });
    const source: QuickSource<Task> = {
      receive: (signal, { max }) => this.#receive(signal, max),
      take: () => this.#take(),
    };
    this.#pump = new Pump(source, run, {
      concurrency,
      timeout,
      retry: { attempts: 1 },
      warns: false,
    });
  }

  /** How many tasks wait in the queue; those that run, or wait for room, are not in it. */
  get count(): number {
    return this.#channel.count;
  }

  /** The tasks that the stop left: interrupted ones first, then those that never began. */
  get unfinished(): readonly Task[] {
    return [...this.#unfinished];
  }

  /** What it has done so far, as a fresh object; the host shows it in its status. */
  get details(): TaskQueueDetails {
    // Not the failed attempts: one that fails after the end of the grace is unfinished.
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
    check("task", task, nothing);
    this.#open++;
    try {
      await this.#channel.write(task, signal);
    } catch (error) {
      this.#closed(1);
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
   * const queue = new TaskQueue({ capacity: 1 });
   *
   * equal(queue.tryEnqueue(async () => {}), true);
   * equal(queue.tryEnqueue(async () => {}), false); // answer 503
   * ```
   */
  tryEnqueue(task: Task): boolean {
    check("task", task, nothing);
    const queued = this.#channel.tryWrite(task);
    if (queued) this.#open++;
    return queued;
  }

  /**
   * Resolves when no task is queued, waits for room or runs, at once if that is so; also when the
   * stop has given up the rest. Queued tasks wait for the start, and so does this.
   */
  async onIdle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Runs tasks until it is told to stop, then until all it holds have ended. */
  override execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
    return this.#pump.run(signal, context);
  }

  /**
   * Takes no more tasks, and works off those it has as long as the grace lasts; leaves the rest to
   * {@linkcode TaskQueue.unfinished}.
   */
  override async stop(signal?: AbortSignal, context?: ServiceContext): Promise<void> {
    this.#channel.complete();
    let unlink = nothing;
    const forced = new Promise<void>((resolve) => (unlink = link(signal, () => resolve())));
    await Promise.race([this.onIdle(), forced, this.executeTask?.catch(nothing)]);
    unlink();
    const stopped = super.stop(signal, context);
    await Promise.race([this.#pump.onIdle(0), stopped]); // nothing is held any more
    this.#giveUp(context);
    await stopped;
  }

  async #receive(signal: AbortSignal, max: number): Promise<Delivery<Task>[]> {
    const deliveries: Delivery<Task>[] = [];
    while (deliveries.length === 0 && await this.#channel.waitToRead(signal)) {
      for (let next; deliveries.length < max && (next = this.#take());) deliveries.push(next);
    }
    return deliveries; // none once the queue is complete and empty
  }

  #take(): Delivery<Task> | undefined {
    const task = this.#channel.tryRead();
    return task && new TaskDelivery(task, this.#ended);
  }

  #giveUp(context: ServiceContext | undefined): void {
    const left = this.#channel.count;
    for (let task; (task = this.#channel.tryRead());) this.#unfinished.push(task);
    this.#closed(left);
    const { length } = this.#unfinished;
    if (length > 0 && context) {
      const line =
        `Service "${context.name}" stopped with tasks left: ${length}, see its "unfinished"`;
      log(context.logger, "warn", line);
    }
  }

  #closed(count: number): void {
    this.#open -= count;
    if (this.#open > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  readonly #ended = (task: Task, finished: boolean): void => {
    if (!finished) this.#unfinished.push(task);
    this.#closed(1);
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

/** Making a signal takes longer than all the rest: for those who ask for one. */
function run({ delivery, signal, context }: Held<Task>): unknown {
  const { value: task } = delivery;
  return task(task.length > 0 ? signal.signal : context.forced, context);
}
