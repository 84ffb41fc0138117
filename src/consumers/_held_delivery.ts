import type { Latch } from "../_abort.ts";
import { check, nothing } from "../_check.ts";
import type { Linked } from "../channels/_list.ts";
import type { Clear } from "../_time/timer.ts";
import type { HangWarnings } from "../_time/hang_warnings.ts";
import { Hold } from "./_hold_extension.ts";
import type { Delivery } from "./source.ts";
import type { Item } from "./types.ts";
import type { ServiceContext } from "../types.ts";

/** A delivery that a pump holds: taken, and not settled yet. */
export interface Held<T> extends Linked<Held<T>> {
  readonly delivery: Delivery<T>;
  /** That of the consumer, in the run that took the delivery. */
  readonly context: ServiceContext;
  /** Extends the source's hold and sees its loss; `undefined` if the delivery can do neither. */
  readonly hold: Hold | undefined;
  /** Number of the attempt that runs, or is next. */
  attempt: number;
  /** Whether the source counts the attempts, too. */
  readonly counted: boolean;
  /** The value as the handler gets it, once `input` was asked for it. */
  decoded: Promise<unknown> | undefined;
  /** Whether `input` has refused the value, which no further attempt can change. */
  refused: boolean;
  /** Aborts the attempt that runs; `undefined` before the first one. */
  signal: Latch | undefined;
  /** Whether ack, release or reject was called: from then on the handler has no say. */
  settling: boolean;
  /** Ends the timer of the attempt that runs, that of `timeout`. */
  clearLimit: Clear;
  /** Ends the delay that the delivery waits out, if there is one. */
  wake: () => void;
}

/**
 * What a pump keeps of a delivery.
 *
 * @throws {TypeError} If it is no delivery. Anything may be thrown by one that bears no look.
 */
export function newHeld<T>(
  delivery: Delivery<T>,
  context: ServiceContext,
  hangWarnings: HangWarnings,
): Held<T> {
  const { ack, release, reject } = (delivery ?? {}) as Partial<Delivery<T>>;
  const callable = typeof ack === "function" && typeof release === "function" &&
    typeof reject === "function";
  // Only for its message: it takes its time.
  if (!callable) check("delivery", delivery, { ack: nothing, release: nothing, reject: nothing });
  const { attempt, lost, extend, hold } = delivery;
  const counted = Number.isInteger(attempt) && attempt as number >= 1;
  const held: Held<T> = {
    delivery,
    context,
    hold: lost || extend || hold ? new Hold(delivery, context, hangWarnings) : undefined,
    attempt: counted ? attempt as number : 1,
    counted,
    decoded: undefined,
    refused: false,
    signal: undefined,
    settling: false,
    clearLimit: nothing,
    wake: nothing,
    previous: undefined,
    next: undefined,
  };
  if (held.hold) held.hold.onLost = (reason) => (held.signal?.abort(reason), held.wake());
  return held;
}

/** Whether the source has lost its hold on a delivery. */
export function isLost({ hold }: Held<unknown>): boolean {
  return hold !== undefined && hold.lost.aborted;
}

/** What a handler is told besides the value. */
export function itemOf<T>({ attempt, delivery, context }: Held<T>): Item<T> {
  return { attempt, delivery, context };
}
