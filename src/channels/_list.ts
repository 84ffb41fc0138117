/** What can be in a {@linkcode List}: in one at a time. */
export interface Linked<Item> {
  /** The neighbour that was added before. */
  previous: Item | undefined;
  /** The neighbour that was added after. */
  next: Item | undefined;
}

/**
 * A list linked both ways, oldest first, from any place of which an item can be removed. A `Set` in its
 * place makes a task queue measurably slower, most of all on Bun (`bench/queue`).
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
    item.previous = item.next = undefined; // or one that is kept would keep all later ones
  }
}
