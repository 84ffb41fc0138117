import { check, checkNames, nothing } from "../../_check.ts";
import { hostLink } from "../../_host/host_link.ts";
import { log } from "../../_log.ts";
import { readSettings } from "../../_host/settings.ts";
import { type Clear, startTimer } from "../../_time/timer.ts";
import { delay } from "../../delay.ts";
import { createHost } from "../../host.ts";
import type { Host, HostOptions, Services } from "../../types.ts";
import {
  type EventContext,
  limitOf,
  type PlatformEvent,
  startDeadline,
} from "./_platform_event.ts";
import { createSlices } from "./_slices.ts";

/** Makes the services of one host; called inside an event, each time a host begins. */
export type MakeServices<Env = unknown> = (env: Env) => Services;

/** Options of {@linkcode lazyHost}: those of a host, with shorter limits, and its own. */
export interface LazyHostOptions<Env = unknown> extends HostOptions {
  /**
   * As of any host. That of work which ends with its event is at most a quarter of the event's limit.
   *
   * @default {4000}
   */
  readonly shutdownTimeout?: number | undefined;

  /**
   * As of any host. That of work which ends with its event is at most a quarter of the event's limit.
   *
   * @default {1000}
   */
  readonly abandonTimeout?: number | undefined;

  /**
   * Makes the services whose background work runs in slices, for platforms on which nothing outlives
   * an event: an event with a `waitUntil` that finds no slice running begins one, in a host of its
   * own, once the lazy host is up. It is stopped as any host when the event's limit nears, and a later event begins the
   * next slice with what this function then makes. Work that has ended by itself is not begun again
   * until the lazy host begins anew; a slice that failed is, after a growing delay of 1 to 60 seconds.
   */
  readonly background?: MakeServices<Env> | undefined;

  /**
   * Milliseconds without a sign of life from the event that starts the host after which that event
   * counts as lost, and one that waits for it begins anew.
   *
   * @default {1000}
   */
  readonly lostAfter?: number | undefined;

  /**
   * A number from 0 up to, but not including, 1: the chance in the delays between slices that failed;
   * injected by tests.
   *
   * @default {Math.random}
   */
  readonly random?: (() => number) | undefined;
}

/** A host that starts inside the first event. Made by {@linkcode lazyHost}. */
export interface LazyHost<Env = unknown> {
  /** The host of now, whatever its state; `undefined` before the first event. */
  readonly host: Host | undefined;

  /**
   * Resolves with a started host. Starts it if no event before has; waits for a start that another
   * event has begun. Rejects with what that start failed with; the next event then begins anew.
   */
  ready(event?: PlatformEvent<Env>): Promise<Host>;

  /**
   * Calls `action` once the host has started, and resolves with its answer.
   *
   * @param action Gets the host, what the event brought, and signals that abort before its limit.
   */
  handle<T>(
    event: PlatformEvent<Env>,
    action: (context: EventContext<Env>) => T | PromiseLike<T>,
  ): Promise<T>;

  /**
   * Stops the slice that runs and the host, as `host.stop()`. The next event begins anew. For tests,
   * and for platforms that say when they end: most do not.
   */
  stop(): Promise<void>;
}

/** Milliseconds between two looks at what another event does, and between two signs of life. */
const pollInterval = 10;

/** One host, from its begin: state, and no promise. */
interface Attempt {
  readonly host: Host;
  state: "starting" | "started" | "failed";
  error: unknown;
  /** Grows as long as the event that starts it is alive. */
  beats: number;
}

/**
 * Creates a host for platforms that run nothing but events: it starts inside the first one.
 *
 * There, a promise must not be shared: an event that awaits what another one has begun hangs when
 * that other one is ended. So this host remembers where it is instead, and events that come during
 * the start look at that, on timers of their own. The start goes on when its event has been answered
 * or its client has left (under `waitUntil`). If its event is lost nevertheless, one that waits begins
 * anew; after a start that failed, or when the host was asked to stop, the next event does.
 *
 * Such platforms have no moment to stop at. What must not be lost is stored when it happens.
 *
 * @param services Makes the services. Called for each host, so it may answer with the same instances
 * only if they can be started again. No background services where events have a `waitUntil`: those
 * are {@linkcode LazyHostOptions.background}.
 * @throws {TypeError} If `services` or an option has the wrong type.
 * @throws {RangeError} If a time limit is negative or `NaN`.
 *
 * @example AWS Lambda
 * ```ts
 * import { hostedService, lazyHost } from "@runhost/host/workers";
 * import { equal } from "node:assert/strict";
 *
 * const pool = { open: 0 };
 * const host = lazyHost(() => [hostedService("pool", { start: () => pool.open++ })]);
 *
 * const handler = (event: { name: string }, context: { getRemainingTimeInMillis(): number }) =>
 *   host.handle({ limit: context.getRemainingTimeInMillis() }, () => `Hello, ${event.name}`);
 *
 * const context = { getRemainingTimeInMillis: () => 3_000 };
 * equal(await handler({ name: "first" }, context), "Hello, first");
 * equal(await handler({ name: "second" }, context), "Hello, second");
 * equal(pool.open, 1);
 * ```
 */
