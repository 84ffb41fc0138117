import { nothing } from "../_check.ts";
import { textOf } from "../_log.ts";
import { globalClock } from "../_time/timer.ts";
import { broken, type ContractFixture, type ContractOptions, Patience } from "./contract.ts";
import { testContext } from "./test_context.ts";
import type { Delivery, Source } from "../consumers/source.ts";
import type { ServiceContext } from "../types.ts";

/**
 * What a source may be able to do beyond the rest; what an engine cannot do is not checked.
 *
 * - `counts`: its deliveries have an `attempt`.
 * - `delays`: it says `delays`, and keeps released values back. Takes `counts`.
 * - `lease`: its deliveries say `hold: "lease"`. Takes `SourceContractOptions.holdTimeout`.
 * - `shares`: several sources may take from the queue at the same time.
 * - `orders`: it delivers in the order in which values were sent. Leave it out where a value is handed
 *   out when the one before is settled, and let `SourceFixture.send` put each into another group.
 * - `headers`: what was sent beside a value is in `Delivery.headers`.
 * - `deadLetters`: what was rejected can be found. Takes `SourceFixture.deadLetters`.
 * - `outages`: its engine can be taken away for a while. Takes `SourceFixture.breakDown` and `repair`.
 * - `crashes`: its process can die. Takes `SourceFixture.kill`.
 */
export type SourceTrait =
  | "counts"
  | "delays"
  | "lease"
  | "shares"
  | "orders"
  | "headers"
  | "deadLetters"
  | "outages"
  | "crashes";

/** Options of a `sourceContract`. */
export interface SourceContractOptions extends ContractOptions {
  /**
   * What the source can do.
   *
   * @default {[]}
   */
  readonly can?: readonly SourceTrait[] | undefined;
  /** Milliseconds after which a lease of the fixture runs out unless it is extended. */
  readonly holdTimeout?: number | undefined;
}

/**
 * A queue of an engine, empty and for one check alone: what a `sourceContract` works with.
 *
 * @typeParam T What its sources deliver.
 */
export interface SourceFixture<T = unknown> extends ContractFixture {
  /**
   * Opens a source over the queue, each time another one, as another process would. Not started: the
   * checks do that, and stop it.
   */
  open(): Source<T>;
  /**
   * Puts a value into the queue that stands for `text`, past the source.
   *
   * @param headers What is to travel beside it; given if the source can do `headers`.
   */
  send(text: string, headers?: Readonly<Record<string, string>>): unknown;
  /**
   * The text that a delivered value stands for.
   *
   * @default {String}
   */
  read?(value: T): string;
  /** The texts of what was rejected. */
  deadLetters?(): readonly string[] | Promise<readonly string[]>;
  /** Takes the engine away: connections break, and no new one succeeds. */
  breakDown?(): unknown;
  /** Gives the engine back. */
  repair?(): unknown;
  /** The process of a source dies: whatever keeps its connection open is closed, without a goodbye. */
  kill?(source: Source<T>): unknown;
}

/** The queue of a check, and the sources it has opened. */
export class Bench<T> extends Patience {
  readonly fixture: SourceFixture<T>;
  readonly holdTimeout: number;
  readonly can: ReadonlySet<SourceTrait>;
  readonly #open: Opened<T>[] = [];
  readonly #settled = new WeakSet<Delivery<T>>();

  constructor(
    fixture: SourceFixture<T>,
    options: SourceContractOptions,
    can: ReadonlySet<SourceTrait>,
  ) {
    super(options, fixture.clock);
    this.fixture = fixture;
    this.can = can;
    this.holdTimeout = options.holdTimeout ?? 0;
  }

  async run(check: (bench: Bench<T>) => Promise<void>): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    try {
      await check(this);
    } catch (error) {
      failure = { error };
    }
    for (const opened of this.#open) {
      try {
        await opened.end();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }

  /** Opens a source, and starts it. */
  async open(concurrency?: number): Promise<Opened<T>> {
    const opened = this.unstarted(concurrency);
    await opened.start();
    return opened;
  }

  unstarted(concurrency: number = 10): Opened<T> {
    const opened = new Opened(this.fixture.open(), this, concurrency);
    this.#open.push(opened);
    return opened;
  }

  async send(...texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      await this.fulfils("the fixture's send()", () => this.fixture.send(text));
    }
  }

