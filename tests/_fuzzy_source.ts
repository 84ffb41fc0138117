import type { Delivery, ReleaseOptions, Source } from "../src/consumers/mod.ts";
import type { FakeClock } from "../src/testing/mod.ts";
import type { Random } from "./fuzz/random.ts";

/** Where a message is: with the source, with a consumer, or at one of its two ends. */
export type Fate = "ready" | "out" | "acked" | "dead";

/** A value and what has become of it. */
export interface Message {
  readonly id: number;
  /** Whether it can be read at all. */
  readonly legible: boolean;
  fate: Fate;
  deliveries: number;
  /** The last one; an earlier one has no say any more. */
  current: FuzzyDelivery | undefined;
}

/** One delivery, and what the consumer has done with it. */
export interface FuzzyDelivery extends Delivery<Message> {
  readonly id: number;
  readonly settled: string[];
  /** Whether its source has taken note that it is done. */
  acked: boolean;
  /** Whether the consumer was told that it is lost, and in which way. */
  toldLost: boolean;
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
  /** How often it was started and told that no more is wanted. */
  readonly life = { starts: 0, stoppings: 0, stops: 0 };
  /** Whether a consumer has done what a delivery is for. */
  isDone: (delivery: FuzzyDelivery) => boolean = () => false;
  /** Whether it does its best from now on. */
  calm = false;
  readonly #random: Random;
  readonly #clock: FakeClock;
  readonly #visibility: number;
  readonly #counts: boolean;
  /** Whether it says what it has lost. */
  readonly #tells: boolean;
  /** Whether its holds run out by themselves. */
  readonly #leases: boolean;
  /** Whether a pending `receive` ends by `stopping` alone. */
  readonly #deaf: boolean;
  readonly #concurrency: number;
  #receiving = false;
  #wake: () => void = () => {};

  constructor(random: Random, clock: FakeClock, concurrency: number) {
    this.#concurrency = concurrency;
    this.#random = random;
    this.#clock = clock;
    this.#visibility = random.pick([300, 5_000]);
    this.delays = random.chance(0.5);
    this.#counts = random.chance(this.delays ? 0.8 : 0.5);
    this.#tells = random.chance(0.5);
    this.#leases = random.chance(0.5);
    this.#deaf = random.chance(0.2);
    this.messages = Array.from({ length: 1 + random.below(12) }, (_, id) => ({
      id,
      legible: random.chance(0.9),
      fate: "ready",
      deliveries: 0,
      current: undefined,
    }));
  }

  start(): void {
    this.life.starts++;
  }

  async stopping(): Promise<void> {
    if (++this.life.stoppings > this.life.starts) this.complaints.push("stopping too often");
    if (this.life.stops) this.complaints.push("stopping after the stop");
    if (this.#deaf) this.#wake();
    await this.#lag();
    this.#fail("give back");
  }

  stop(): void {
    if (++this.life.stops > this.life.stoppings) this.complaints.push("stop without stopping");
    const held = this.deliveries.filter(({ settled }) => !settled.length);
    if (held.length) this.complaints.push("stop while something is held");
  }

  async receive(signal: AbortSignal, { max }: { max: number }): Promise<FuzzyDelivery[]> {
    if (this.#receiving) this.complaints.push("receive overlaps");
    const held = this.deliveries.filter(({ settled }) => !settled.length).length;
    if (!(max >= 1 && max <= this.#concurrency - held)) {
      this.complaints.push(`receive with max ${max} and ${held} held`);
    }
    if (signal.aborted) this.complaints.push("receive after the abort");
    if (this.life.stoppings) this.complaints.push("receive after stopping");
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
      if (delivery.settled.length && delivery.toldLost) {
        this.complaints.push(`${how} once more after it was lost`);
      }
      delivery.settled.push(how);
      await this.#lag();
      const late = this.#random.chance(0.5);
      if (!late) this.#fail(how);
      if (message.current === delivery) effect();
      if (late) this.#fail(how);
      if (how === "ack") delivery.acked = true;
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
      acked: false,
      toldLost: false,
      extended: 0,
      hold: this.#leases ? "lease" : this.#random.pick([undefined, "connection"]),
      headers: { id: message.id },
      lost: this.#tells ? lost.signal : undefined,
      lose: () => {
        if (message.current !== delivery) return;
        message.current = undefined;
        if (this.#tells) delivery.toldLost = true;
        lost.abort(new Error("The hold on it is lost"));
        this.#back(message);
      },
      extendEvery: this.#random.chance(0.7) ? this.#visibility / 3 : undefined,
      ack: () => settle("ack", end("acked")),
      reject: () => settle("reject", end("dead")),
      release: (options: ReleaseOptions) => {
        const { delay } = options;
        if (this.isDone(delivery)) this.complaints.push("released, but done");
        if (delay > 0 && !("error" in options)) this.complaints.push("a delay for no failure");
        if ("error" in options && options.error === undefined) {
          this.complaints.push("a failure without an error");
        }
        return settle("release", () => {
          message.current = undefined;
          this.#clock.setTimeout(() => this.#back(message), this.delays ? delay : 0);
        });
      },
      extend: async () => {
        const acking = this.#leases && delivery.settled.at(-1) === "ack" && !delivery.acked;
        if (delivery.settled.length && !acking) {
          this.complaints.push("extend after it was settled");
        }
        if (delivery.toldLost) this.complaints.push("extend after it was lost");
        await this.#lag();
        this.#fail("extend");
        if (message.current !== delivery && !delivery.settled.length) {
          delivery.toldLost = true;
          return false;
        }
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
