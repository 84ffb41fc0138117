/**
 * Why a signal of the host aborted. Named `AbortError`, so that `fetch` and friends take it for a
 * cancellation; the message says which one, the cause what led to it.
 */
export class AbortError extends Error {
  override readonly name: string = "AbortError";
}

/** `reason` as an abort reason: untouched if it is one, else as the cause of a new one. */
export function abortReason(message: string, reason: unknown): unknown {
  if (isAbortError(reason)) return reason;
  return new AbortError(message, reason === undefined ? undefined : { cause: reason });
}

/** Whether `error` is how one answers to a signal that has aborted. */
export function answers(
  error: unknown,
  signal: { readonly fired: boolean; readonly reason: unknown },
): boolean {
  return signal.fired && (error === signal.reason || isAbortError(error));
}

/** Says that something was cancelled; not by whom. */
function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
