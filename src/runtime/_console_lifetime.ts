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
  /** Called when its run is over, with whether a signal ended it. */
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

/** Milliseconds after a Ctrl+C by which its echoes have arrived. */
const echo = 10;

/** Stops the host on a signal, and forces it on a later one. */
export class ConsoleLifetime implements HostLifetime {
  readonly #platform: Platform;
  readonly #signals: readonly string[];
  readonly #handlers: Map<string, () => void> = new Map();
  #first: { readonly signal: string; readonly at: number } | undefined;
  #forced = false;
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
    // Without a handler, the echo of a Ctrl+C kills the process that just stopped cleanly.
    const left = this.#first?.signal === "SIGINT" ? this.#first.at + echo - performance.now() : 0;
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    for (const [signal, handler] of this.#handlers) this.#platform.off(signal, handler);
    this.#handlers.clear();
  }

  #received(signal: string, host: Host): void {
    const code = 128 + (numbers[signal] ?? 0);
    const now = performance.now();
    if (!this.#first) {
      this.#first = { signal, at: now };
      const reason = new AbortError(`Received ${signal}`);
      host.lifetime.stopApplication(reason);
      if (host.lifetime.stopping.reason === reason) this.exitCode = code;
    } else if (now - this.#first.at < quietWindow) {
      return;
    } else if (this.#forced) {
      this.#platform.exit(code);
    } else {
      this.#forced = true;
      host.subscribe((event) => {
        if (event.type !== "hostStopped") return;
        const { error } = event;
        console.error(error instanceof Error ? error.message : "Forced to stop: nothing was left");
        this.#platform.exit(code);
      });
      host.abort(new AbortError(`Received ${signal} while stopping`));
    }
  }
}
