import { forgetSignals } from "../src/testing/mod.ts";

interface Timer {
  readonly callback: () => void;
  readonly at: number;
}

/** Stands in for the global `process` of a runtime entry: a test sends the signals. */
export class FakeProcess {
  readonly platform: string = "linux";
  readonly execArgv: readonly string[] = [];
  readonly stdout: { isTTY: boolean } = { isTTY: false };
  exitCode: number | undefined;
  /** The codes it was told to exit with. */
  readonly exits: number[] = [];
  /** What was written to `console.error` and `console.warn` meanwhile. */
  readonly report: unknown[] = [];
  /** What keeps it alive. */
  resources: string[] = [];
  /** Milliseconds of `performance.now`, which go on a little with each look. */
  time = 1_000;
  readonly #handlers: Map<string, () => void> = new Map();
  readonly #timers: Set<Timer> = new Set();
  readonly #restore: () => void;

  constructor() {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, "process");
    const { now } = performance;
    const { error, warn } = console;
    const { setTimeout, clearTimeout } = globalThis;
    forgetSignals();
    Object.defineProperty(globalThis, "process", { configurable: true, get: () => this });
    performance.now = () => this.time += 20;
    console.error = console.warn = (line: unknown) => void this.report.push(line);
    // What takes longer waits for `elapse`: no test waits for seconds.
    globalThis.setTimeout = ((callback: () => void, ms: number) => {
      if (ms < 1_000) return setTimeout(callback, ms);
      const timer: Timer = { callback, at: this.time + ms };
      this.#timers.add(timer);
      return timer;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: Timer) => {
      if (!this.#timers.delete(timer)) clearTimeout(timer as never);
    }) as unknown as typeof clearTimeout;
    this.#restore = () => {
      forgetSignals();
      Object.defineProperty(globalThis, "process", descriptor as PropertyDescriptor);
      performance.now = now;
      Object.assign(console, { error, warn });
      Object.assign(globalThis, { setTimeout, clearTimeout });
    };
  }

  /** Gives back what it has replaced. */
  restore(): void {
    this.#restore();
  }

  /** Lets time pass, and fires what falls due. */
  elapse(ms: number): void {
    const end = this.time + ms;
    const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
    for (const timer of due) {
      if (!this.#timers.delete(timer)) continue; // one before it has cleared it
      this.time = Math.max(this.time, timer.at);
      timer.callback();
    }
    this.time = Math.max(this.time, end);
  }

  /** How many timers of a second or more are running. */
  get timers(): number {
    return this.#timers.size;
  }

  getActiveResourcesInfo(): string[] {
    return this.resources;
  }

  send(signal: string): void {
    this.#handlers.get(signal)?.();
  }

  /** The signals somebody handles. */
  get handled(): string[] {
    return [...this.#handlers.keys()].filter((event) => event.startsWith("SIG"));
  }

  /** Whether anybody wants to know when it exits. */
  get watched(): boolean {
    return this.#handlers.has("exit");
  }

  on(signal: string, handler: () => void): void {
    if (this.#handlers.has(signal)) throw new Error(`A second handler for ${signal}`);
    this.#handlers.set(signal, handler);
  }

  off(signal: string): void {
    this.#handlers.delete(signal);
  }

  exit(code: number): void {
    this.exits.push(code);
    this.send("exit");
  }
}
