/**
 * Milliseconds a loop may run without giving the event loop its turn: timers, sockets and signals
 * wait so long at most.
 */
const longestRun = 15;
/**
 * Items after which it gives one in any case: in workerd time stands still between events. (Workaround:
 * workerd-time)
 */
const mostItems = 10_000;
/**
 * Between two looks at the time lie so many items at most: twice as many as between the two before,
 * as a look takes as long as a small item.
 */
const longestStride = 16;
/** Milliseconds between two looks from which on the next one comes after the very next item. */
const slow = 1;

// Taken once, at import, so that tests that replace the timers do not hold up a real turn.
const now: () => number = performance.now.bind(performance);
const nextTurn: (callback: () => void) => unknown =
  (globalThis as { readonly setImmediate?: (callback: () => void) => unknown }).setImmediate ??
    globalThis.setTimeout;

/**
 * The turns that a loop gives the event loop, so that work which is always there (a full queue, a
 * source that answers at once) keeps nobody else from theirs: awaiting what has settled already
 * never leaves the microtasks.
 *
 * One object for one loop, or for several that share their work: then all of them wait for the turn
 * that one of them gives, and each asks again after it.
 *
 *     while (turns.due()) await turns.give();
 */
export class Turns {
  /** The turn that is being given. */
  #turn: Promise<void> | undefined;
  /** Items since the last turn, known at each look, and until the next one. */
  #items = 0;
  #left = 1;
  #stride = 1;
  /** When the run began: at the first look, and after each turn. */
  #began: number | undefined;
  #looked = 0;

  /** Counts an item, and says whether a turn is due: whoever is told so has to give it. */
  due(): boolean {
    return --this.#left <= 0 && this.#look(); // nothing more: loops in memory live of it
  }

  /** Resolves when the event loop has come round. */
  give(): Promise<void> {
    this.#left = 0; // so that whoever asks meanwhile looks, and waits as well
    return this.#turn ??= new Promise((resolve) => {
      nextTurn(() => {
        this.#turn = undefined;
        this.#items = 0;
        this.#left = this.#stride;
        this.#began = this.#looked = now();
        resolve();
      });
    });
  }

  #look(): boolean {
    if (this.#turn) return true;
    this.#items += this.#stride;
    const time = now();
    this.#began ??= time;
    this.#stride = time - this.#looked > slow ? 1 : Math.min(this.#stride * 2, longestStride);
    this.#left = this.#stride;
    this.#looked = time;
    return time - this.#began >= longestRun || this.#items >= mostItems;
  }
}
