import type { Latch } from "../_abort.ts";
import type { Linked } from "../channels/_list.ts";
import type { Clear } from "../_time/timer.ts";
import type { Hold } from "./_hold.ts";
import type { Delivery } from "./source.ts";
import type { ServiceContext } from "../types.ts";

/** A delivery in the hands of a pump. */
export interface Held<T> extends Linked<Held<T>> {
  readonly delivery: Delivery<T>;
  readonly context: ServiceContext;
  /** What else may end it, if anything. */
  readonly hold: Hold | undefined;
  /** Which attempt it is, or is next. */
  attempt: number;
  /** Whether its source counts the attempts, too. */
  readonly counted: boolean;
  /** Its value as the handler is to have it, once that was asked for. */
  decoded: Promise<unknown> | undefined;
  /** Whether no attempt can make its value a good one. */
  refused: boolean;
  /** Of the attempt that runs; whoever does not look at its signal does not pay for one. */
  signal: Latch;
  /** Whether ack, release or reject was called: from then on its handler has no say. */
  settling: boolean;
  /** The limit of the attempt that runs. */
  clearLimit: Clear;
  /** Ends what it waits for, if that can be ended. */
  wake: () => void;
}
