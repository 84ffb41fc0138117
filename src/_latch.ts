/**
 * Something that happens once, with a reason. The signal is made when somebody first looks at it:
 * on Node 20 one costs 3 microseconds, more than the start of a small service.
 */
export class Latch {
  #controller: AbortController | undefined;
  fired = false;
  reason: unknown;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.fired) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** The first reason wins. */
  fire(reason: unknown): void {
    if (this.fired) return;
    this.fired = true;
    this.reason = reason;
    this.#controller?.abort(reason);
  }
}

/**
 * One cancellation with many listeners. Whoever may listen gets a signal of its own: Node warns
 * about the eleventh listener on one signal, and adding it is linear in those before it.
 */
export class Broadcast {
  /** For those that cannot listen. */
  readonly shared: Latch = new Latch();
  readonly #own: Latch[] = [];

  own(): Latch {
    const latch = new Latch();
    if (this.shared.fired) latch.fire(this.shared.reason);
    else this.#own.push(latch);
    return latch;
  }

  /** Fires the newest first, as services stop. */
  fire(reason: unknown): void {
    this.shared.fire(reason);
    for (let latch; (latch = this.#own.pop());) latch.fire(reason);
  }
}
