import { AbortError } from "../_abort.ts";
import type { Host, HostLifetime } from "../types.ts";

/** What a program that runs in a console needs of its runtime. */
export interface Platform {
  /** The signals that mean stop, where they exist. */
  signals(): readonly string[];
  /** May throw where a signal does not exist. */
  on(signal: string, handler: () => void): void;
  off(signal: string, handler: () => void): void;
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
   * The signals that stop the host.
   *
   * @default {SIGINT, SIGTERM and SIGQUIT; on Windows SIGINT, SIGTERM, SIGBREAK and SIGHUP}
   */
  readonly signals?: readonly string[] | undefined;
}

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

/** Stops the host on a signal, and forces it on a later one. */
export class ConsoleLifetime implements HostLifetime {
  readonly #platform: Platform;
  readonly #signals: readonly string[];
  readonly #handlers: Map<string, () => void> = new Map();
  /** When the signal came that counted last, and how many have. */
  #at = -Infinity;
  #count = 0;
  /** 128 + n, if signal n was what the stop was asked for with. */
  exitCode = 0;

  constructor(platform: Platform, { signals = platform.signals() }: ConsoleLifetimeOptions = {}) {
    this.#platform = platform;
    this.#signals = signals;
  }

  waitForStart(_signal: AbortSignal, host: Host): void {
    for (const signal of this.#signals) {
      const handler = (): void => this.#received(signal, host);
      try {
        this.#platform.on(signal, handler);
        this.#handlers.set(signal, handler);
      } catch {
        // Not every signal exists everywhere.
      }
    }
  }

  async stop(): Promise<void> {
    // Without a handler, the echo of a signal kills the process that just stopped cleanly.
    const left = this.#at + echo - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    for (const [signal, handler] of this.#handlers) this.#platform.off(signal, handler);
    this.#handlers.clear();
  }

  #received(signal: string, host: Host): void {
    const now = performance.now();
    if (now - this.#at < quietWindow) return;
    this.#at = now;
    const code = 128 + (numbers[signal] ?? 0);
    const reason = new AbortError(`Received ${signal}`);
    switch (++this.#count) {
      case 1:
        host.lifetime.stopApplication(reason);
        if (host.lifetime.stopping.reason === reason) this.exitCode = code;
        return;
      case 2:
        this.#exitOnceStopped(code, host);
        host.abort(reason);
        return;
      default:
        this.#platform.exit(code);
    }
  }

  #exitOnceStopped(code: number, host: Host): void {
    const running: string[] = [];
    host.subscribe((event) => {
      if (event.type === "serviceAbandoned") {
        const { service, phase, duration } = event;
        running.push(`"${service}" (${phase}, ${Math.round(duration)} ms)`);
      } else if (event.type === "hostStopped") {
        console.error(`Forced to stop: still running: ${running.join(", ") || "nothing"}`);
        this.#platform.exit(code);
      }
    });
  }
}
