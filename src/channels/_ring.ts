/** The fewest slots; always a power of two, so that the mask `length - 1` wraps an index. */
const fewest = 16;
/** An empty ring gives back more slots than this. */
const spare = 16_384;

/** A queue in a ring of slots that doubles when it is full. A slot is cleared when its item leaves. */
export class Ring<T> {
  #slots: (T | undefined)[] = new Array(fewest);
  #head = 0;
  #count = 0;

  /** How many items there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds an item at the end. */
  push(item: T): void {
    if (this.#count === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#count++) & (this.#slots.length - 1)] = item;
  }

  /** Takes the first item, the oldest. */
  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#take(this.#head);
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    if (this.#count === 0 && this.#slots.length > spare) this.#reset();
    return item;
  }

  /** Takes the last item, the newest. */
  pop(): T | undefined {
    if (this.#count === 0) return undefined;
    return this.#take((this.#head + this.#count - 1) & (this.#slots.length - 1));
  }

  /** The first item; it stays. */
  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  #take(index: number): T | undefined {
    const item = this.#slots[index];
    this.#slots[index] = undefined;
    this.#count--;
    return item;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Array<T | undefined>(old.length * 2);
    for (let index = 0; index < old.length; index++) {
      slots[index] = old[(this.#head + index) & (old.length - 1)];
    }
    this.#slots = slots;
    this.#head = 0;
  }

  #reset(): void {
    this.#slots = new Array(fewest);
    this.#head = 0;
  }
}
