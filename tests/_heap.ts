import process from "node:process";

/** How the heap grows in the course of something. */
export class Heap {
  readonly #samples: number[] = [];

  sample(): void {
    this.#samples.push(process.memoryUsage().heapUsed);
  }

  /**
   * Bytes by which the last fifth of the samples is above the second one. Of each, the lowest sample
   * counts: the one that comes soonest after a collection.
   */
  get growth(): number {
    const fifth = Math.floor(this.#samples.length / 5);
    const lowest = (from: number): number => Math.min(...this.#samples.slice(from, from + fifth));
    return lowest(this.#samples.length - fifth) - lowest(fifth);
  }
}
