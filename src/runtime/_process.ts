import type { Platform } from "./_console_lifetime.ts";
import { stopSignals } from "./_signals.ts";

/** What is used of Node's `process`, which Bun has too. */
interface Process {
  readonly platform: string;
  readonly execArgv: readonly string[];
  readonly stdout: { readonly isTTY?: boolean | undefined };
  exitCode?: number | string | null | undefined;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  exit(code?: number | string | null): void;
}

/** The global `process`, looked up when used. */
export function currentProcess(): Process {
  return (globalThis as unknown as { readonly process: Process }).process;
}

/** A platform on `process`. */
export const processPlatform: Platform = {
  signals: () => stopSignals(currentProcess().platform === "win32"),
  on: (signal, handler) => void currentProcess().on(signal, handler),
  off: (signal, handler) => void currentProcess().off(signal, handler),
  interactive: () => currentProcess().stdout.isTTY,
  fail(code: number): void {
    currentProcess().exitCode ||= code;
  },
  exit: (code) => currentProcess().exit(code),
  startUnheldTimer(callback: () => void, ms: number): void {
    (setTimeout(callback, ms) as unknown as { unref(): void }).unref();
  },
};
