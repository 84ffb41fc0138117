import { AbortError } from "../../_abort.ts";
import { check, nothing } from "../../_check.ts";
import { type Clear, startTimer } from "../../_time/timer.ts";
import type { Clock, HostContext, Services } from "../../types.ts";

/**
 * One event of a platform, as much of it as a lazy host looks at. The `ExtendableEvent` of a service
 * worker is one as it is; `exportedHandler` makes one of what Cloudflare gives its handlers.
 *
 * @typeParam Env What the platform hands over with each event: Cloudflare's bindings.
 */
export interface PlatformEvent<Env = unknown> {
  /** Given on to the functions that make services. */
  readonly env?: Env | undefined;

  /**
   * Milliseconds from now after which the platform ends the event, whatever still runs.
   *
   * @default {Infinity}
   */
  readonly limit?: number | undefined;

  /**
   * Keeps the event alive until the promise has settled, also when it has been answered. Without
   * it, what goes on after the answer is waited for before the answer.
   */
  waitUntil?(promise: Promise<unknown>): void;

  /**
   * Whether a slice of background work may begin in this event. Not in one that is done for its
   * platform only when nothing of it runs any more, as a batch of a queue.
   *
   * @default {true}
   */
  readonly background?: boolean | undefined;
}

/** What the handler of an event is given. */
export interface EventContext<Env = unknown> extends HostContext {
  /** What the platform handed over with the event. */
  readonly env: Env;

  /**
   * Aborts before the platform ends the event: take no more, finish. That is `shutdownTimeout` plus
   * `abandonTimeout` before the limit, each at most a quarter of it.
   */
  readonly signal: AbortSignal;

  /** Aborts `abandonTimeout` before the platform ends the event: drop what you hold. */
  readonly forced: AbortSignal;

  /**
   * Hands over work that goes on after the answer: to the platform, which keeps the event alive for
   * it, and to the host, which logs its failure. Never throws, may be called detached.
   */
  waitUntil(work: PromiseLike<unknown>): void;

  /**
   * Runs services in a host of their own until their background work has ended, or until `signal`
   * aborts and they have stopped. That keeps the event's limit.
   *
   * @returns Whether the work has ended by itself. Rejects with what failed, as `host.run()`.
   */
  run(services: Services): Promise<boolean>;
}

/** The part of an event's time that is not for work, in milliseconds. */
export interface Grace {
  readonly shutdownTimeout: number;
  readonly abandonTimeout: number;
}

/** The time of an event: its two signals, and what is left after the first. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly forced: AbortSignal;
  readonly grace: Grace;
  readonly clear: Clear;
}

/** Begins to count. Of a short limit, at least half is for work. */
export function startDeadline(clock: Clock, limit: number, longest: Grace): Deadline {
  const shutdownTimeout = Math.min(longest.shutdownTimeout, limit / 4);
  const abandonTimeout = Math.min(longest.abandonTimeout, limit / 4);
  const end = new AbortController();
  const drop = new AbortController();
  const over = new AbortError(`The platform ends this event ${limit} ms after its begin`);
  const untilEnd = limit === Infinity ? limit : limit - shutdownTimeout - abandonTimeout;
  const clearEnd = startTimer(clock, untilEnd, () => end.abort(over));
  const clearDrop = startTimer(clock, untilEnd + shutdownTimeout, () => drop.abort(over));
  return {
    signal: end.signal,
    forced: drop.signal,
    grace: { shutdownTimeout, abandonTimeout },
    clear: () => [clearEnd, clearDrop].forEach((clear) => clear()),
  };
}

/** The limit of an event. */
export function limitOf(event: PlatformEvent): number {
  check("event", event, {});
  const { limit = Infinity, background = true } = event;
  check("event", { limit, background }, { limit: 0, background: true });
  if (event.waitUntil !== undefined) check("event.waitUntil", event.waitUntil, nothing);
  return limit;
}
