import { createHost } from "../host.ts";
import { pause, quiet } from "./_real_time.ts";
import { describeTimers, FakeClock, nextFiring, nextWork } from "./fake_clock.ts";
import { capture } from "./_capture.ts";
import type { HostEvent } from "../events.ts";
import type { Host, HostOptions, Services } from "../types.ts";

/** Options of a {@linkcode testHost}: those of every host, on a clock that a test moves. */
export interface TestHostOptions extends Omit<HostOptions, "clock"> {
  /**
   * Its time. Give one that a service or the test has, too.
   *
   * @default {a new one, at 0}
   */
  readonly clock?: FakeClock | undefined;

  /**
   * Whether the clock is moved by itself while somebody waits for the stop: so a service that hangs
   * is given up in no time. `false` for a test of what happens meanwhile, which moves it by hand.
   *
   * @default {true}
   */
  readonly advancesInStop?: boolean | undefined;
}

/** A host in a test; made by {@linkcode testHost}. */
export interface TestHost extends Host {
  /** Its time, which stands still until the test moves it. */
  readonly clock: FakeClock;
  /** What it has told so far, in order. */
  readonly events: readonly HostEvent[];
  /** What was logged so far, by the host and by its services: `warn: ...`. */
  readonly lines: readonly string[];

  /**
   * Stops the host, and asserts that nothing is left: `await using` does it at the end of a test.
   *
   * Rejects as {@linkcode Host.stop} does, unless the test was told of a failure by an earlier call;
   * and with an `Error` that says what is left, if
   *
   * - a hook or the work of a service was abandoned,
   * - a timer is still set on the clock.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Fake milliseconds that are worth a real one: what a stop waits for may be real, a socket say. */
const haste = 100;

/** Real milliseconds between two looks at what has changed. */
const glance = 10;

/**
 * Creates a host for a test: on a {@linkcode FakeClock}, its log and its events captured. It hears no
 * signals, sets no exit code and prints nothing, unless its options say so.
 *
 * While the test waits for a stop (in `stop`, `run`, `waitForShutdown`, in a `start` that is rolled
 * back, or at the end of `await using`), the clock is moved from one timer to the next, so that limits
 * are over in no time. Where the stop waits for something real, it has a real millisecond for each
 * 100 of the clock.
 *
 * @param services What to run, in order of start.
 * @throws {TypeError} If a service or an option has the wrong type; the message names it.
 * @throws {RangeError} If a time limit is negative or `NaN`.
 *
 * @example A worker that ticks once a minute
 * ```ts
 * import { backgroundService, every } from "@runhost/host";
 * import { testHost } from "@runhost/host/testing";
 * import { equal } from "node:assert/strict";
 *
 * let ticks = 0;
 * const worker = backgroundService("worker", async (signal, { clock }) => {
 *   for await (const _ of every(60_000, { signal, clock })) ticks++;
 * });
 *
 * await using host = testHost([worker]);
 * await host.start();
 * await host.clock.advance(180_000);
 * equal(ticks, 3);
 * equal(host.lines.length, 0);
 * ```
 */
export function testHost(services: Services, options: TestHostOptions = {}): TestHost {
  const { clock = new FakeClock(), advancesInStop = true, logger, onEvent, ...rest } = options;
  if (!(clock instanceof FakeClock)) {
    throw new TypeError(
      "Cannot use clock: a testHost needs a FakeClock; use createHost for others",
    );
  }
  const { lines, logger: capturing } = capture(logger);
  const events: HostEvent[] = [];
  let ending = false;
  const observe = (event: HostEvent): void => {
    events.push(event);
    if (event.type === "stopRequested" || event.type === "hostStopping") ending = true;
    if (event.type === "hostStopped") ending = false;
    if (ending) void drive();
    onEvent?.(event);
  };
  const host = createHost(services, {
    hostLifetime: false,
    ...rest,
    clock,
    logger: capturing,
    onEvent: observe,
  });

  /** Calls that wait for the host. */
  const waiting = new Set<Promise<void>>();
  /** Whether the test was told that something failed. */
  let told = false;
  let driving = false;
  /** What a timer has thrown while nobody but the host waited. */
  let thrown: { readonly error: unknown } | undefined;

  const drive = async (): Promise<void> => {
    if (driving || !advancesInStop) return;
    driving = true;
    let waited = 0;
    let seen = "";
    for (;;) {
      await quiet();
      if (!ending || waiting.size === 0) break;
      const next = nextWork(clock) ?? Infinity;
      // Whoever begins or ends something, or sets a timer, begins a wait of its own.
      const sight = `${events.length} ${next}`;
      if (sight !== seen) waited = 0;
      seen = sight;
      const left = (next - clock.now()) / haste - waited;
      if (left > 0) {
        const ms = Math.min(left, glance);
        await pause(ms, Promise.race(waiting));
        waited += ms;
      } else {
        await nextFiring(clock).catch((error) => thrown ??= { error });
      }
    }
    driving = false;
  };

  const waitFor = async (call: Promise<void>): Promise<void> => {
    waiting.add(call);
    if (ending) void drive();
    try {
      await call;
    } catch (error) {
      told = true;
      throw error;
    } finally {
      waiting.delete(call);
    }
  };

  const { start, stop, run, waitForShutdown } = host;
  return Object.assign(host, {
    clock,
    events,
    lines,
    start: (signal?: AbortSignal) => waitFor(start(signal)),
    stop: (signal?: AbortSignal) => waitFor(stop(signal)),
    run: (signal?: AbortSignal) => waitFor(run(signal)),
    waitForShutdown: (signal?: AbortSignal) => waitFor(waitForShutdown(signal)),

    async [Symbol.asyncDispose](): Promise<void> {
      const known = told;
      const errors: unknown[] = [];
      await waitFor(stop()).catch((error) => known || errors.push(error));
      await quiet();
      if (thrown) errors.push(thrown.error);
      const left = [...abandonedIn(events), ...describeTimers(clock)];
      if (left.length > 0) {
        const what = left.map((line) => `- ${line}`).join("\n");
        errors.push(
          new Error(
            `Expected that nothing is left of the host, but:\n${what}\n` +
              "Whatever sets a timer or begins work has to end it by the end of its stop; host.events " +
              "and host.lines say what happened",
          ),
        );
      }
      if (errors.length === 1) throw errors[0];
      if (errors.length > 1) throw new AggregateError(errors, "The host did not end as it should");
    },
  });
}

/** A line for each hook, and each work, that was abandoned and has not ended since. */
function abandonedIn(events: readonly HostEvent[]): readonly string[] {
  const lines = new Map<string, string>();
  for (const event of events) {
    if (event.type !== "serviceAbandoned" && event.type !== "serviceLate") continue;
    const { type, service, phase } = event;
    const line = `${phase} of "${service}" was abandoned, and has not ended`;
    if (type === "serviceAbandoned") lines.set(`${service} ${phase}`, line);
    else lines.delete(`${service} ${phase}`);
  }
  return [...lines.values()];
}
