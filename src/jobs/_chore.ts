import { warnWhileWaiting } from "../_time/hang_warnings.ts";
import { Rest } from "../_time/rest.ts";
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
  readonly #rest: Rest = new Rest();
  /** Whether the last time failed. */
  #isFailing = false;

  constructor(options: ChoreOptions) {
    this.#options = options;
  }

  /** Does it at once, or once more if it goes on. */
  wake(): void {
    this.#rest.wake();
  }

  /** Does it until the signal aborts. Never rejects. */
  async run(signal: AbortSignal, context: ServiceContext): Promise<void> {
    while (!signal.aborted) {
      this.#rest.begin();
      await this.#rest.wait(await this.#once(context), context.clock, signal);
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
