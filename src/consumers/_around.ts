import { nothing } from "../_check.ts";

/**
 * Runs a handler inside of something: over when both are. What that something ends with counts,
 * unless it has ended first: it has not seen then how the handler ends.
 */
export async function within(
  around: (next: () => Promise<unknown>) => unknown,
  handle: () => Promise<unknown>,
): Promise<void> {
  let handling: Promise<unknown> | undefined;
  let unseen = false;
  let over = false;
  const next = (): Promise<unknown> => {
    if (over) {
      return quietly(Promise.reject(new Error('"next" was called after "around" had ended')));
    }
    if (!handling) {
      unseen = true;
      handling = quietly(handle().finally(() => (unseen = false)));
    }
    return handling;
  };
  try {
    await around(next);
    over = true;
    if (unseen) await handling;
  } finally {
    over = true;
    await handling?.catch(nothing); // what still runs is not tried again
  }
}

/** It may be that nobody waits for it. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(nothing);
  return promise;
}
