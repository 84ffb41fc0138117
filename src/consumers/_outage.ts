import type { Clock } from "../types.ts";
import type { Failure } from "../_log.ts";

/** Milliseconds for which a source may fail before that is an outage. */
const blip = 10_000;

/** The failures of a source since its last answer. */
interface Row extends Failure {
  readonly clock: Clock;
  /** When the first of them happened. */
  readonly begun: number;
  /** When the last of them happened, whose error this has. */
  readonly ended: number;
}

/** Knows for how long a source has been failing. */
export class Outage {
  #row: Row | undefined;

  /** Notes that the source has failed to answer. */
  failed(error: unknown, clock: Clock): void {
    const ended = clock.now();
    this.#row = { error, clock, begun: this.#row?.begun ?? ended, ended };
  }

  /** Notes that the source has answered, or that nothing is known of it yet. */
  end(): void {
    this.#row = undefined;
  }

  /**
   * What the source fails with, once that has lasted longer than a blip.
   *
   * @param asking Whether an answer is awaited: nobody knows then, so an outage lasts no longer by it,
   * and does not end.
   */
  found(asking: boolean): Failure | undefined {
    if (!this.#row) return undefined;
    const { clock, begun, ended } = this.#row;
    return (asking ? ended : clock.now()) - begun > blip ? this.#row : undefined;
  }
}
