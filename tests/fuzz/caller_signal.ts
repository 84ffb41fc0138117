/** A signal of somebody who calls the host, which counts the listeners it has. */
export class CallerSignal {
  readonly #controller = new AbortController();
  readonly #listeners = new Set<unknown>();

  constructor() {
    const { signal } = this.#controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    const listeners = this.#listeners;
    Object.assign(signal, {
      addEventListener(...args: Parameters<typeof add>): void {
        listeners.add(args[1]);
        add(...args);
      },
      removeEventListener(...args: Parameters<typeof remove>): void {
        listeners.delete(args[1]);
        remove(...args);
      },
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Listeners nobody removed; none of an aborted signal, which will call nobody again. */
  get listeners(): number {
    return this.signal.aborted ? 0 : this.#listeners.size;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
}
