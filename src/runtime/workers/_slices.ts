import type { Settings } from "../../_host/settings.ts";
import { log } from "../../_log.ts";
import { delay } from "../../delay.ts";
import { createHost } from "../../host.ts";
import { backoff, readBackoff } from "../../_time/backoff.ts";
import type { Host, Services } from "../../types.ts";
import { type Deadline, type PlatformEvent, startDeadline } from "./_platform_event.ts";

/** Background work in slices, one after the other, each inside an event. */
export interface Slices<Env> {
  /** Begins the next slice in an event of so many milliseconds, if it is time for it. */
  begin(event: PlatformEvent<Env>, limit: number): void;
  /** Ends the slice that is under way, and forgets what the ones before have come to. */
  stop(): Promise<void>;
}

/** No slice yet. */
export function createSlices<Env>(
  make: (env: Env) => Services,
  settings: Settings,
  random: () => number,
): Slices<Env> {
  const { clock, logger, shutdownTimeout, abandonTimeout } = settings;
  const retry = readBackoff({}, "retry", 60_000);
  let running: Host | undefined;
  /** When the next may begin. The one under way ends with its event at the latest. */
  let next = 0;
  let failures = 0;

  async function run(env: Env, { signal, grace, clear }: Deadline): Promise<void> {
    let host: Host | undefined;
    let end = 0;
    try {
      host = running = createHost(make(env), { ...settings, ...grace, stopWhenIdle: true });
      await host.run(signal);
      if (!signal.aborted) end = Infinity; // it was not a slice, it was all
      failures = 0;
    } catch (error) {
      if (!host) log(logger, "error", "Cannot begin background work", { error });
      end = clock.now() + backoff(retry, ++failures, random);
    }
    clear();
    if (running !== host) return;
    running = undefined;
    next = end;
  }

  return {
    begin(event, limit) {
      if (clock.now() < next) return;
      next = clock.now() + limit;
      event.waitUntil?.(run(event.env as Env, startDeadline(clock, limit, settings)));
    },

    async stop() {
      running?.lifetime.stopApplication("The lazy host was stopped");
      // By then it has stopped; unless its event was lost, and with it the stop's own limits.
      const end = clock.now() + shutdownTimeout + abandonTimeout + 100;
      while (running && clock.now() < end) await delay(10, { clock });
      running = undefined;
      next = failures = 0;
    },
  };
}
