import { WakeListeners } from "../_wake_listeners.ts";

/** What is used of `node:timers`, whose timers can be made to keep no process alive, on Deno and Bun, too. */
export interface NodeTimers {
  setInterval(callback: () => void, ms: number): { unref(): void };
  clearInterval(timer: unknown): void;
}

/** Milliseconds between two looks at what other connections have stored. A look takes some microseconds. */
const interval = 100;

/** Who waits for something new, and from where it may come. */
export class Wakes {
  readonly #listeners: WakeListeners = new WakeListeners();
  readonly #told: Set<string | undefined> = new Set();
  #version: (() => unknown) | undefined;
  #timers: NodeTimers | undefined;
  #seen: unknown;
  #clear: (() => void) | undefined;

  /** Adds who is to be called back. */
  add(listener: (queue?: string) => void): () => void {
    const remove = this.#listeners.add(listener);
    this.#watch();
    return () => {
      remove();
      this.#watch();
    };
  }

  /** Notes that there may be something new in a queue, or in any, once the transaction is committed. */
  note(queue?: string): void {
    if (this.#listeners.size > 0) this.#told.add(queue);
  }

  /** Calls back for all that was noted. */
  tell(): void {
    for (const queue of this.#told) this.#listeners.tell(queue);
    this.#told.clear();
  }

  /**
   * Looks at what other connections store from now on, while somebody listens; or does no more.
   *
   * @param version Gives what is another one after each of their transactions.
   */
  watch(version?: () => unknown, timers?: NodeTimers): void {
    this.#version = version;
    this.#timers = timers;
    this.#seen = undefined;
    this.#watch();
  }

  #watch(): void {
    if (!this.#timers || this.#listeners.size === 0) {
      this.#clear?.();
      this.#clear = undefined;
    } else if (!this.#clear) {
      this.#look();
      const { setInterval, clearInterval } = this.#timers;
      const timer = setInterval(() => this.#look(), interval);
      timer.unref(); // it keeps no process alive
      this.#clear = () => clearInterval(timer);
    }
  }

  #look(): void {
    let version: unknown;
    try {
      version = this.#version?.();
    } catch { // whoever is called back now meets what is wrong with the file
    }
    if (version === this.#seen) return;
    this.#seen = version;
    this.note();
    this.tell();
  }
}
