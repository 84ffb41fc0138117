import type { Logger } from "../mod.ts";

/** A logger that keeps what it is given, and how it was called. */
export class Lines implements Logger {
  /** `level: line`. */
  readonly all: string[] = [];
  /** What it was called with besides one string. */
  readonly misuse: unknown[][] = [];

  debug(...args: unknown[]): void {
    this.#keep("debug", args);
  }

  info(...args: unknown[]): void {
    this.#keep("info", args);
  }

  warn(...args: unknown[]): void {
    this.#keep("warn", args);
  }

  error(...args: unknown[]): void {
    this.#keep("error", args);
  }

  /** The first line of each, without the stacks. */
  get heads(): string[] {
    return this.all.map((line) => line.split("\n")[0] as string);
  }

  /** A detached call would fail here: `this` is gone. */
  #keep(level: string, args: unknown[]): void {
    if (args.length !== 1 || typeof args[0] !== "string") this.misuse.push(args);
    this.all.push(`${level}: ${args[0]}`);
  }
}
