import { check, nothing, refuse } from "../_check.ts";

/** The signals that mean stop on an operating system. */
export function stopSignals(windows: boolean): readonly string[] {
  return windows ? ["SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"] : ["SIGINT", "SIGTERM", "SIGQUIT"];
}

/** Those that a person sends from a keyboard. */
export const keyboardSignals: readonly string[] = ["SIGINT", "SIGQUIT", "SIGBREAK"];

/**
 * All that some platform has and a program can hear: not SIGKILL, not SIGSTOP. Those that have the
 * same number everywhere have it here.
 */
const names =
  "HUP:1 INT:2 QUIT:3 ABRT:6 ALRM:14 TERM:15 BREAK:21 BUS CHLD CONT EMT FPE ILL INFO IO IOT LOST PIPE POLL PROF PWR SEGV STKFLT SYS TRAP TSTP TTIN TTOU UNUSED URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
    .split(" ").map((it) => `SIG${it}`.split(":"));

/** The exit code of what a signal has ended: 128 + n, and 128 where n differs among platforms. */
export function exitCodeOf(signal: string): number {
  return 128 + Number(names.find(([name]) => name === signal)?.[1] ?? 0);
}

/**
 * Checks that a program can hear these signals somewhere, if not on this platform.
 *
 * @throws {TypeError} If one is misspelt, or none that can be heard; the message names it.
 */
export function checkSignalNames(label: string, signals: readonly string[]): void {
  check(label, signals, { includes: nothing });
  for (const [index, signal] of Array.from(signals).entries()) {
    if (names.some(([name]) => name === signal)) continue;
    refuse(`${label}[${index}]`, "a signal that a program can hear", signal);
  }
}
