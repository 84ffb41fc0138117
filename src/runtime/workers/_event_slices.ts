import type { Settings } from "../../_host/settings.ts";
import { readBackoff } from "../../_time/backoff.ts";
import { delay } from "../../delay.ts";
import type { Services } from "../../types.ts";
import { type PlatformEvent, startDeadline } from "./_platform_event.ts";
import { SliceRunner } from "./_slice_runner.ts";

/** The background work of a lazy host: slices, one after the other, each inside an event. */
export interface EventSlices<Env> {
  /**
   * Begins the next slice in an event that ends after `limit` milliseconds, if it is time for it.
   * One is under way until its event must have ended.
   */
  begin(event: PlatformEvent<Env>, limit: number): void;
  /** Ends the slice that is under way; the next event may begin one anew, ended work included. */
  stop(): Promise<void>;
}

/** Begins nothing yet. */
export function createEventSlices<Env>(
  make: (env: Env) => Services,
  settings: Settings,
  random: () => number,
): EventSlices<Env> {
  const { clock, shutdownTimeout, abandonTimeout } = settings;
  const options = { settings, pause: 0, retry: readBackoff({}, "retry", 60_000), random };
  let runner = new SliceRunner(options);
  /** When the next slice may begin. */
  let next = 0;
  /** How many slices and stops there were: a slice that is not the last says nothing about the next. */
  let count = 0;

  /** Never rejects, so that a platform may be given it. */
  async function run(env: Env, limit: number): Promise<void> {
    const own = ++count;
    const { signal, grace, clear } = startDeadline(clock, limit, settings);
    const wait = await runner.run({ services: () => make(env), signal, grace });
    clear();
    if (own === count) next = wait === undefined ? Infinity : clock.now() + wait;
  }

  return {
    begin(event, limit) {
      if (clock.now() < next) return;
      next = clock.now() + limit;
      event.waitUntil?.(run(event.env as Env, limit));
    },

    async stop() {
      runner.stop("The lazy host was stopped");
      // By then it has stopped; unless its event was lost, and with it the stop's own limits.
      const end = clock.now() + shutdownTimeout + abandonTimeout + 100;
      while (runner.running && clock.now() < end) await delay(10, { clock });
      runner = new SliceRunner(options);
      count++;
      next = 0;
    },
  };
}
