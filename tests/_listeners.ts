/** Counts the listeners on a signal. */
export class Listeners {
  readonly #alive: Set<unknown> = new Set();
  /** How many there have been at once. */
  most = 0;
  /** How many there have ever been. */
  added = 0;

  constructor(signal: AbortSignal) {
    const add = signal.addEventListener.bind(signal) as EventTarget["addEventListener"];
    const remove = signal.removeEventListener.bind(signal) as EventTarget["removeEventListener"];
    const counted: EventTarget["addEventListener"] = (type, listener, options) => {
      this.#alive.add(listener);
      this.added++;
      this.most = Math.max(this.most, this.#alive.size);
      add(type, listener, options);
    };
    const uncounted: EventTarget["removeEventListener"] = (type, listener, options) => {
      this.#alive.delete(listener);
      remove(type, listener, options);
    };
    Object.assign(signal, { addEventListener: counted, removeEventListener: uncounted });
    add("abort", () => this.#alive.clear());
  }

  /** How many there are now. */
  get now(): number {
    return this.#alive.size;
  }
}