  read(delivery: Delivery<T>): string {
    return this.fixture.read ? this.fixture.read(delivery.value) : String(delivery.value);
  }

  texts(deliveries: readonly Delivery<T>[]): readonly string[] {
    return deliveries.map((it) => this.read(it));
  }

  /** Fails unless two lists have the same texts, in any order. */
  same(actual: readonly string[], wanted: readonly string[], expected: string, look: string): void {
    const [a, b] = [[...actual].sort(), [...wanted].sort()];
    if (a.join("\n") === b.join("\n")) return;
    throw broken(`${expected}: ${show(b)}`, `it was ${show(a)}`, look);
  }

  /** Whether a delivery was settled: then there is room for another one. */
  isSettled(delivery: Delivery<T>): boolean {
    return this.#settled.has(delivery);
  }

  ack(delivery: Delivery<T>): Promise<unknown> {
    this.#settled.add(delivery);
    return this.fulfils("ack()", () => delivery.ack());
  }

  release(delivery: Delivery<T>, delay: number = 0, error?: Error): Promise<unknown> {
    this.#settled.add(delivery);
    const options = error ? { delay, error } : { delay };
    return this.fulfils("release()", () => delivery.release(options));
  }

  reject(delivery: Delivery<T>): Promise<unknown> {
    this.#settled.add(delivery);
    return this.fulfils("reject()", () => delivery.reject(new Error("It is bad")));
  }

  /** Releases what the source may have lost: it may say that it is too late. */
  async releaseLost(delivery: Delivery<T>): Promise<void> {
    this.#settled.add(delivery);
    const released = (async () => await delivery.release({ delay: 0 }))();
    released.catch(nothing);
    await this.settles(released);
  }

  /**
   * Asserts that a queue has these values and no others, and takes them: by a source of its own, after
   * all others have ended.
   */
  async left(texts: readonly string[], expected: string, look: string): Promise<void> {
    for (const opened of this.#open) await opened.end();
    const last = await this.open();
    const deliveries: Delivery<T>[] = [];
    const wait = Math.max(this.silence, this.can.has("lease") ? this.holdTimeout * 1.5 : 0);
    const missing = (): boolean => deliveries.length < texts.length;
    for (;;) {
      const more = await last.ask(missing() ? this.patience : wait);
      if (more === undefined) break;
      deliveries.push(...more);
      for (const delivery of more) await this.ack(delivery);
    }
    this.same(this.texts(deliveries), texts, expected, look);
  }
}

/** A source as a consumer uses it. */
export class Opened<T> {
  readonly source: Source<T>;
  readonly #bench: Bench<T>;
  readonly #context: ServiceContext;
  readonly #intake = new AbortController();
  readonly #forced = new AbortController();
  /** A call of `receive` whose end nobody has looked at. */
  #pending: Promise<readonly Delivery<T>[]> | undefined;
  /** What was delivered and not handed out yet. */
  readonly #waiting: Delivery<T>[] = [];
  /** What was delivered and may be in hands. */
  #taken: Delivery<T>[] = [];
  readonly #concurrency: number;
  #started = false;
  #stopping = false;
  #ended = false;

  constructor(source: Source<T>, bench: Bench<T>, concurrency: number) {
    this.source = source;
    this.#concurrency = concurrency;
    this.#bench = bench;
    this.#context = { ...testContext({ name: "contract" }), clock: bench.clock ?? globalClock };
  }

  async start(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await this.#bench.fulfils("start()", () => this.source.start?.(signal, this.#context));
    this.#started = true;
  }

