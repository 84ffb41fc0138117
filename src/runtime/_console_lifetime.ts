import { AbortError } from "../_abort.ts";
import { linkOf } from "../_host_link.ts";
import { ForcedStopError, type UnsettledHook } from "../errors.ts";
import type { Host, HostLifetime } from "../types.ts";

/** What a program that runs in a console needs of its runtime. */
export interface Platform {
  /** The signals that mean stop, where they exist. */
  signals(): readonly string[];
  /** May throw where a signal does not exist. */
  on(signal: string, handler: () => void): void;
  off(signal: string, handler: () => void): void;
  /** Whether a human watches. */
  interactive(): boolean | undefined;
  /** Sets the code the process will end with, unless there is one that says it failed. */
  fail(code: number): void;
  /** Ends the process now. */
  exit(code: number): void;
  /** Ends it later, if something else still keeps it alive then. */
  startUnheldTimer(callback: () => void, ms: number): void;
  /** Called with a host before it runs, which waits for it. */
  hostBegins?(host: Host): Promise<void>;
  /** Called when its run is over, because of a signal or not. */
  hostEnded?(signalled: boolean): void;
}

/** Options of `consoleLifetime`. */
export interface ConsoleLifetimeOptions {
  /**
   * The signals that stop the host. Others than the defaults give exit code 128.
   *
   * @default {SIGINT, SIGTERM and SIGQUIT; on Windows SIGINT, SIGTERM, SIGBREAK and SIGHUP}
   */
  readonly signals?: readonly string[] | undefined;
}

/** Their numbers, for the exit code. */
const numbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGTERM: 15,
  SIGBREAK: 21,
};

/**
 * Milliseconds in which further signals mean the same as the first: watchers and task runners pass
 * one Ctrl+C on two or three times.
 */
const quietWindow = 500;

/** Milliseconds after a signal by which its echoes have arrived. */
const echo = 10;

/** A host lifetime that knows what the process should end with. */
export interface ConsoleLifetime extends HostLifetime {
  /** 128 + n, if signal n was what the stop was asked for with. */
  exitCode: number;
}

/** Stops the host on a signal, and forces it on a later one. */
export function createConsoleLifetime(
  platform: Platform,
  { signals = platform.signals() }: ConsoleLifetimeOptions = {},
): ConsoleLifetime {
  const remove: (() => void)[] = [];
  /** When the signal came that counted last, and how many have. */
  let at = -Infinity;
  let count = 0;

  const received = (signal: string, host: Host): void => {
    const now = performance.now();
    if (now - at < quietWindow) return;
    at = now;
    const code = 128 + (numbers[signal] ?? 0);
    const reason = new AbortError(`Received ${signal}`);
    if (++count > 2) return platform.exit(code);
    if (count > 1) {
      exitOnceStopped(code, host);
      return host.abort(reason);
    }
    // Nobody routes requests to what somebody runs by hand.
    if (signal === "SIGINT" && platform.interactive()) linkOf(host).skipDrainDelay();
    host.lifetime.stopApplication(reason);
    if (host.lifetime.stopping.reason === reason) lifetime.exitCode = code;
  };

  const exitOnceStopped = (code: number, host: Host): void => {
    const running: UnsettledHook[] = [];
    host.subscribe((event) => {
      if (event.type === "serviceAbandoned") {
        running.push({ ...event, elapsed: Math.round(event.duration) });
      } else if (event.type === "hostStopped") {
        console.error(new ForcedStopError(running).message);
        platform.exit(code);
      }
    });
  };

  const lifetime: ConsoleLifetime = {
    exitCode: 0,

    waitForStart(_signal, host) {
      for (const signal of signals) {
        const handler = (): void => received(signal, host);
        try {
          platform.on(signal, handler);
          remove.push(() => platform.off(signal, handler));
        } catch {
          // Not every signal exists everywhere.
        }
      }
    },

    async stop() {
      // Without a handler, the echo of a signal kills the process that just stopped cleanly.
      const left = at + echo - performance.now();
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
      for (const off of remove.splice(0)) off();
    },
  };
  return lifetime;
}
