import type { ConsolePlatform } from "./_console_lifetime.ts";
import { checkRuntime, inMainThread } from "./_runtime.ts";
import { stopSignals } from "./_stop_signals.ts";
import { currentProcess } from "./types/process.ts";

/** A platform on `process`. */
export const processPlatform: ConsolePlatform = {
  check: () => checkRuntime("node"),
  mainThread: inMainThread,
  signals: () => stopSignals(currentProcess().platform === "win32"),
  on: (event, handler) => void currentProcess().on(event, handler),
  off: (event, handler) => void currentProcess().off(event, handler),
  interactive: () => currentProcess().stdout.isTTY,
  exitCode: () => currentProcess().exitCode,
  setExitCode(code: number | undefined): void {
    const process = currentProcess();
    process.exitCode = code;
    if (code === undefined && process.exitCode) process.exitCode = 0; // Bun keeps the code when it is set to `undefined` (Workaround: bun-exit-code)
  },
  exit: (code) => currentProcess().exit(code),
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
