import type { Delivery, ReceiveOptions, Source } from "../src/consumers/mod.ts";

/**
 * A source over a list, which notes what it is told. Unlike the FakeSource of the kit it answers also
 * when its signal has aborted, and keeps nothing back for a delay: a consumer has to bear both.
 */
export class ListSource<T> implements Source<T> {
  readonly delays: boolean;
  /** `ack a`, `release a 100`, `reject a: why`, `extend a`. */
  readonly log: string[] = [];
  /** Each `max` it was asked for. */
  readonly asked: number[] = [];
  /** Changes each delivery before it goes out. */
  alter: (delivery: Delivery<T>) => Delivery<T> = (delivery) => delivery;
  signal: AbortSignal | undefined;
  readonly #waiting: [value: T, attempt: number][] = [];
  #wake: () => void = () => {};

  constructor(values: readonly T[], { delays = false }: { delays?: boolean } = {}) {
    this.delays = delays;
    this.push(...values);
  }

  /** What it has to give. */
  get waiting(): readonly T[] {
    return this.#waiting.map(([value]) => value);
  }

  push(...values: readonly T[]): void {
    for (const value of values) this.#waiting.push([value, 1]);
    this.#wake();
  }

  async receive(signal: AbortSignal, { max }: ReceiveOptions): Promise<readonly Delivery<T>[]> {
    this.asked.push(max);
    this.signal = signal;
    while (!this.#waiting.length && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener("abort", () => resolve());
      });
    }
    return this.#waiting.splice(0, max).map((it) => this.alter(this.#delivery(...it)));
  }

  #delivery(value: T, attempt: number): Delivery<T> {
    return {
      value,
      attempt,
      ack: () => this.log.push(`ack ${value}`),
      release: ({ delay }) => {
        this.log.push(`release ${value} ${delay}`);
        this.#waiting.push([value, attempt + 1]);
        this.#wake();
      },
      reject: (error) => this.log.push(`reject ${value}: ${(error as Error).message}`),
      extend: () => this.log.push(`extend ${value}`),
    };
  }
}
