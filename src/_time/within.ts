import { link } from "../_abort.ts";
import { deferred } from "../_deferred.ts";
import { startTimer } from "./timer.ts";
import type { Clock } from "../types.ts";

/** What ends the wait for a call. */
export interface WithinOptions {
  readonly clock: Clock;
  /** Milliseconds that it is waited for at most, and what the error says then. */
  readonly ms: number;
  readonly message: string;
  /** Ends the wait earlier, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What comes of a call, if it comes in time. The call itself goes on, and its end is looked at by nobody. */
export async function within<T>(
  call: PromiseLike<T>,
  { clock, ms, message, signal }: WithinOptions,
): Promise<T> {
  const over = deferred<never>();
  const clear = startTimer(clock, ms, () => over.reject(new Error(message)));
  const unlink = link(signal, over.reject);
  try {
    return await Promise.race([call, over.promise]);
  } finally {
    clear();
    unlink();
  }
}
