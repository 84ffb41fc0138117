import type { HostLifetime } from "../mod.ts";
import { createConsoleLifetime, type Platform } from "../src/runtime/_console_lifetime.ts";

/** A runtime whose signals a test sends, at times it sets, and which notes how it would end. */
export class FakePlatform implements Platform {
  readonly #handlers: Map<string, () => void> = new Map();
  readonly #now: () => number = performance.now;
  readonly #error: typeof console.error = console.error;
  /** Codes it was to exit with, and exit codes that were set. */
  readonly exits: number[] = [];
  readonly codes: number[] = [];
  /** What was written to `console.error`. */
  readonly report: unknown[] = [];
  /** Milliseconds of `performance.now`, until {@linkcode FakePlatform.restore}. */
  time = 1_000;

  constructor() {
    performance.now = () => this.time;
    console.error = (line: unknown) => void this.report.push(line);
  }

  lifetime(): HostLifetime {
    return createConsoleLifetime(this);
  }

  send(signal: string): void {
    this.#handlers.get(signal)?.();
  }

  /** Signals that somebody handles. */
  get handled(): string[] {
    return [...this.#handlers.keys()];
  }

  signals(): readonly string[] {
    return ["SIGINT", "SIGTERM"];
  }

  on(signal: string, handler: () => void): void {
    this.#handlers.set(signal, handler);
  }

  off(signal: string): void {
    this.#handlers.delete(signal);
  }

  fail(code: number): void {
    this.codes.push(code);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  startUnheldTimer(): void {}

  /** Gives back what it has replaced. */
  restore(): void {
    performance.now = this.#now;
    console.error = this.#error;
  }
}
