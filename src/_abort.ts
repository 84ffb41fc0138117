import { checkSignal, nothing } from "./_check.ts";

/**
 * Why a signal of the host aborted. Named `AbortError`, so that `fetch` and friends take it for a
 * cancellation; the message says which one, the cause what led to it.
 */
export class AbortError extends Error {
  override readonly name: string = "AbortError";

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? cause : { cause });
  }
}

/** `reason` as an abort reason: untouched if it is one, else as the cause of a new one. */
export function abortReason(message: string, reason: unknown): unknown {
  return isAbortError(reason) ? reason : new AbortError(message, reason);
}

/** What may have aborted. */
type Abortable = AbortSignal | Latch | undefined;

/** Whether `error` is how one answers to a signal that has aborted, be it one of several. */
export function isCleanAbort(error: unknown, ...signals: readonly Abortable[]): boolean {
  return signals.some((it) => it?.aborted && (error === it.reason || isAbortError(error)));
}

/** The same for the stop of a host, of which its lifetime tells, and for what else a service listens to. */
export function isCleanStop(
  error: unknown,
  { stopping, closing }: { readonly stopping: Abortable; readonly closing: Abortable },
  ...others: readonly Abortable[]
): boolean {
  return isCleanAbort(error, stopping, closing, ...others);
}

/** Calls back when `signal` aborts, at once if it has, until unlinked. */
export function link(
  signal: AbortSignal | undefined,
  callback: (reason: unknown) => void,
): () => void {
  checkSignal("signal", signal);
  if (!signal) return nothing;
  const listener = (): void => callback(signal.reason);
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener);
  return () => signal.removeEventListener("abort", listener);
}

/**
 * Something that happens once, with a reason. Its signal is made when somebody first looks at it: on
 * Node 20 that takes longer than the start of a small service. (Workaround: node-signal-cost)
 */
export class Latch {
  #controller: AbortController | undefined;
  #reason: () => unknown = nothing;
  aborted = false;

  get reason(): unknown {
    const reason = this.#reason();
    this.#reason = () => reason;
    return reason;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** The first reason wins. */
  abort(reason: unknown): void {
    this.abortWith(() => reason);
  }

  /** The same with a reason that is made when somebody looks: the stack of an error takes time. */
  abortWith(reason: () => unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.#reason = reason;
    this.#controller?.abort(this.reason);
  }
}

/** Says that something was cancelled; not by whom. */
function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
