import type { Turns } from "../_time/turns.ts";

/** What is used of a channel. */
interface Readable<T> {
  tryRead(): T | undefined;
  waitToRead(signal?: AbortSignal): Promise<boolean>;
}

/** Iterates over a channel. By hand: an async generator takes more than twice as long. */
export class Reading<T> implements AsyncIterableIterator<T> {
  readonly #channel: Readable<T>;
  readonly #turns: Turns;
  readonly #signal: AbortSignal | undefined;
  #left = false;

  constructor(channel: Readable<T>, turns: Turns, signal: AbortSignal | undefined) {
    this.#channel = channel;
    this.#turns = turns;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<T>> {
    // Before it takes an item: a signal may come in that turn, and then the item stays.
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

  /** Not in `next` itself: a closure there would cost every item. */
  async #nextLater(): Promise<IteratorResult<T>> {
    await this.#turns.give();
    return this.next();
  }

  async #wait(): Promise<IteratorResult<T>> {
    while (!this.#left && await this.#channel.waitToRead(this.#signal)) {
      if (this.#left || this.#signal?.aborted) continue; // it happened while this woke up
      const value = this.#channel.tryRead();
      if (value !== undefined) return { value, done: false };
    }
    return { value: undefined, done: true };
  }
}
