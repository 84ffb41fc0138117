/** Stands in for the global `process` of a runtime entry: a test sends the signals. */
export class FakeProcess {
  readonly platform: string = "linux";
  readonly execArgv: readonly string[] = [];
  readonly stdout: { isTTY: boolean } = { isTTY: false };
  exitCode: number | undefined;
  /** The codes it was told to exit with. */
  readonly exits: number[] = [];
  /** What was written to `console.error` meanwhile. */
  readonly report: unknown[] = [];
  /** Milliseconds of `performance.now`, which go on a little with each look. */
  time = 1_000;
  readonly #handlers: Map<string, () => void> = new Map();
  readonly #restore: () => void;

  constructor() {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, "process");
    const { now } = performance;
    const { error } = console;
    Object.defineProperty(globalThis, "process", { configurable: true, get: () => this });
    performance.now = () => this.time += 20;
    console.error = (line: unknown) => void this.report.push(line);
    this.#restore = () => {
      Object.defineProperty(globalThis, "process", descriptor as PropertyDescriptor);
      performance.now = now;
      console.error = error;
    };
  }

  /** Gives back what it has replaced. */
  restore(): void {
    this.#restore();
  }

  send(signal: string): void {
    this.#handlers.get(signal)?.();
  }

  /** The signals somebody handles. */
  get handled(): string[] {
    return [...this.#handlers.keys()];
  }

  on(signal: string, handler: () => void): void {
    this.#handlers.set(signal, handler);
  }

  off(signal: string): void {
    this.#handlers.delete(signal);
  }

  exit(code: number): void {
    this.exits.push(code);
  }
}
