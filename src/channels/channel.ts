import { check, checkNames, checkSignal, checkWhole, checkWord, nothing } from "../_check.ts";
import { log } from "../_log.ts";
import { Turns } from "../_time/turns.ts";
import { Reading } from "./_reading.ts";
import { Ring } from "./_ring.ts";
import { Waiters } from "./_waiters.ts";
import { ChannelClosedError } from "./channel_closed_error.ts";

/**
 * What a write does when the channel is full: it waits; the newest item in the channel makes room;
 * the oldest does; or what is being written is itself dropped.
 */
export type ChannelFullMode = "wait" | "dropNewest" | "dropOldest" | "dropWrite";

const fullModes: readonly ChannelFullMode[] = ["wait", "dropNewest", "dropOldest", "dropWrite"];

/** Options of a {@linkcode Channel}. */
export interface ChannelOptions<T> {
  /**
   * How many items the channel holds at most. With 0 it holds none: a write waits for a read that
   * takes its item, or, in a mode that drops, drops it unless somebody is in `read` already. Then
   * one side has to call `read` or `write`: if both only wait until they could, they wait for ever.
   *
   * @default {Infinity}
   */
  readonly capacity?: number | undefined;
  /**
   * What a write does when the channel is full.
   *
   * @default {"wait"}
   */
  readonly fullMode?: ChannelFullMode | undefined;
  /**
   * Gets each item that is dropped, inside the write that drops it and when the channel has changed
   * already. What it throws comes out of that write. If it is asynchronous, {@linkcode Channel.write}
   * waits for it and rejects as it does; {@linkcode Channel.tryWrite} cannot wait, so a rejection is
   * logged to the console.
   *
   * @default {nobody is told}
   */
  readonly onDropped?: ((item: T) => unknown) | undefined;
}

const optionNames: readonly (keyof ChannelOptions<unknown>)[] = [
  "capacity",
  "fullMode",
  "onDropped",
];

// Shared, so that a call that need not wait makes no promise.
const done: Promise<void> = Promise.resolve();
const yes: Promise<boolean> = Promise.resolve(true);
const no: Promise<boolean> = Promise.resolve(false);

/**
 * A queue between those who produce items and those who consume them, any number of each; .NET's
 * `Channel`, reader and writer in one.
 *
 * Items come out in the order they went in, each once. Calls that wait are served in the order they
 * came: an item goes straight to the first {@linkcode Channel.read}, room in a full channel to the
 * first {@linkcode Channel.write}. A call whose signal aborts no longer waits; no item is lost by it,
 * and none taken. A signal that has aborted already rejects a call before it does anything.
 *
 * `undefined` stands for "no item" and cannot be written.
 *
 * @example A producer that is held back by its consumer
 * ```ts
 * import { Channel } from "@runhost/host/channels";
 * import { deepEqual } from "node:assert/strict";
 *
 * const channel = new Channel<number>({ capacity: 2 });
 *
 * async function produce(): Promise<void> {
 *   for (let item = 1; item <= 5; item++) await channel.write(item);
 *   channel.complete();
 * }
 *
 * const produced = produce();
 * const items: number[] = [];
 * for await (const item of channel) items.push(item);
 * await produced;
 *
 * deepEqual(items, [1, 2, 3, 4, 5]);
 * ```
 *
 * @example Only the latest matters
 * ```ts
 * import { Channel } from "@runhost/host/channels";
 * import { deepEqual, equal } from "node:assert/strict";
 *
 * const dropped: number[] = [];
 * const temperature = new Channel<number>({
 *   capacity: 1,
 *   fullMode: "dropOldest",
 *   onDropped: (item) => dropped.push(item),
 * });
 * for (const reading of [20, 21, 22]) temperature.tryWrite(reading);
 *
 * equal(temperature.tryRead(), 22);
 * deepEqual(dropped, [20, 21]);
 * ```
 *
 * @typeParam T What an item is; anything but `undefined`.
 */