export function lazyHost<Env = unknown>(
  services: MakeServices<Env>,
  options: LazyHostOptions<Env> = {},
): LazyHost<Env> {
  const label = "lazyHost options";
  check("lazyHost services", services, nothing);
  check(label, options, {});
  checkNames(label, options, [
    "background",
    "lostAfter",
    "random",
    "shutdownTimeout",
    "abandonTimeout",
  ]);
  const { background, lostAfter = 1_000, random = Math.random } = options;
  const { shutdownTimeout = 4_000, abandonTimeout = 1_000 } = options;
  check(`${label}.random`, random, nothing);
  check(`${label}.lostAfter`, lostAfter, 0);
  if (background !== undefined) check(`${label}.background`, background, nothing);
  // What all its hosts are given; read and checked once.
  const settings = readSettings({ ...options, shutdownTimeout, abandonTimeout });
  const { clock, logger } = settings;
  const slices = background && createSlices(background, settings, random);
  let current: Attempt | undefined;

  async function ready(event: PlatformEvent<Env> = {}): Promise<Host> {
    const limit = limitOf(event);
    for (;;) {
      const [attempt, begun] = current && isUsable(current)
        ? [current, seen(current)]
        : begin(event);
      await begun;
      if (attempt.state === "failed") throw attempt.error;
      if (attempt !== current) continue; // it was given up
      if (event.waitUntil && event.background !== false) slices?.begin(event, limit);
      return attempt.host;
    }
  }

  function isUsable({ state, host }: Attempt): boolean {
    return state === "starting" || (state === "started" && host.state === "started");
  }

  function begin(event: PlatformEvent<Env>): [attempt: Attempt, begun: Promise<void>] {
    const previous = current?.state === "started" ? current.host : undefined;
    const host = createHost(services(event.env as Env), settings);
    const attempt = current = { host, state: "starting", error: undefined, beats: 0 };
    const begun = start(attempt, previous, event.waitUntil !== undefined);
    event.waitUntil?.(begun);
    return [attempt, begun];
  }

  /** Never rejects, so that a platform may be given it. */
  async function start(
    attempt: Attempt,
    previous: Host | undefined,
    eventsEnd: boolean,
  ): Promise<void> {
    const { host } = attempt;
    const clear = beat(attempt);
    try {
      if (previous) await stopWithin(previous);
      await host.start();
      if (eventsEnd) refuseBackground(host);
      attempt.state = "started";
    } catch (error) {
      attempt.error = error;
      attempt.state = "failed";
    }
    clear();
    // What another event has given up, or what must not run, is not left running.
    if (attempt !== current || attempt.state === "failed") await host.stop().catch(nothing);
  }

  /** A stop keeps its limits; unless it began in an event that was lost, and never ends. */
  async function stopWithin(host: Host): Promise<void> {
    let clear: Clear = nothing;
    const limit = new Promise<void>((resolve) => {
      clear = startTimer(clock, shutdownTimeout + abandonTimeout + lostAfter, resolve);
    });
    await Promise.race([host.stop().catch(nothing), limit]); // the host has logged why
    clear();
  }

  /** Shows other events that the one of a start is alive. */
  function beat(attempt: Attempt): Clear {
    let clear: Clear;
    const next = (): void => {
      attempt.beats++;
      clear = startTimer(clock, pollInterval, next);
    };
    next();
    return () => clear();
  }

  /** Resolves when another event's start has ended, or was given up. */
  async function seen(attempt: Attempt): Promise<void> {
    let { beats } = attempt;
    let silence = 0;
    while (attempt.state === "starting" && attempt === current) {
      await delay(pollInterval, { clock });
      silence = attempt.beats === beats ? silence + pollInterval : 0;
      beats = attempt.beats;
      if (silence < lostAfter || attempt !== current || attempt.state !== "starting") continue;
      current = undefined; // not to be stopped: what its promises wait for is gone
      log(logger, "warn", "The event that was starting the host was lost: beginning anew");
    }
  }

  return {
    get host() {
      return current?.host;
    },

    ready,

    async handle(event, action) {
      check("lazyHost action", action, nothing);
      const deadline = startDeadline(clock, limitOf(event), settings);
      const handed: Promise<void>[] = [];
      let open = 1;
      const close = (): void => {
        if (!--open) deadline.clear();
      };
      try {
        const host = await ready(event);
        const { lifetime } = host;
        const waitUntil = (work: PromiseLike<unknown>): void => {
          open++;
          host.waitUntil(work);
          const settled = Promise.resolve(work).then(close, close);
          if (event.waitUntil) event.waitUntil(settled);
          else handed.push(settled);
        };
        const env = event.env as Env;
        const { signal, forced, grace } = deadline;
        const run = async (services: Services): Promise<boolean> => {
          await createHost(services, { ...settings, ...grace, stopWhenIdle: true }).run(signal);
          return !signal.aborted;
        };
        const context = { host, lifetime, logger, clock, env, signal, forced, waitUntil, run };
        return await action(context);
      } finally {
        for (let work; (work = handed.shift());) await work;
        close();
      }
    },

    async stop() {
      const host = current?.host;
      current = undefined;
      await slices?.stop();
      await host?.stop();
    },
  };
}

function refuseBackground(host: Host): void {
  for (const { service, name } of hostLink(host).members()) {
    if (!("executeTask" in service)) continue;
    throw new TypeError(
      `Cannot run background service "${name}" in a lazy host: nothing outlives an event here; ` +
        "give it to the option background",
    );
  }
}
