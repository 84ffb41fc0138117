import { link } from "../_abort.ts";
import { type Linked, List } from "./_list.ts";

/** Somebody who waits, and what they hold meanwhile. */
export interface Waiter<Result, Held = undefined> {
  readonly held: Held;
  readonly resolve: (result: Result) => void;
}

/** A waiter's place in the queue. */
interface Place<Result, Held> extends Waiter<Result, Held>, Linked<Place<Result, Held>> {
  readonly reject: (reason: unknown) => void;
  readonly unlink: () => void;
}

/**
 * Those who wait for the same thing, served in the order they came. Whoever's signal aborts is gone
 * at once.
 */
export class Waiters<Result, Held = undefined> {
  readonly #places: List<Place<Result, Held>> = new List();

  /** Who is next. */
  get first(): Waiter<Result, Held> | undefined {
    return this.#places.first;
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
        previous: undefined,
        next: undefined,
      };
      this.#places.add(place);
    });
  }

  /** Takes out who is next. */
  shift(): Place<Result, Held> | undefined {
    const { first } = this.#places;
    return first && this.#remove(first);
  }

  /** Takes out everybody, with the same result. */
  resolve(result: Result): void {
    for (let next; (next = this.shift());) next.resolve(result);
  }

  /** Takes out everybody, with the same error. */
  reject(error: unknown): void {
    for (let next; (next = this.shift());) next.reject(error);
  }

  #remove(place: Place<Result, Held>): Place<Result, Held> {
    this.#places.remove(place);
    place.unlink();
    return place;
  }
}
