import { createHost } from "../host.ts";
import type { RunHostOptions, Services } from "../types.ts";
import { type ConsoleLifetime, createConsoleLifetime, type Platform } from "./_console_lifetime.ts";

/** Milliseconds that abandoned work may keep a finished process alive. */
const exitGuard = 1_000;

/** The core's `runHost` with a runtime's signals and exit code. */
export async function runOn(
  platform: Platform,
  services: Services,
  options: RunHostOptions,
): Promise<void> {
  let abandoned = false;
  let signalled = 0;
  let code = 0;
  try {
    const hostLifetime = options.hostLifetime ?? createConsoleLifetime(platform);
    const host = createHost(services, { ...options, hostLifetime });
    await platform.hostBegins?.(host);
    try {
      await host.run(options.signal);
    } finally {
      abandoned = host.services.some(({ state }) => state === "abandoned");
      if (hostLifetime) signalled = (hostLifetime as Partial<ConsoleLifetime>).exitCode ?? 0;
    }
    if (options.stopWhenIdle) code = signalled; // an interrupted job must not look done
  } catch (error) {
    code = 1;
    throw error;
  } finally {
    if (code) platform.fail(code);
    if (abandoned) {
      platform.startUnheldTimer(() => {
        console.error("Exiting: abandoned work still runs");
        platform.exit(code);
      }, exitGuard);
    }
    platform.hostEnded?.(signalled > 0);
  }
}
