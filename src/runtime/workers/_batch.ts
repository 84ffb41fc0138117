import { AbortError, link } from "../../_abort.ts";
import { check, checkList, checkNames, checkSignal, checkWhole, nothing } from "../../_check.ts";
import { log } from "../../_log.ts";
import { globalClock, startTimer } from "../../_time/timer.ts";
import type { Clock, Logger } from "../../types.ts";

/** Options of {@linkcode handleBatch}. An `EventContext` has all but the first two. */
export interface BatchOptions {
  /**
   * How many items are handled at the same time; a whole number from 1.
   *
   * @default {1}
   */
  readonly concurrency?: number | undefined;

  /**
   * Milliseconds after which the signal of an item aborts. A handler that goes on nevertheless keeps
   * its place.
   *
   * @default {Infinity}
   */
  readonly timeout?: number | undefined;

  /** Aborts when no further item should be begun. */
  readonly signal?: AbortSignal | undefined;

  /**
   * Aborts when the batch must end: so does the signal of each item then, and what has not settled
   * one macrotask later has failed.
   */
  readonly forced?: AbortSignal | undefined;

  /**
   * Gets a line for each failure.
   *
   * @default {console}
   */
  readonly logger?: Logger | undefined;

  /**
   * Time, injected by tests.
   *
   * @default {the global timers}
   */
  readonly clock?: Clock | undefined;
}

/**
 * One item that is not done.
 *
 * @typeParam T What is handled.
 */
export interface BatchFailure<T> {
  /** The item. */
  readonly item: T;
  /** What its handler failed with, or why it was not begun or not waited for. */
  readonly error: unknown;
}

/**
 * Handles the items of a batch, each by itself: one that fails costs no other its turn, and one that
 * hangs does not outlast the event.
 *
 * Items are begun in order. When `signal` aborts no further one is; when `forced` aborts the rest is
 * given up. So an event that tells its platform what is left can do so before it is ended.
 *
 * @param handle Does the work. Its signal aborts when the batch must end, and after `timeout`.
 * @returns What is not done, in the order in which that was known. Never rejects.
 * @throws {TypeError} If an option has the wrong type.
 * @throws {RangeError} If `concurrency` is no whole number from 1, or `timeout` negative or `NaN`.
 *
 * @example Amazon SQS on AWS Lambda
 * ```ts
 * import { handleBatch, lazyHost } from "@runhost/host/workers";
 * import { deepEqual } from "node:assert/strict";
 *
 * const host = lazyHost(() => []);
 *
 * interface SqsEvent {
 *   readonly Records: readonly { readonly messageId: string; readonly body: string }[];
 * }
 *
 * const handler = (event: SqsEvent, context: { getRemainingTimeInMillis(): number }) =>
 *   host.handle({ limit: context.getRemainingTimeInMillis() }, async (context) => {
 *     const failures = await handleBatch(event.Records, ({ body }) => JSON.parse(body), {
 *       ...context,
 *       concurrency: 5,
 *       logger: { ...console, error() {} },
 *     });
 *     return { batchItemFailures: failures.map(({ item }) => ({ itemIdentifier: item.messageId })) };
 *   });
 *
 * const records = [{ messageId: "a", body: "{}" }, { messageId: "b", body: "no JSON" }];
 * const answer = await handler({ Records: records }, { getRemainingTimeInMillis: () => 3_000 });
 * deepEqual(answer, { batchItemFailures: [{ itemIdentifier: "b" }] });
 * ```
 *
 * @typeParam T What is handled.
 */
export async function handleBatch<T>(
  items: Iterable<T>,
  handle: (item: T, signal: AbortSignal) => unknown,
  options: BatchOptions = {},
): Promise<BatchFailure<T>[]> {
  const label = "handleBatch options";
  checkList("handleBatch items", items);
  check("handleBatch handle", handle, nothing);
  check(label, options, {});
  checkNames(label, options, ["concurrency", "timeout"]);
  const { concurrency = 1, timeout = Infinity, signal, forced } = options;
  const { clock = globalClock, logger = console } = options;
  checkWhole(`${label}.concurrency`, concurrency, 1);
  check(`${label}.timeout`, timeout, 0);
  checkSignal(`${label}.signal`, signal);
  checkSignal(`${label}.forced`, forced);
  check(`${label}.clock`, clock, globalClock);
  check(`${label}.logger`, logger, { warn: nothing, error: nothing });

  const waiting = [...items];
  const failures: BatchFailure<T>[] = [];

  function fail(item: T, error: unknown): void {
    failures.push({ item, error });
    log(logger, "error", "An item of a batch failed", { error });
  }

  /** Resolves when the item has settled, or need not be waited for any more. */
  function one(item: T): Promise<void> {
    return new Promise((resolve) => {
      const controller = new AbortController();
      let open = true;
      let clearLast = nothing;
      const settle = (failure?: { readonly error: unknown }): void => {
        if (!open && failure) {
          log(logger, "error", "An item of a batch failed after its end", failure);
        }
        if (!open) return;
        open = false;
        clearTimeout();
        clearLast();
        unlink();
        if (failure) fail(item, failure.error);
        resolve();
      };
      const clearTimeout = startTimer(clock, timeout, () => {
        controller.abort(new AbortError(`An item of a batch took longer than ${timeout} ms`));
      });
      const unlink = link(forced, (error) => {
        controller.abort(error);
        clearLast = startTimer(clock, 0, () => settle({ error }));
      });
      (async () => handle(item, controller.signal))()
        .then(() => settle(), (error) => settle({ error }));
    });
  }

  async function lane(): Promise<void> {
    while (waiting.length && !signal?.aborted && !forced?.aborted) await one(waiting.shift() as T);
  }

  await Promise.all(Array.from({ length: Math.min(concurrency, waiting.length) }, lane));
  if (waiting.length) {
    const error = signal?.aborted ? signal.reason : forced?.reason;
    log(logger, "warn", `${waiting.length} items of a batch were not begun: its time is over`);
    failures.push(...waiting.map((item) => ({ item, error })));
  }
  return failures;
}
