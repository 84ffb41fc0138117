import { type Backoff, backoff } from "../_time/backoff.ts";
import type { Failure } from "../_log.ts";
import type { HangWarnings } from "../_time/hang_warnings.ts";
import { type Held, isLost } from "./_held_delivery.ts";
import type { Hold } from "./_hold_extension.ts";
import type { Ledger, Outcome } from "./_ledger.ts";
import { Pauses } from "./_pauses.ts";
import { report } from "./_report.ts";
import type { Delivery, ReleaseOptions } from "./source.ts";
import type { ServiceContext } from "../types.ts";

/** What a source is told of a delivery: the outcomes it takes note of. */
type Told = Exclude<Outcome, "unacked">;

/** The delays before an ack under a lease is tried again. */
const ackRetry: Backoff = { delay: 250, maxDelay: 30_000, jitter: 0 };

// Shared, as what is made for each item adds up.
const ack = (delivery: Delivery<unknown>): unknown => delivery.ack();

/**
 * Tells a source what has become of each delivery, and strikes that out of the ledger. The first
 * call for a delivery settles it, any later one does nothing. A source that fails to take note costs
 * its own delivery, and no other; none of the promises here rejects.
 */
export class Settler<T> {
  readonly #ledger: Ledger<T>;
  readonly #hangWarnings: HangWarnings;
  /** Delays before further acks; they last until the end of the grace. */
  readonly #rests: Pauses = new Pauses();

  constructor(ledger: Ledger<T>, hangWarnings: HangWarnings) {
    this.#ledger = ledger;
    this.#hangWarnings = hangWarnings;
  }

  /** Tries failing acks again from now on. */
  begin(): void {
    this.#rests.begin();
  }

  /** Tries no failing ack again: the grace is over. */
  end(): void {
    this.#rests.end();
  }

  /** Acks a delivery that was handled. Gives nothing if that took no time. */
  ack(held: Held<T>): Promise<void> | undefined {
    return held.hold ? this.#ackHeld(held, held.hold) : this.#settle(held, "done", ack);
  }

  /** Gives a delivery back; without a failure its attempt does not count. */
  async release(held: Held<T>, delay: number, failure?: Failure): Promise<void> {
    const options = failure ? { delay, error: failure.error } : { delay };
    await this.#settle(held, "released", (delivery) => delivery.release(options));
  }

  /** Rejects a delivery whose last attempt has failed. */
  async reject(held: Held<T>, error: unknown): Promise<void> {
    await this.#settle(held, "deadLettered", (delivery) => delivery.reject(error));
  }

  /** Gives back what is no delivery, and so was never held, if it has a `release`. */
  async giveBack(
    delivery: Partial<Delivery<T>> | undefined | null,
    options: ReleaseOptions,
    context: ServiceContext,
  ): Promise<void> {
    try {
      await this.#hangWarnings.wait(delivery?.release?.(options), waitFor("released"), context);
    } catch (error) {
      this.#noteFailure("released", error, context);
    }
  }

  #settle(
    held: Held<T>,
    told: Told,
    call: (delivery: Delivery<T>) => unknown,
  ): Promise<void> | undefined {
    if (held.settling) return;
    held.settling = true;
    held.hold?.end();
    try {
      const result = call(held.delivery) as PromiseLike<unknown> | undefined;
      if (typeof result?.then === "function") return this.#settled(held, told, result);
      this.#ledger.strike(held, told);
    } catch (error) {
      this.#ledger.strike(held, this.#noteFailure(told, error, held.context));
    }
  }

  async #settled(held: Held<T>, told: Told, call: PromiseLike<unknown>): Promise<void> {
    let outcome: Outcome = told;
    try {
      await this.#hangWarnings.wait(call, waitFor(told), held.context);
    } catch (error) {
      outcome = this.#noteFailure(told, error, held.context);
    }
    this.#ledger.strike(held, outcome);
  }

  /**
   * Acks a delivery on which the source has a hold that may be lost. After a loss the source is told
   * once that the work is done, as that may spare others the same, but that is not taken for an ack.
   * Under a lease the ack is tried until it succeeds, or the lease is lost.
   */
  async #ackHeld(held: Held<T>, hold: Hold): Promise<void> {
    if (held.settling) return;
    held.settling = true;
    if (!hold.lease) hold.end();
    const { context } = held;
    let outcome: Outcome = "unacked";
    for (let failures = 1;; failures++) {
      const mine = !isLost(held);
      try {
        await this.#hangWarnings.wait(held.delivery.ack(), waitFor("done"), context);
        if (mine) outcome = "done";
        break;
      } catch (error) {
        this.#noteFailure("done", error, context);
      }
      if (!hold.lease) break;
      await this.#rests.wait(backoff(ackRetry, failures, () => 0), context.clock, held);
      if (isLost(held) || this.#rests.over) break;
    }
    if (isLost(held) && outcome === "unacked") {
      const what = "has done an item whose hold was lost before the ack: it may come again";
      report(context, "warn", what);
    }
    hold.end();
    this.#ledger.strike(held, outcome);
  }

  /** Gives what has become of the delivery: the source, which could not be told, has it again. */
  #noteFailure(told: Told, error: unknown, context: ServiceContext): Outcome {
    this.#ledger.counts.settleErrors++;
    report(context, "error", `failed to tell the source that an item is ${told}`, { error });
    return told === "done" ? "unacked" : "released";
  }
}

/** What hangs when such a call does. */
function waitFor(told: Told): string {
  return `its source to take note that an item is ${told}`;
}
