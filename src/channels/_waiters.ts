import { link } from "../_abort.ts";
import { type Linked, List } from "./_list.ts";

/** A caller that waits, with what it has brought along. */
export interface Waiter<Result, Item = undefined> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
}

/** A waiter's place in the queue. */
interface Place<Result, Item> extends Waiter<Result, Item>, Linked<Place<Result, Item>> {
  readonly reject: (reason: unknown) => void;
  readonly unlink: () => void;
}

/**
 * Callers that wait for the same thing, served in the order they came. One whose signal aborts leaves
 * at once.
 */
export class Waiters<Result, Item = undefined> {
  readonly #places: List<Place<Result, Item>> = new List();

  /** The waiter that is next. */
  get first(): Waiter<Result, Item> | undefined {
    return this.#places.first;
  }

  /** Waits at the end of the queue; rejects with the signal's reason when that aborts. */
  wait(item: Item, signal?: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      const place: Place<Result, Item> = {
        item,
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

  /** Takes out the waiter that is next. */
  shift(): Place<Result, Item> | undefined {
    const { first } = this.#places;
    return first && this.#remove(first);
  }

  /** Takes out all, with the same result. */
  resolve(result: Result): void {
    for (let next; (next = this.shift());) next.resolve(result);
  }

  /** Takes out all, with the same error. */
  reject(error: unknown): void {
    for (let next; (next = this.shift());) next.reject(error);
  }

  #remove(place: Place<Result, Item>): Place<Result, Item> {
    this.#places.remove(place);
    place.unlink();
    return place;
  }
}