  /** The cancelled start, which may end as it likes. */
  async startCancelled(signal: AbortSignal): Promise<void> {
    const call = (async () => await this.source.start?.(signal, this.#context))();
    call.then(() => void (this.#started = true), nothing);
    if (await this.#bench.settles(call)) return;
    this.#ended = true;
    throw broken(
      "start() settles when its signal has aborted",
      `it was pending after ${this.#bench.patience} ms`,
      "whether start() listens to its signal",
    );
  }

  /** Calls `receive` unless a call is pending, as a consumer does, and checks the answer. */
  receive(): Promise<readonly Delivery<T>[]> {
    const { signal } = this.#intake;
    this.#taken = this.#taken.filter((it) => !this.#bench.isSettled(it));
    const max = this.#concurrency - this.#taken.length;
    return this.#pending ??= (async () => {
      const answer = await this.source.receive(signal, { max });
      if (!Array.isArray(answer)) {
        throw broken("receive() answers with an array", `it was ${typeof answer}`, "receive()");
      }
      if (answer.length > max) {
        throw broken(
          `receive() answers with at most max (${max}) deliveries`,
          `there were ${answer.length}`,
          "what receive() does with options.max",
        );
      }
      this.#taken.push(...answer);
      return answer as readonly Delivery<T>[];
    })();
  }

  /**
   * Asks until something comes, for so long.
   *
   * @param tolerant Whether a `receive` may fail meanwhile: it is asked again.
   * @returns All that has come; nothing if nothing has.
   */
  async ask(ms: number, tolerant = false): Promise<readonly Delivery<T>[] | undefined> {
    if (this.#waiting.length > 0) return this.#waiting.splice(0);
    const poll = Math.min(this.source.pollInterval ?? 25, 25) || 1;
    const bench = this.#bench;
    const end = bench.now() + ms;
    for (;;) {
      const call = this.receive();
      call.catch(nothing);
      if (!await bench.settles(call, Math.max(end - bench.now(), 0))) return undefined;
      this.#pending = undefined;
      try {
        const answer = await call;
        if (answer.length > 0) return answer;
      } catch (error) {
        if (!tolerant) {
          if (error instanceof Error && /^Expected that/.test(error.message)) throw error;
          throw broken("receive() fulfils", `it failed: ${textOf(error)}`, "receive()", error);
        }
      }
      if (bench.now() >= end) return undefined;
      await bench.pass(tolerant ? 25 : poll);
    }
  }

  /** Waits for so many deliveries, and hands them out in their order. */
  async take(count: number, tolerant = false): Promise<Delivery<T>[]> {
    const taken: Delivery<T>[] = [];
    while (taken.length < count) {
      const more = await this.ask(this.#bench.patience, tolerant);
      if (!more) {
        throw broken(
          `${count} values are delivered`,
          `there were ${taken.length} after ${this.#bench.patience} ms: ${
            show(this.#bench.texts(taken))
          }`,
          "receive(), and whether the fixture's send() reaches this source",
        );
      }
      taken.push(...more);
    }
    this.#waiting.push(...taken.splice(count));
    return taken;
  }

  /** Waits for one delivery. */
  async one(tolerant = false): Promise<Delivery<T>> {
    return (await this.take(1, tolerant))[0] as Delivery<T>;
  }

  /** Asserts that nothing is delivered. */
  async silent(expected: string, look: string, ms: number = this.#bench.silence): Promise<void> {
    const more = await this.ask(ms);
    if (more) {
      const texts = show(this.#bench.texts(more));
      throw broken(expected, `${texts} was delivered`, look);
    }
  }

  /** Closes the intake: `receive` has to settle, and what it still answers is given back. */
  async close(): Promise<void> {
    if (this.#intake.signal.aborted) return;
    const call = this.#pending;
    call?.catch(nothing);
    this.#intake.abort(new DOMException("No more is wanted", "AbortError"));
    if (!call) return;
    if (!await this.#bench.settles(call)) {
      throw broken(
        "receive() settles when its signal aborts",
        `it was pending after ${this.#bench.patience} ms`,
        "whether receive() listens to its signal",
      );
    }
    for (const delivery of await call.catch(() => [])) await this.#bench.release(delivery);
  }

  /** Aborts the signal of `receive`, and tells the source so while that call may be pending. */
  async stopping(): Promise<void> {
    if (this.#stopping || !this.#started) return;
    this.#stopping = true;
    const closed = this.close();
    closed.catch(nothing);
    const { signal } = this.#forced;
    await this.#bench.fulfils("stopping()", () => this.source.stopping?.(signal, this.#context));
    await closed;
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#started) return;
    for (const delivery of this.#waiting.splice(0)) await this.#bench.release(delivery);
    await this.stopping();
    const { signal } = this.#forced;
    await this.#bench.fulfils("stop()", () => this.source.stop?.(signal, this.#context));
  }

  /** The process has died: nobody calls the source any more. */
  died(): void {
    this.#ended = true;
    this.#pending?.catch(nothing);
  }
}

/** Texts as a message shows them. */
export function show(texts: readonly string[]): string {
  return texts.length > 0 ? texts.map((it) => JSON.stringify(it)).join(", ") : "nothing";
}
