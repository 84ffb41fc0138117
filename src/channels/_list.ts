/** What can be in a {@linkcode List}: in one at a time. */
export interface Linked<Item> {
  /** Its neighbours. */
  previous: Item | undefined;
  next: Item | undefined;
}

/**
 * A list linked both ways, oldest first: what is in it leaves at once, from anywhere. A `Set` takes a
 * fifth of a queue's time on Node and half of it on Bun.
 */
export class List<Item extends Linked<Item>> {
  #first: Item | undefined;
  #last: Item | undefined;

  get first(): Item | undefined {
    return this.#first;
  }

  add(item: Item): void {
    item.previous = this.#last;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
  }

  remove(item: Item): void {
    const { previous, next } = item;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    item.previous = item.next = undefined; // or whoever keeps an old one keeps all later ones
  }
}