export class Channel<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #fullMode: ChannelFullMode;
  readonly #onDropped: (item: T) => unknown;
  readonly #items: Ring<T> = new Ring();
  /** Callers of `read`: while there is one, there is no item, and no writer in `write`. */
  readonly #readers: Waiters<T> = new Waiters();
  /** Callers of `write`, with their items: while there is one, the channel is full. */
  readonly #writers: Waiters<void, T> = new Waiters();
  /** Callers of `waitToRead`: as for `read`. */
  readonly #readWaiters: Waiters<boolean> = new Waiters();
  /** Callers of `waitToWrite`: while there is one, the channel is full, and no reader is in `read`. */
  readonly #writeWaiters: Waiters<boolean> = new Waiters();
  #completed = false;
  #error: unknown;
  /** Shared by all callers that read and write, as two of them can wake each other for ever. */
  readonly #turns: Turns = new Turns();
  readonly #completion: Promise<void>;
  #settleCompletion!: () => void;

  /**
   * Makes an empty channel.
   *
   * @throws {TypeError} If an option is of the wrong type, or `fullMode` is none of the four.
   * @throws {RangeError} If `capacity` is neither a whole number, 0 or more, nor `Infinity`.
   */
  constructor(options: ChannelOptions<T> = {}) {
    const label = "Channel options";
    check(label, options, {});
    checkNames(label, options, optionNames);
    const { capacity = Infinity, fullMode = "wait", onDropped = nothing } = options;
    if (capacity !== Infinity) checkWhole(`${label}.capacity`, capacity, 0);
    checkWord(`${label}.fullMode`, fullMode, fullModes);
    check(`${label}.onDropped`, onDropped, nothing);
    this.#capacity = capacity;
    this.#fullMode = fullMode;
    this.#onDropped = onDropped;
    this.#completion = new Promise((resolve, reject) => {
      this.#settleCompletion = () => this.#error === undefined ? resolve() : reject(this.#error);
    });
    this.#completion.catch(nothing);
  }

  /** How many items the channel holds. An item whose {@linkcode Channel.write} waits is not in it. */
  get count(): number {
    return this.#items.count;
  }

  /**
   * Settles when the channel is complete and its last item has been read. Rejects with the error
   * that {@linkcode Channel.complete} was given; that never counts as an unhandled rejection.
   *
   * @example Everything has been taken
   * ```ts
   * import { Channel } from "@runhost/host/channels";
   * import { equal } from "node:assert/strict";
   *
   * const channel = new Channel<string>();
   * channel.tryWrite("last");
   * channel.complete();
   * equal(channel.tryRead(), "last");
   *
   * await channel.completion;
   * ```
   */
  get completion(): Promise<void> {
    return this.#completion;
  }

  /**
   * Writes an item; while the channel is full and its mode is `wait`, waits for room. Writing
   * without waiting allocates nothing.
   *
   * @param signal Ends the wait; the item is not written then.
   * @returns Resolves when the channel has the item, a reader has it, or one was dropped. Rejects
   * with the signal's reason when that aborts, and with what `onDropped` throws.
   * @throws {TypeError} If the item is `undefined`; as a rejection.
   * @throws {ChannelClosedError} If the channel is complete, or becomes so while this waits; as a
   * rejection.
   *
   * @example Room for one
   * ```ts
   * import { Channel } from "@runhost/host/channels";
   * import { equal } from "node:assert/strict";
   *
   * const channel = new Channel<string>({ capacity: 1 });
   * await channel.write("a");
   * const written = channel.write("b"); // waits
   *
   * equal(await channel.read(), "a");
   * await written;
   * equal(await channel.read(), "b");
   * ```
   */
  write(item: T, signal?: AbortSignal): Promise<void> {
    const refused = signal === undefined ? signal : refusal(signal);
    if (refused) return refused;
    let told: unknown;
    try {
      told = this.#put(item);
    } catch (error) {
      return Promise.reject(error);
    }
    if (told) {
      const written = told === true ? done : Promise.resolve(told).then(nothing);
      return this.#turns.due() ? this.#later(written) : written;
    }
    if (this.#completed) return Promise.reject(this.#closed("write to"));
    const written = this.#writers.wait(item, signal);
    this.#readWaiters.resolve(true); // there is one only if the capacity is 0
    return this.#turns.due() ? this.#later(written) : written;
  }

  /**
   * Writes an item if that needs no waiting.
   *
   * @returns `false` if the channel is complete, or is full and its mode is `wait`.
   * @throws {TypeError} If the item is `undefined`.
   *
   * @example Turn work away instead of letting it pile up
   * ```ts
   * import { Channel } from "@runhost/host/channels";
   * import { equal } from "node:assert/strict";
   *
   * const jobs = new Channel<string>({ capacity: 1 });
   *
   * equal(jobs.tryWrite("first"), true);
   * equal(jobs.tryWrite("second"), false); // answer 503
   * ```
   */
  tryWrite(item: T): boolean {
    const told = this.#put(item);
    if (told === true || told === false) return told;
    told.then(nothing, (error) => {
      log(console, "error", "A channel failed to tell what it dropped", { error });
    });
    return true;
  }

  /**
   * Waits until a write would not have to: there is room, or the mode drops. Somebody else may be
   * faster, so {@linkcode Channel.tryWrite} next, and wait again if it gives `false`.
   *
   * @param signal Ends the wait.
   * @returns `false` once the channel is complete. Rejects with the error it was completed with, or
   * with the signal's reason when that aborts.
   *
   * @example Produce an item only when there is room for it
   * ```ts
   * import { Channel } from "@runhost/host/channels";
   * import { equal } from "node:assert/strict";
   *
   * const channel = new Channel<number>({ capacity: 3 });
   * let produced = 0;
   * const producing = (async () => {
   *   while (await channel.waitToWrite()) {
   *     if (channel.tryWrite(produced + 1)) produced++;
   *   }
   * })();
   * for (let read = 0; read < 10; read++) await channel.read();
   * channel.complete();
   * await producing;
   *
   * equal(produced - channel.count, 10);
   * ```
   */
  waitToWrite(signal?: AbortSignal): Promise<boolean> {
    const refused = signal === undefined ? signal : refusal(signal);
    if (refused) return refused;
    if (this.#turns.due()) return this.#waitToWrite(signal);
    if (this.#completed) return this.#end();
    const writable = this.#items.count < this.#capacity || this.#fullMode !== "wait" ||
      this.#readers.first;
    return writable ? yes : this.#writeWaiters.wait(undefined, signal);
  }

  /**
   * Takes the oldest item; waits for one while there is none.
   *
   * An item that is a promise is awaited, as whatever one returns from a promise.
   *
   * @param signal Ends the wait; no item is taken then.
   * @returns Rejects with the signal's reason when that aborts.
   * @throws {ChannelClosedError} If the channel is complete and empty, or becomes so while this
   * waits; as a rejection.
   *
   * @example Wait for an item, but not for ever
   * ```ts
   * import { Channel } from "@runhost/host/channels";
   * import { equal } from "node:assert/strict";
   *
   * const channel = new Channel<string>();
   * const controller = new AbortController();
   * const first = channel.read(controller.signal);
   * const second = channel.read();
   * controller.abort("too late");
   * channel.tryWrite("item");
   *
   * equal(await first.catch((reason) => reason), "too late");
   * equal(await second, "item");
   * ```
   */
  read(signal?: AbortSignal): Promise<T> {
    const refused = signal === undefined ? signal : refusal(signal);
    if (refused) return refused;
    const item = this.tryRead();
    if (item !== undefined) {
      const read = Promise.resolve(item);
      return this.#turns.due() ? this.#later(read) : read;
    }
    if (this.#completed) return Promise.reject(this.#closed("read from"));
    const read = this.#readers.wait(undefined, signal);
    this.#writeWaiters.resolve(true); // there is one only if the capacity is 0
    return this.#turns.due() ? this.#later(read) : read;
  }

  /**
   * Takes the oldest item if there is one. Allocates nothing.
   *
   * @returns `undefined` if there is none.
   *
   * @example The fastest loop: wait for some, take all there are
   * ```ts
   * import { Channel } from "@runhost/host/channels";
   * import { equal } from "node:assert/strict";
   *
   * const channel = new Channel<number>();
   * for (const item of [1, 2, 3]) channel.tryWrite(item);
   * channel.complete();
   *
   * let sum = 0;
   * while (await channel.waitToRead()) {
   *   for (let item; (item = channel.tryRead()) !== undefined;) sum += item;
   * }
   *
   * equal(sum, 6);
   * ```
   */
  tryRead(): T | undefined {
    const item = this.#items.shift();
    const writer = this.#writers.shift();
    if (writer) {
      writer.resolve();
      if (item === undefined) return writer.item; // the capacity is 0
      this.#items.push(writer.item);
    } else if (item !== undefined) {
      this.#writeWaiters.resolve(true);
      this.#settleIfOver();
    }
    return item;
  }

  /** The item that {@linkcode Channel.tryRead} would take; it stays. `undefined` if there is none. */
  tryPeek(): T | undefined {
    return this.#items.count > 0 ? this.#items.peek() : this.#writers.first?.item;
  }

  /**
   * Waits until there is an item. Somebody else may be faster, so {@linkcode Channel.tryRead}
   * next, and wait again if it gives `undefined`. One item wakes all callers here.
   *
   * @param signal Ends the wait.
   * @returns `false` once the channel is complete and empty. Rejects with the error it was
   * completed with, or with the signal's reason when that aborts.
   */
  waitToRead(signal?: AbortSignal): Promise<boolean> {
    const refused = signal === undefined ? signal : refusal(signal);
    if (refused) return refused;
    if (this.#turns.due()) return this.#waitToRead(signal);
    if (this.#items.count > 0 || this.#writers.first) return yes;
    return this.#completed ? this.#end() : this.#readWaiters.wait(undefined, signal);
  }

  /**
   * Ends the channel: nothing can be written any more, what it holds can still be read. A caller that
   * waits for room or for an item learns of it at once; an item whose write still waits is not
   * written.
   *
   * @param error Why, if it is a failure: what {@linkcode Channel.completion}, the `waitTo`
   * methods and iteration reject with, and the `cause` of each {@linkcode ChannelClosedError}.
   * @returns `false` if the channel was complete already; nothing happens then.
   *
   * @example Tell the consumer that the producer has failed
   * ```ts
   * import { Channel } from "@runhost/host/channels";
   * import { equal } from "node:assert/strict";
   *
   * const channel = new Channel<string>();
   * const failure = new Error("The feed broke off");
   * equal(channel.complete(failure), true);
   *
   * const error = await channel.read().catch((error) => error);
   * equal(error.code, "ERR_CHANNEL_CLOSED");
   * equal(error.cause, failure);
   * ```
   */
  complete(error?: unknown): boolean {
    if (this.#completed) return false;
    this.#completed = true;
    this.#error = error;
    this.#settleIfOver();
    this.#readers.reject(this.#closed("read from"));
    this.#writers.reject(this.#closed("write to"));
    for (const waiters of [this.#readWaiters, this.#writeWaiters]) {
      if (error === undefined) waiters.resolve(false);
      else waiters.reject(error);
    }
    return true;
  }

  /**
   * Iterates over what is and will be in the channel, taking each item as it gets to it.
   *
   * It ends when the channel is complete and empty; rejects if it was completed with an error.
   * Several loops share the items. Leaving a loop leaves the rest in the channel.
   *
   * @param signal Ends the iteration: it rejects with the reason, and takes no item after that.
   *
   * @example A worker that takes no more items once it is told to stop
   * ```ts
   * import { backgroundService, createHost } from "@runhost/host";
   * import { Channel } from "@runhost/host/channels";
   * import { deepEqual } from "node:assert/strict";
   *
   * const channel = new Channel<string>();
   * const sent: string[] = [];
   * const mailer = backgroundService("mailer", async (signal) => {
   *   for await (const mail of channel.readAll(signal)) sent.push(mail);
   * });
   * const host = createHost([mailer]);
   * await host.start();
   * await channel.write("Hello");
   * while (sent.length < 1) await new Promise((resolve) => setTimeout(resolve));
   * await host.stop();
   *
   * deepEqual(sent, ["Hello"]);
   * ```
   */
  readAll(signal?: AbortSignal): AsyncIterableIterator<T> {
    checkSignal("Channel signal", signal);
    return new Reading(this, this.#turns, signal);
  }

  /** The same as {@linkcode Channel.readAll} without a signal, for `for await`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.readAll();
  }

  /** Writes an item, and gives whether that was possible; a promise if `onDropped` gave one. */
  #put(item: T): boolean | PromiseLike<unknown> {
    if (item === undefined) {
      throw new TypeError("Cannot write to the channel: undefined is no item");
    }
    if (this.#completed) return false;
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve(item);
    } else if (this.#items.count < this.#capacity) {
      this.#items.push(item);
      this.#readWaiters.resolve(true);
    } else if (this.#fullMode === "wait") {
      return false;
    } else {
      return this.#drop(item);
    }
    return true;
  }

  #drop(item: T): true | PromiseLike<unknown> {
    let dropped: T | undefined = item;
    if (this.#fullMode !== "dropWrite" && this.#capacity > 0) {
      dropped = this.#fullMode === "dropNewest" ? this.#items.pop() : this.#items.shift();
      this.#items.push(item);
    }
    const onDropped = this.#onDropped;
    const told = onDropped(dropped as T) as PromiseLike<unknown> | undefined;
    return typeof told?.then === "function" ? told : true;
  }

  // Methods of their own, as a closure in the public ones would cost each call that needs no turn.

  async #waitToWrite(signal: AbortSignal | undefined): Promise<boolean> {
    await this.#turns.give();
    return this.waitToWrite(signal);
  }

  async #waitToRead(signal: AbortSignal | undefined): Promise<boolean> {
    await this.#turns.give();
    return this.waitToRead(signal);
  }

  /** Fulfils as a result does, after a turn of the event loop; rejects as it does, at once. */
  async #later<R>(result: Promise<R>): Promise<R> {
    const [value] = await Promise.all([result, this.#turns.give()]);
    return value;
  }

  /** What the `waitTo` methods give once the channel is complete. */
  #end(): Promise<boolean> {
    return this.#error === undefined ? no : Promise.reject(this.#error);
  }

  #settleIfOver(): void {
    if (this.#completed && this.#items.count === 0) this.#settleCompletion();
  }

  #closed(doing: string): ChannelClosedError {
    return new ChannelClosedError(
      `Cannot ${doing} the channel: it is complete`,
      this.#error === undefined ? undefined : { cause: this.#error },
    );
  }
}

/** The rejection of a call whose signal is no signal, or has aborted: that call does nothing else. */
function refusal(signal: AbortSignal): Promise<never> | undefined {
  try {
    checkSignal("Channel signal", signal);
  } catch (error) {
    return Promise.reject(error);
  }
  return signal.aborted ? Promise.reject(signal.reason) : undefined;
}
