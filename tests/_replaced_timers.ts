/**
 * What test tools do: they put timers of their own in the place of the global ones, and take them
 * away again. Two of them, one upon the other, tell apart what belongs to whom.
 *
 * @module
 */

type Globals = Record<"setTimeout" | "clearTimeout", unknown>;

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Global timers whose time passes only in {@linkcode ReplacedTimers.tick}; `performance.now` stays. */
export class ReplacedTimers {
  /** What was to be cleared here, and never set here. */
  readonly foreign: unknown[] = [];
  readonly #globals = globalThis as unknown as Globals;
  readonly #before: Globals = {
    setTimeout: this.#globals.setTimeout,
    clearTimeout: this.#globals.clearTimeout,
  };
  readonly #timers = new Map<unknown, Timer>();
  readonly #known = new Set<unknown>();
  #now = 0;

  constructor() {
    this.#globals.setTimeout = (callback: () => void, ms: number): unknown => {
      const timer = { id: Symbol("timer") };
      this.#timers.set(timer, { at: this.#now + ms, callback });
      this.#known.add(timer);
      return timer;
    };
    this.#globals.clearTimeout = (timer: unknown): void => {
      this.#timers.delete(timer);
      if (!this.#known.has(timer)) this.foreign.push(timer);
    };
  }

  /** How many timers run here. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass: fires what falls due, in order, all in one turn. */
  tick(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end);
      const [next] = due.sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      const [id, { at, callback }] = next;
      this.#timers.delete(id);
      this.#now = at;
      callback();
    }
    this.#now = end;
  }

  /** Puts the timers back that were there before. */
  remove(): void {
    Object.assign(this.#globals, this.#before);
  }
}
