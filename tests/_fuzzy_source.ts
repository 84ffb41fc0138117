import type { Delivery, Source } from "../src/consumers/mod.ts";
import type { FakeClock } from "./_fake_clock.ts";
import type { Random } from "./fuzz/random.ts";

/** Where a message is: with the source, with a consumer, or at one of its two ends. */
export type Fate = "ready" | "out" | "acked" | "dead";

/** A value and what has become of it. */
export interface Message {
  readonly id: number;
  fate: Fate;
  deliveries: number;
  /** The last one; an earlier one has no say any more. */
  current: FuzzyDelivery | undefined;
}

/** One delivery, and what the consumer has done with it. */
export interface FuzzyDelivery extends Delivery<Message> {
  readonly id: number;
  readonly settled: string[];
  extended: number;
  readonly lose: () => void;
}

/** A broker that fails, lags, forgets who holds what, and keeps a record. */
export class FuzzySource implements Source<Message> {
  readonly delays: boolean;
  readonly messages: readonly Message[];
  readonly deliveries: FuzzyDelivery[] = [];
  /** What it was asked that it must not be. */
  readonly complaints: string[] = [];
  /** Whether it does its best from now on. */
  calm = false;
  readonly #random: Random;
  readonly #clock: FakeClock;
  readonly #visibility: number;
  readonly #counts: boolean;
  /** Whether it says what it has lost. */
  readonly #tells: boolean;
  readonly #concurrency: number;
  #receiving = false;
  #wake: () => void = () => {};

  constructor(random: Random, clock: FakeClock, concurrency: number) {
    this.#concurrency = concurrency;
    this.#random = random;
    this.#clock = clock;
    this.#visibility = random.pick([300, 5_000]);
    this.delays = random.chance(0.5);
    this.#counts = this.delays || random.chance(0.5);
    this.#tells = random.chance(0.5);
    this.messages = Array.from({ length: 1 + random.below(12) }, (_, id) => ({
      id,
      fate: "ready",
      deliveries: 0,
      current: undefined,
    }));
  }

  async receive(signal: AbortSignal, { max }: { max: number }): Promise<FuzzyDelivery[]> {
    if (this.#receiving) this.complaints.push("receive overlaps");
    const held = this.deliveries.filter(({ settled }) => !settled.length).length;
    if (!(max >= 1 && max <= this.#concurrency - held)) {
      this.complaints.push(`receive with max ${max} and ${held} held`);
    }
    if (signal.aborted) this.complaints.push("receive after the abort");
    this.#receiving = true;
    try {
      await this.#lag();
      this.#fail("receive");
      while (!this.#ready.length && !signal.aborted) {
        if (this.#random.chance(0.2)) return [];
        await this.#change(signal);
      }
      if (signal.aborted && this.#random.chance(0.5)) throw signal.reason;
      const batch = this.#ready.slice(0, 1 + this.#random.below(max)).map((it) => this.#out(it));
      await this.#lag(); // it holds them already, and the signal may abort
      return batch;
    } finally {
      this.#receiving = false;
    }
  }

  get #ready(): Message[] {
    return this.messages.filter(({ fate }) => fate === "ready");
  }

  #out(message: Message): FuzzyDelivery {
    const settle = async (how: string, effect: () => void): Promise<void> => {
      delivery.settled.push(how);
      await this.#lag();
      const late = this.#random.chance(0.5);
      if (!late) this.#fail(how);
      if (message.current === delivery) effect();
      if (late) this.#fail(how);
    };
    const end = (fate: Fate) => (): void => {
      message.fate = fate;
      message.current = undefined;
    };
    const lost = new AbortController();
    const delivery: FuzzyDelivery = {
      id: this.deliveries.length,
      value: message,
      attempt: this.#counts ? ++message.deliveries : undefined,
      settled: [],
      extended: 0,
      lost: this.#tells ? lost.signal : undefined,
      lose: () => {
        if (message.current !== delivery) return;
        message.current = undefined;
        lost.abort(new Error("The hold on it is lost"));
        this.#back(message);
      },
      extendEvery: this.#random.chance(0.7) ? this.#visibility / 3 : undefined,
      ack: () => settle("ack", end("acked")),
      reject: () => settle("reject", end("dead")),
      release: ({ delay }) =>
        settle("release", () => {
          message.current = undefined;
          this.#clock.setTimeout(() => this.#back(message), this.delays ? delay : 0);
        }),
      extend: async () => {
        if (delivery.settled.length) this.complaints.push("extend after it was settled");
        if (delivery.lost?.aborted) this.complaints.push("extend after it was lost");
        await this.#lag();
        this.#fail("extend");
        delivery.extended++;
      },
    };
    message.fate = "out";
    message.current = delivery;
    this.deliveries.push(delivery);
    this.#watch(delivery);
    if (!this.calm && this.#random.chance(0.1)) { // its connection will break
      this.#clock.setTimeout(delivery.lose, this.#random.below(500));
    }
    return delivery;
  }

  /** The hold on it runs out unless it is extended. */
  #watch(delivery: FuzzyDelivery): void {
    const { extended } = delivery;
    this.#clock.setTimeout(() => {
      if (delivery.extended > extended) this.#watch(delivery);
      else delivery.lose();
    }, this.#visibility);
  }

  #back(message: Message): void {
    message.fate = "ready";
    this.#wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = this.#wake = () => {
        signal.removeEventListener("abort", wake);
        resolve();
      };
      signal.addEventListener("abort", wake);
    });
  }

  async #lag(): Promise<void> {
    if (this.#random.chance(0.5)) return;
    await new Promise<void>((go) => this.#clock.setTimeout(go, this.#random.below(40)));
  }

  #fail(what: string): void {
    if (!this.calm && this.#random.chance(0.1)) throw new Error(`The source failed to ${what}`);
  }
}
