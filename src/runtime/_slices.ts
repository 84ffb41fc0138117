import { delay } from "../delay.ts";
import { createHost } from "../host.ts";
import { backoff, readRetry } from "../retry.ts";
import type { Clock, Host, HostOptions, Services } from "../types.ts";
import { type Deadline, type Grace, type PlatformEvent, startDeadline } from "./_platform_event.ts";

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
  options: HostOptions & Grace & { readonly clock: Clock },
): Slices<Env> {
  const { clock } = options;
  const retry = readRetry();
  let running: Host | undefined;
  /** When the next may begin. The one under way ends with its event at the latest. */
  let next = 0;
  let failures = 0;

  async function run(host: Host, { signal, clear }: Deadline): Promise<void> {
    let end = 0;
    try {
      await host.run(signal);
      if (!signal.aborted) end = Infinity; // it was not a slice, it was all
      failures = 0;
    } catch {
      end = clock.now() + backoff(retry, ++failures, Math.random); // the host has logged why
    }
    clear();
    if (running !== host) return;
    running = undefined;
    next = end;
  }

  return {
    begin(event, limit) {
      if (clock.now() < next) return;
      const services = make(event.env as Env);
      const deadline = startDeadline(clock, limit, options);
      running = createHost(services, { ...options, ...deadline.grace, stopWhenIdle: true });
      next = clock.now() + limit;
      const slice = run(running, deadline);
      event.waitUntil?.(slice);
    },

    async stop() {
      running?.lifetime.stopApplication("The lazy host was stopped");
      while (running) await delay(10, { clock });
      next = failures = 0;
    },
  };
}
