import { AbortError, Latch, link } from "../_abort.ts";
import { check, checkSignal, checkWord, nothing, refuse } from "../_check.ts";
import type { HangWarnings } from "../_time/hang_warnings.ts";
import { type Clear, startTimer } from "../_time/timer.ts";
import { report } from "./_report.ts";
import type { Delivery } from "./source.ts";
import type { ServiceContext } from "../types.ts";

/** A lease is lost when it was not extended for so many times its `extendEvery`. */
const patience = 3;

/** A source's hold on a delivery, where that may be lost: extends it, and sees its loss. */
export class Hold {
  /** Whether it is a lease, which runs out by itself, whatever becomes of the connection. */
  readonly lease: boolean;
  /** Aborts when another consumer may have the value; never after `end`. */
  readonly lost: Latch = new Latch();
  /** Called with the reason when the hold is lost. */
  onLost: (reason: unknown) => void = nothing;
  readonly #delivery: Delivery<unknown>;
  readonly #context: ServiceContext;
  readonly #hangWarnings: HangWarnings;
  /** Milliseconds between two calls of `extend`; 0 if there are none. */
  readonly #every: number;
  #unlink: () => void = nothing;
  #clearNext: Clear = nothing;
  #clearLimit: Clear = nothing;
  #over = false;

  /**
   * Looks for the loss from now on.
   *
   * @throws {TypeError} If something of the delivery has the wrong type.
   * @throws {RangeError} If `extendEvery` is negative or `NaN`.
   */
  constructor(delivery: Delivery<unknown>, context: ServiceContext, hangWarnings: HangWarnings) {
    const { lost, hold, extend, extendEvery, heldSince } = delivery;
    checkWord("delivery.hold", hold ?? "connection", ["connection", "lease"]);
    check("delivery.extendEvery", extendEvery ?? 0, 0);
    if (!Number.isFinite(heldSince ?? 0)) refuse("delivery.heldSince", "a time", heldSince);
    check("delivery.extend", extend ?? nothing, nothing);
    checkSignal("delivery.lost", lost ?? undefined);
    this.#delivery = delivery;
    this.#context = context;
    this.#hangWarnings = hangWarnings;
    this.lease = hold === "lease";
    this.#every = extend && extendEvery && extendEvery < Infinity ? extendEvery : 0;
    this.#unlink = link(lost ?? undefined, (reason) => this.#lose(reason));
  }

  /** Extends the hold from now on, unless it is over already. */
  begin(): void {
    if (!this.#every || this.#gone) return;
    const now = this.#context.clock.now();
    const since = this.#delivery.heldSince ?? now;
    if (this.lease && now - since >= this.#limit) return this.#lose(this.#overdue());
    this.#extendedAt(since);
    this.#next();
  }

  /** Extends the hold no more, and takes no note of its loss: the delivery is settled. */
  end(): void {
    this.#over = true;
    this.#rest();
  }

  /** Whether there is nothing to extend or to lose any more. */
  get #gone(): boolean {
    return this.#over || this.lost.aborted;
  }

  #lose(reason: unknown): void {
    if (this.#gone) return;
    this.lost.abort(reason);
    this.#rest();
    this.onLost(reason);
  }

  #rest(): void {
    this.#clearNext();
    this.#clearLimit();
    this.#unlink();
  }

  #next(): void {
    if (this.#gone) return;
    this.#clearNext = startTimer(this.#context.clock, this.#every, () => this.#extend());
  }

  async #extend(): Promise<void> {
    const { clock } = this.#context;
    const begun = clock.now(); // the source may count from any moment between this and its answer
    try {
      const call = this.#delivery.extend?.();
      const what = "its source to extend its hold";
      const answer = await this.#hangWarnings.wait(call, what, this.#context);
      if (answer === false) this.#lose(new AbortError("The source has lost its hold on the item"));
      else this.#extendedAt(begun);
    } catch (error) {
      const what = "failed to extend the hold on an item";
      if (!this.#over) report(this.#context, "warn", what, { error });
    }
    this.#next();
  }

  #extendedAt(time: number): void {
    this.#clearLimit();
    if (!this.lease || this.#gone) return;
    const { clock } = this.#context;
    this.#clearLimit = startTimer(clock, Math.max(0, time + this.#limit - clock.now()), () => {
      this.#lose(this.#overdue());
    });
  }

  /** Milliseconds after which a lease is over that was not extended. */
  get #limit(): number {
    return patience * this.#every;
  }

  #overdue(): Error {
    return new AbortError(`The hold on the item was not extended for ${this.#limit} ms`);
  }
}
