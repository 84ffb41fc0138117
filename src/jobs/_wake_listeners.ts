/** Who is to be called back when there may be something new in a queue, or in any. */
export class WakeListeners {
  readonly #all: Set<(queue?: string) => void> = new Set();

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /** Adds one; what it returns takes it away. One that is added twice is called back twice. */
  add(listener: (queue?: string) => void): () => void {
    const own = (queue?: string): void => listener(queue);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  /** Calls all back, when what runs now has ended: none of them has a say in what tells. */
  tell(queue?: string): void {
    for (const listener of this.#all) queueMicrotask(() => listener(queue));
  }
}
