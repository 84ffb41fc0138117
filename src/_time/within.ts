import { link } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { deferred } from "../_deferred.ts";
import { startTimer } from "./timer.ts";
import type { Clock } from "../types.ts";

/** How long something is waited for. */
export interface Limit {
  readonly clock: Clock;
  readonly ms: number;
  /** What the error says when that is over. */
  readonly message: string;
}

/** What ends the wait for a call. */
export interface WithinOptions {
  readonly limit?: Limit | undefined;
  /** Ends it with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What comes of a call, if it comes in time. The call itself goes on, and its end is looked at by nobody. */
export async function within<T>(
  call: PromiseLike<T>,
  { limit, signal }: WithinOptions,
): Promise<T> {
  const over = deferred<never>();
  const clear = limit
    ? startTimer(limit.clock, limit.ms, () => over.reject(new Error(limit.message)))
    : nothing;
  const unlink = link(signal, over.reject);
  try {
    return await Promise.race([call, over.promise]);
  } finally {
    clear();
    unlink();
  }
}
