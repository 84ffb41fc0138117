import { nothing } from "../_check.ts";
import { createHost } from "../host.ts";
import { capture } from "./_capture.ts";
import { FakeClock } from "./fake_clock.ts";
import type { HostContext, Logger, ServiceContext } from "../types.ts";

/** Options of a {@linkcode testContext}. */
export interface TestContextOptions {
  /**
   * What the service is called.
   *
   * @default {"test"}
   */
  readonly name?: string | undefined;
  /**
   * Its time.
   *
   * @default {a new one, at 0}
   */
  readonly clock?: FakeClock | undefined;
  /** Where lines go besides {@linkcode TestContext.lines}. */
  readonly logger?: Logger | undefined;
}

/** What a hook is given in a test, and what the service did with it; made by {@linkcode testContext}. */
export interface TestContext extends ServiceContext {
  /** Its time, which stands still until the test moves it. */
  readonly clock: FakeClock;
  /** What was logged so far: `warn: ...`. */
  readonly lines: readonly string[];
  /** What `fail` was called with, in order. */
  readonly failures: readonly unknown[];
  /** Whether `ready` was called. */
  readonly isReady: boolean;
  /** When `beat` was called, in milliseconds of the clock. */
  readonly beats: readonly number[];
  /** What was handed over to `waitUntil`, in order. */
  readonly work: readonly PromiseLike<unknown>[];

  /** Ends the grace: `forced`, the signal of the stop hooks, aborts. */
  force(reason?: unknown): void;

  /**
   * Waits for all that was handed over, also meanwhile.
   *
   * @returns Rejects with the first of its failures, when all has ended.
   */
  settled(): Promise<void>;
}

/**
 * A context for a service that is driven by hand, without a host around it. It records what the
 * service calls, and does nothing because of it.
 *
 * Its `host` is an empty one, and `lifetime` that host's: `context.host.start()` aborts
 * `lifetime.started`, `context.lifetime.stopApplication()` aborts `lifetime.stopping`, and
 * `context.host.stop()` the rest.
 *
 * @example A service that beats
 * ```ts
 * import { backgroundService, every } from "@runhost/host";
 * import { testContext } from "@runhost/host/testing";
 * import { deepEqual } from "node:assert/strict";
 *
 * const worker = backgroundService("worker", async (signal, { clock, beat }) => {
 *   for await (const _ of every(1_000, { signal, clock })) beat();
 * });
 *
 * const context = testContext();
 * await worker.start(new AbortController().signal, context);
 * await context.clock.advance(2_000);
 * await worker.stop(context.forced, context);
 *
 * deepEqual(context.beats, [1_000, 2_000]);
 * deepEqual(context.failures, []);
 * ```
 */
export function testContext(options: TestContextOptions = {}): TestContext {
  const { name = "test", clock = new FakeClock() } = options;
  const { lines, logger } = capture(options.logger);
  const host = createHost([], { clock, logger, hostLifetime: false });
  const forced = new AbortController();
  const failures: unknown[] = [];
  const beats: number[] = [];
  const work: PromiseLike<unknown>[] = [];
  let isReady = false;
  const shared: HostContext & { readonly clock: FakeClock } = {
    host,
    lifetime: host.lifetime,
    logger,
    clock,
  };
  return {
    ...shared,
    name,
    lines,
    failures,
    beats,
    work,
    forced: forced.signal,
    get isReady() {
      return isReady;
    },
    fail: (error) => void failures.push(error),
    ready: () => void (isReady = true),
    beat: () => void beats.push(clock.now()),
    waitUntil(promise) {
      work.push(promise);
      promise.then(nothing, nothing); // `settled` tells of it
    },
    force: (reason = new DOMException("The grace is over", "AbortError")) => forced.abort(reason),
    async settled() {
      let failure: { readonly error: unknown } | undefined;
      for (let index = 0; index < work.length; index++) {
        try {
          await work[index];
        } catch (error) {
          failure ??= { error };
        }
      }
      if (failure) throw failure.error;
    },
  };
}
