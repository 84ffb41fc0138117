import type { ConsolePlatform } from "./_console_lifetime.ts";
import { checkRuntime, inMainThread } from "./_runtime.ts";
import { stopSignals } from "./_signals.ts";

/** What is used of Node's `process`, which Bun and Deno have too. */
interface Process {
  readonly platform: string;
  readonly execArgv: readonly string[];
  readonly stdout: Output;
  readonly stderr?: Output;
  exitCode?: number | string | null | undefined;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  exit(code?: number | string | null): void;
  getActiveResourcesInfo?(): readonly string[];
}

/** What is used of an output. */
interface Output {
  readonly isTTY?: boolean | undefined;
  /** Node's own, which it lists among what keeps a process alive, though it does not. */
  readonly _handle?: object | null;
}

/** The global `process`, looked up when used. */
export function currentProcess(): Process {
  return (globalThis as unknown as { readonly process: Process }).process;
}

/** A platform on `process`. */
export const processPlatform: ConsolePlatform = {
  check: () => checkRuntime("node"),
  mainThread: inMainThread,
  signals: () => stopSignals(currentProcess().platform === "win32"),
  on: (signal, handler) => void currentProcess().on(signal, handler),
  off: (signal, handler) => void currentProcess().off(signal, handler),
  interactive: () => currentProcess().stdout.isTTY,
  exitCode: () => currentProcess().exitCode,
  setExitCode(code: number | undefined): void {
    const process = currentProcess();
    process.exitCode = code;
    if (code === undefined && process.exitCode) process.exitCode = 0; // Bun takes no `undefined`
  },
  exit: (code) => currentProcess().exit(code),
  onExit(callback: () => void): () => void {
    currentProcess().on("exit", callback);
    return () => void currentProcess().off("exit", callback);
  },
  startUnheldTimer(callback: () => void, ms: number): () => void {
    const timer = setTimeout(callback, ms);
    (timer as { unref?(): void }).unref?.();
    return () => clearTimeout(timer);
  },
  resources(): readonly string[] {
    const { stdout, stderr } = currentProcess();
    const kinds = [...currentProcess().getActiveResourcesInfo?.() ?? []];
    for (const output of [stdout, stderr]) {
      const index = kinds.indexOf(`${output?._handle?.constructor.name}Wrap`);
      if (index >= 0) kinds.splice(index, 1);
    }
    return kinds;
  },
};
