import { Latch } from "../_abort.ts";

/** How many attempts are given the same signal, one after the other, at most. */
const mostUses = 1_000;

/** A signal that knows whether somebody may still listen to it. */
export class Spare extends Latch {
  /** The signal, at hand: the getter of a controller takes its time. */
  readonly #own: AbortSignal = super.signal;
  /** How many attempts have had it. */
  uses = 0;
  /** Whether a listener was ever added. */
  listened = false;

  override get signal(): AbortSignal {
    return this.#own;
  }
}

/**
 * Signals of attempts that have ended and left nothing on them, to be given to later ones. Making a
 * signal takes many times as long as a small task does (`bench/queue`, on Node 20), and whether a
 * handler looks at its signal cannot be known beforehand. One attempt has a signal at a time; a signal
 * that aborted, or that a listener was added to, is not given out again.
 */
export class SpareSignals {
  readonly #spares: Spare[] = [];

  /** Gives a signal that is of no other attempt. */
  take(): Spare {
    return this.#spares.pop() ?? make();
  }

  /** Takes the signal of an attempt that has ended back. */
  give(spare: Spare): void {
    const reusable = !spare.aborted && !spare.listened && ++spare.uses < mostUses;
    if (reusable) this.#spares.push(spare);
  }
}

/** Makes a signal that notes when a listener is added to it. */
function make(): Spare {
  const spare = new Spare();
  const { signal } = spare;
  const prototype = AbortSignal.prototype;
  const addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>): void => {
    spare.listened = true;
    prototype.addEventListener.apply(signal, args);
  };
  Object.defineProperties(signal, {
    addEventListener: { value: addEventListener },
    onabort: {
      get: () => Reflect.get(prototype, "onabort", signal),
      set: (listener) => {
        spare.listened = true;
        Reflect.set(prototype, "onabort", listener, signal);
      },
    },
  });
  return spare;
}
