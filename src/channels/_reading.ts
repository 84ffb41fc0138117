import type { Turns } from "../_time/turns.ts";

/** The part of a channel that an iteration uses. */
interface Readable<T> {
  tryRead(): T | undefined;
  waitToRead(signal?: AbortSignal): Promise<boolean>;
}

/** Iterates over a channel. By hand, as an async generator takes longer (`bench/channel`). */
export class Reading<T> implements AsyncIterableIterator<T> {
  readonly #channel: Readable<T>;
  readonly #turns: Turns;
  readonly #signal: AbortSignal | undefined;
  /** Whether the loop was left. */
  #left = false;

  constructor(channel: Readable<T>, turns: Turns, signal: AbortSignal | undefined) {
    this.#channel = channel;
    this.#turns = turns;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<T>> {
    // The turn comes before the item is taken: if the signal aborts in it, the item stays.
    if (this.#turns.due()) return this.#nextLater();
    if (this.#left || this.#signal?.aborted) return this.#wait();
    const value = this.#channel.tryRead();
    return value === undefined ? this.#wait() : Promise.resolve({ value, done: false });
  }

  return(): Promise<IteratorResult<T>> {
    this.#left = true;
    return this.#wait();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** A method of its own, as a closure in `next` would cost each item. */
  async #nextLater(): Promise<IteratorResult<T>> {
    await this.#turns.give();
    return this.next();
  }

  async #wait(): Promise<IteratorResult<T>> {
    while (!this.#left && await this.#channel.waitToRead(this.#signal)) {
      if (this.#left || this.#signal?.aborted) continue; // since the wait was over
      const value = this.#channel.tryRead();
      if (value !== undefined) return { value, done: false };
    }
    return { value: undefined, done: true };
  }
}
