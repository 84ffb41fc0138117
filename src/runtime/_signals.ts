import { check, nothing } from "../_check.ts";

/** The signals that mean stop on an operating system. */
export function stopSignals(windows: boolean): readonly string[] {
  return windows ? ["SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"] : ["SIGINT", "SIGTERM", "SIGQUIT"];
}

/** Those that a person sends from a keyboard. */
export const keyboardSignals: readonly string[] = ["SIGINT", "SIGQUIT", "SIGBREAK"];

/** Numbers that are the same on every platform that has the signal. */
const numbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGBREAK: 21,
};

/** All that some platform has, and a program can hear: not SIGKILL, not SIGSTOP. */
const names =
  " ABRT ALRM BREAK BUS CHLD CLD CONT EMT FPE HUP ILL INFO INT IO IOT LOST PIPE POLL PROF PWR QUIT SEGV STKFLT SYS TERM TRAP TSTP TTIN TTOU UNUSED URG USR1 USR2 VTALRM WINCH XCPU XFSZ ";

/** The exit code of what a signal has ended: 128 + n, and 128 where n differs among platforms. */
export function exitCodeOf(signal: string): number {
  return 128 + (numbers[signal] ?? 0);
}

/**
 * Checks that a program can hear these signals somewhere, if not on this platform.
 *
 * @throws {TypeError} If one is misspelt, or none that can be heard; the message names it.
 */
export function checkSignalNames(label: string, signals: readonly string[]): void {
  check(label, signals, { includes: nothing });
  for (const [index, signal] of Array.from(signals).entries()) {
    check(`${label}[${index}]`, signal, "");
    const [, name = " "] = /^SIG([A-Z12]+)$/.exec(signal) ?? [];
    if (names.includes(` ${name} `)) continue;
    throw new TypeError(
      `Cannot use ${label}[${index}]: ${
        /^SIG(KILL|STOP)$/.test(signal) ? `no program hears ${signal}` : `"${signal}" is no signal`
      }`,
    );
  }
}
