import { link } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { globalClock } from "../_time/timer.ts";
import type { Clock } from "../types.ts";
import type { Lease, Term } from "../supervision/mod.ts";

/** Options of a {@linkcode FakeLease}. */
export interface FakeLeaseOptions {
  /**
   * Its time.
   *
   * @default {real time}
   */
  readonly clock?: Clock | undefined;
  /**
   * The token of the first term; a whole number.
   *
   * @default {1}
   */
  readonly firstToken?: number | undefined;
}

/** A call that a {@linkcode FakeLease} may be told to do badly. */
export type FakeLeaseCall = "acquire" | "renew" | "release";

/** How a call of a {@linkcode FakeLease} goes wrong. */
export interface FakeLeaseTrouble {
  /**
   * What it rejects with. Without one it does what it should.
   *
   * @default {none}
   */
  readonly error?: unknown;
  /**
   * Milliseconds until it answers. The signal of the call ends that, as it should.
   *
   * @default {0}
   */
  readonly delay?: number | undefined;
  /**
   * Whether it is deaf: it answers after the `delay` though its signal has aborted, and what it should
   * do is done then.
   *
   * @default {false}
   */
  readonly late?: boolean | undefined;
  /**
   * Whether it does what it should and rejects with the `error` all the same: the answer was lost.
   *
   * @default {false}
   */
  readonly done?: boolean | undefined;
  /**
   * How many calls go wrong.
   *
   * @default {1}
   */
  readonly times?: number | undefined;
}

/** Who has it, and until when. */
interface Held {
  readonly holder: string;
  readonly token: number;
  until: number;
}

/**
 * A lease in memory, for tests of what is done under one. It keeps what a `Lease` promises, on the
 * clock it is given, and the test adds what goes wrong: somebody else takes it
 * ({@linkcode FakeLease.steal}), it is lost ({@linkcode FakeLease.lose}), a call is slow, late or
 * fails ({@linkcode FakeLease.trouble}).
 *
 * Not for programs: it holds off nobody outside of this process.
 *
 * @example Somebody else takes it
 * ```ts
 * import { FakeClock, FakeLease } from "@runhost/host/testing";
 * import { equal } from "node:assert/strict";
 *
 * const clock = new FakeClock();
 * const lease = new FakeLease({ clock });
 * const { signal } = new AbortController();
 *
 * const term = await lease.acquire(signal, { holder: "a", duration: 15_000 });
 * equal(lease.holder, "a");
 * equal(await term?.renew(signal, { duration: 15_000 }), true);
 *
 * lease.steal("b");
 * equal(await term?.renew(signal, { duration: 15_000 }), false);
 * equal(lease.holder, "b");
 * ```
 */
export class FakeLease implements Lease {
  readonly #clock: Clock;
  readonly #log: string[] = [];
  readonly #trouble: (FakeLeaseTrouble & { readonly call: FakeLeaseCall })[] = [];
  #token: number;
  #held: Held | undefined;

  /** Makes one that nobody has. */
  constructor(options: FakeLeaseOptions = {}) {
    this.#clock = options.clock ?? globalClock;
    this.#token = (options.firstToken ?? 1) - 1;
  }

  /** Who has it now. */
  get holder(): string | undefined {
    return this.#current()?.holder;
  }

  /** The token of the newest term; 0 before the first. */
  get token(): number {
    return this.#token;
  }

  /** When it runs out unless it is renewed, in milliseconds of the clock; `undefined` if it is free. */
  get until(): number | undefined {
    return this.#current()?.until;
  }

  /**
   * What it was asked, with the answer, in order of the answers: `acquire a: 1` (the token),
   * `acquire b: held`, `renew a: true`, `release a: done`, `renew a: Refused` (the error).
   */
  get log(): readonly string[] {
    return this.#log;
  }

  /**
   * Somebody else takes it, whoever has it: its `renew` answers `false` from now on.
   *
   * @param duration For how many milliseconds: `Infinity` for until {@linkcode FakeLease.lose}.
   * @returns The token of that term.
   */
  steal(holder: string = "another", duration: number = Infinity): number {
    this.#grant(holder, duration);
    return this.#token;
  }

  /** It is free at once, whoever has it: its `renew` answers `false` from now on. */
  lose(): void {
    this.#held = undefined;
  }

  /** Lets the next calls of one kind go wrong. */
  trouble(call: FakeLeaseCall, trouble: FakeLeaseTrouble): void {
    for (let i = 0; i < (trouble.times ?? 1); i++) this.#trouble.push({ ...trouble, call });
  }

  /** Gives it to the holder if it is free, or has run out. */
  acquire(
    signal: AbortSignal,
    { holder, duration }: { readonly holder: string; readonly duration: number },
  ): Promise<Term | undefined> {
    return this.#answer("acquire", holder, signal, () => {
      if (this.#current()) return [undefined, "held"];
      const held = this.#grant(holder, duration);
      return [this.#term(held), String(held.token)];
    });
  }

  #term(held: Held): Term {
    const { holder, token } = held;
    return {
      token,
      renew: (signal, { duration }) =>
        this.#answer("renew", holder, signal, () => {
          const own = this.#current() === held;
          if (own) held.until = this.#clock.now() + duration;
          return [own, String(own)];
        }),
      release: (signal) =>
        this.#answer("release", holder, signal, () => {
          const own = this.#current() === held;
          if (own) this.#held = undefined;
          return [own, own ? "done" : "not held"];
        }),
    };
  }

  #grant(holder: string, duration: number): Held {
    return this.#held = { holder, token: ++this.#token, until: this.#clock.now() + duration };
  }

  #current(): Held | undefined {
    return this.#held && this.#clock.now() < this.#held.until ? this.#held : undefined;
  }

  async #answer<R>(
    call: FakeLeaseCall,
    holder: string,
    signal: AbortSignal,
    action: () => [result: R, text: string],
  ): Promise<R> {
    const note = (text: string): unknown => this.#log.push(`${call} ${holder}: ${text}`);
    const index = this.#trouble.findIndex((it) => it.call === call);
    const trouble = index < 0 ? {} : this.#trouble.splice(index, 1)[0] as FakeLeaseTrouble;
    try {
      await this.#wait(trouble.delay ?? 0, trouble.late ? undefined : signal);
      if ("error" in trouble && !trouble.done) throw trouble.error;
      const [result, text] = action();
      if ("error" in trouble) throw trouble.error;
      note(text);
      return result;
    } catch (error) {
      note(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  async #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (ms === 0) return;
    let unlink = nothing;
    let timer: unknown;
    try {
      await new Promise<void>((resolve, reject) => {
        if (ms < Infinity) timer = this.#clock.setTimeout(resolve, ms);
        unlink = link(signal, reject);
      });
    } finally {
      unlink();
      if (timer !== undefined) this.#clock.clearTimeout(timer);
    }
  }
}
