import { AbortError, Latch, link } from "../_abort.ts";
import { check, checkSignal, checkWord, nothing } from "../_check.ts";
import { log } from "../_log.ts";
import type { Patience } from "../_time/patience.ts";
import { type Clear, startTimer } from "../_time/timer.ts";
import type { Delivery } from "./source.ts";
import type { ServiceContext } from "../types.ts";

/** A lease that was not extended for so many times its interval has run out. */
const patience = 3;

/** What keeps others from a delivery, where that may end by itself: extends it, and sees its loss. */
export class Hold {
  /** Whether it runs out by itself, so that the connection's end says nothing of it. */
  readonly lease: boolean;
  /** Fires when somebody else may have the value; never once it has ended. */
  readonly lost: Latch = new Latch();
  /** Called when it is lost. */
  onLost: (reason: unknown) => void = nothing;
  readonly #delivery: Delivery<unknown>;
  readonly #context: ServiceContext;
  readonly #patience: Patience;
  /** 0 if it is not extended. */
  readonly #every: number;
  #unlink: () => void = nothing;
  #clearNext: Clear = nothing;
  #clearLimit: Clear = nothing;
  #over = false;

  /** @throws If something of the delivery is not what it should be. */
  constructor(delivery: Delivery<unknown>, context: ServiceContext, patience: Patience) {
    const { lost, hold, extend, extendEvery } = delivery;
    checkWord("delivery.hold", hold ?? "connection", ["connection", "lease"]);
    check("delivery.extendEvery", extendEvery ?? 0, 0);
    check("delivery.extend", extend ?? nothing, nothing);
    checkSignal("delivery.lost", lost ?? undefined);
    this.#delivery = delivery;
    this.#context = context;
    this.#patience = patience;
    this.lease = hold === "lease";
    this.#every = extend && extendEvery && extendEvery < Infinity ? extendEvery : 0;
    this.#unlink = link(lost ?? undefined, (reason) => this.#lose(reason));
  }

  /** Extends it from now on. */
  begin(): void {
    if (!this.#every || this.#gone) return;
    this.#extendedAt(this.#context.clock.now());
    this.#next();
  }

  /** It is of no concern any more. */
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
    const { clock, logger, name } = this.#context;
    const begun = clock.now(); // a lease counts from when it was asked for, at the latest
    try {
      const call = this.#delivery.extend?.();
      const what = "its source to extend its hold";
      const answer = await this.#patience.wait(call, what, this.#context);
      if (answer === false) this.#lose(new AbortError("The source has lost its hold on the item"));
      else this.#extendedAt(begun);
    } catch (error) {
      const line = `Service "${name}" failed to extend the hold on an item`;
      if (!this.#over) log(logger, "warn", line, { error });
    }
    this.#next();
  }

  #extendedAt(time: number): void {
    this.#clearLimit();
    if (!this.lease || this.#gone) return;
    const limit = patience * this.#every;
    const { clock } = this.#context;
    this.#clearLimit = startTimer(clock, Math.max(0, time + limit - clock.now()), () => {
      this.#lose(new AbortError(`The hold on the item was not extended for ${limit} ms`));
    });
  }
}
