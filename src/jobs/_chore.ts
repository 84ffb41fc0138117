import { link } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { startTimer } from "../_time/timer.ts";
import { warnWhileWaiting } from "../_time/patience.ts";
import { report } from "../consumers/_report.ts";
import type { ServiceContext } from "../types.ts";

/** What a {@linkcode Chore} does. */
export interface ChoreOptions {
  /** What it does, as the log says it: `failed to ...`. */
  readonly what: string;
  /** Does it once. Gives the milliseconds until the next time; nothing for `every`. */
  readonly once: () => Promise<number | void>;
  /** Milliseconds between two times. */
  readonly every: number;
}

/** Something that a server does again and again beside its jobs. A failure is logged when it is new, and the chore goes on. */
export class Chore {
  readonly #options: ChoreOptions;
  #wake: () => void = nothing;
  /** Whether the last time failed. */
  #isFailing = false;

  constructor(options: ChoreOptions) {
    this.#options = options;
  }

  /** Does it at once, unless it goes on: then what is new may not be seen before `every` has passed. */
  wake(): void {
    this.#wake();
  }

  /** Does it until the signal aborts. Never rejects. */
  async run(signal: AbortSignal, context: ServiceContext): Promise<void> {
    while (!signal.aborted) {
      const rest = await this.#once(context);
      if (signal.aborted) return;
      let unlink = nothing;
      let clear = nothing;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        clear = startTimer(context.clock, rest, resolve);
        unlink = link(signal, () => resolve());
      });
      this.#wake = nothing;
      unlink();
      clear();
    }
  }

  async #once(context: ServiceContext): Promise<number> {
    const { what, once, every } = this.#options;
    const clear = warnWhileWaiting(`its storage to ${what}`, context);
    try {
      const rest = await once();
      this.#isFailing = false;
      return rest ?? every;
    } catch (error) {
      if (!this.#isFailing) {
        report(context, "error", `failed to ${what}, and tries again`, { error });
      }
      this.#isFailing = true;
      return every;
    } finally {
      clear();
    }
  }
}
