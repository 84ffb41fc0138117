import { link } from "../_abort.ts";

/** Somebody who waits, and what they hold meanwhile. */
export interface Waiter<Result, Held = undefined> {
  readonly held: Held;
  readonly resolve: (result: Result) => void;
}

/** A waiter's place in the queue. */
interface Place<Result, Held> extends Waiter<Result, Held> {
  readonly reject: (reason: unknown) => void;
  unlink: () => void;
  previous: Place<Result, Held> | undefined;
  next: Place<Result, Held> | undefined;
}

/**
 * Those who wait for the same thing, served in the order they came. Whoever's signal aborts is gone
 * at once, from anywhere in the queue: it is a list linked both ways.
 */
export class Waiters<Result, Held = undefined> {
  #first: Place<Result, Held> | undefined;
  #last: Place<Result, Held> | undefined;

  /** Who is next. */
  get first(): Waiter<Result, Held> | undefined {
    return this.#first;
  }

  /** Waits at the end of the queue; rejects with the signal's reason when that aborts. */
  wait(held: Held, signal: AbortSignal | undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      const place: Place<Result, Held> = {
        held,
        resolve,
        reject,
        unlink: link(signal, (reason) => {
          this.#remove(place);
          reject(reason);
        }),
        previous: this.#last,
        next: undefined,
      };
      if (this.#last) this.#last.next = place;
      else this.#first = place;
      this.#last = place;
    });
  }

  /** Takes out who is next. */
  shift(): Waiter<Result, Held> | undefined {
    return this.#first && this.#remove(this.#first);
  }

  /** Takes out everybody, with the same result. */
  resolve(result: Result): void {
    while (this.#first) this.#remove(this.#first).resolve(result);
  }

  /** Takes out everybody, with the same error. */
  reject(error: unknown): void {
    while (this.#first) this.#remove(this.#first).reject(error);
  }

  #remove(place: Place<Result, Held>): Place<Result, Held> {
    const { previous, next } = place;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    place.previous = place.next = undefined; // or whoever keeps one keeps them all
    place.unlink();
    return place;
  }
}
