import { nothing } from "../_check.ts";

/**
 * Runs a handler inside of `around`, and settles when both have ended. What `around` ends with counts,
 * unless it ends before the handler: then it has not seen how that ends, and the handler's outcome
 * counts.
 */
export async function insideOf(
  around: (next: () => Promise<unknown>) => unknown,
  handle: () => Promise<unknown>,
): Promise<void> {
  let handling: Promise<unknown> | undefined;
  /** Whether the handler runs. */
  let unseen = false;
  /** Whether `around` has ended. */
  let over = false;
  const run = async (): Promise<unknown> => {
    unseen = true;
    try {
      return await handle();
    } finally {
      unseen = false;
    }
  };
  const next = (): Promise<unknown> =>
    over
      ? quietly(Promise.reject(new Error('"next" was called after "around" had ended')))
      : handling ??= quietly(run());
  try {
    await around(next);
    over = true;
    if (unseen) await handling;
  } finally {
    over = true;
    if (unseen) await handling?.catch(nothing); // the next attempt would run beside it
  }
}

/** The same promise, whose rejection never counts as unhandled: `around` may not wait for it. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(nothing);
  return promise;
}
