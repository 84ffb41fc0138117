/**
 * Does random things to a channel and checks what must hold whatever is done to it. What a run does
 * follows from its seed.
 *
 * @module
 */

import { Channel, ChannelClosedError, type ChannelFullMode } from "../src/channels/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Listeners } from "./_listeners.ts";
import { Random } from "./fuzz/random.ts";

/** Plays the run of a seed; throws if something is broken. */
export async function playChannelRun(seed: number): Promise<void> {
  const run = new ChannelRun(new Random(seed));
  try {
    await run.play();
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${message}, after: ${run.log.join(", ")}`);
  }
}

/** What has become of a call that may wait. */
interface Call {
  readonly what: "read" | "write" | "waitToRead" | "waitToWrite" | "iterator";
  readonly controller: AbortController;
  readonly listeners: Listeners;
  settled: boolean;
}

class ChannelRun {
  readonly log: string[] = [];
  readonly #random: Random;
  readonly #capacity: number;
  readonly #fullMode: ChannelFullMode;
  readonly #channel: Channel<number>;
  readonly #failure = new Error("The producer failed");
  readonly #calls: Call[] = [];
  /** Items are numbered in the order of the calls that write them. */
  #written = 0;
  readonly #accepted = new Set<number>();
  readonly #dropped: number[] = [];
  /** What each reading call took, in the order of the calls. */
  readonly #taken: number[] = [];
  /** What each iteration took. */
  readonly #iterated: number[][] = [];
  #completed: "no" | "yes" | "with an error" = "no";
  #completion = "pending";
  /** How a call has settled that should not have, or not like that. */
  #surprise: string | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#capacity = random.pick([0, 1, 2, 3, 20, Infinity]);
    this.#fullMode = random.pick(["wait", "wait", "wait", "dropNewest", "dropOldest", "dropWrite"]);
    this.#channel = new Channel({
      capacity: this.#capacity,
      fullMode: this.#fullMode,
      onDropped: (item) => this.#dropped.push(item),
    });
    this.#channel.completion.then(
      () => (this.#completion = "yes"),
      (error) => (this.#completion = error === this.#failure ? "with an error" : `${error}`),
    );
    this.log.push(`${this.#capacity} ${this.#fullMode}`);
  }

  async play(): Promise<void> {
    const steps = 10 + this.#random.below(40);
    // Some runs write more than they read, some less.
    const writing = this.#random.pick([0.3, 0.5, 0.7]);
    for (let step = 0; step < steps; step++) {
      this.#act(writing);
      this.#checkCount();
      if (this.#random.chance(0.2)) {
        await quiet();
        this.#checkQuiet();
      } else if (this.#random.chance(0.5)) {
        for (let turns = this.#random.below(4); turns >= 0; turns--) await undefined;
      }
    }
    this.#complete();
    while (this.#channel.count > 0) this.#tryRead();
    await quiet();
    this.#checkQuiet();
    this.#checkEnd();
  }

  #act(writing: number): void {
    const random = this.#random;
    if (random.chance(0.02)) return this.#complete();
    if (random.chance(0.15)) return this.#cancel();
    if (random.chance(0.1)) return this.#call(random.pick(["waitToRead", "waitToWrite"]));
    if (random.chance(writing)) return random.chance(0.5) ? this.#tryWrite() : this.#call("write");
    if (random.chance(0.1)) return this.#call("iterator");
    return random.chance(0.5) ? this.#tryRead() : this.#call("read");
  }

  #tryWrite(): void {
    const item = ++this.#written;
    const accepted = this.#channel.tryWrite(item);
    if (accepted) this.#accepted.add(item);
    this.log.push(`tryWrite ${item} ${accepted}`);
  }

  #tryRead(): void {
    const peeked = this.#channel.tryPeek();
    const item = this.#channel.tryRead();
    this.log.push(`tryRead ${item}`);
    expect(peeked === item, `tryPeek gave ${peeked}, tryRead then ${item}`);
    if (item !== undefined) this.#taken.push(item);
  }

  #complete(): void {
    const error = this.#random.chance(0.5) ? this.#failure : undefined;
    const first = this.#channel.complete(error);
    this.log.push(`complete ${error?.message} ${first}`);
    expect(first === (this.#completed === "no"), `complete gave ${first}`);
    if (first) this.#completed = error ? "with an error" : "yes";
  }

  #cancel(): void {
    const call = this.#calls[this.#random.below(this.#calls.length + 1)];
    call?.controller.abort("cancelled");
    this.log.push(`cancel ${call && this.#calls.indexOf(call)}`);
  }

  #call(what: Call["what"]): void {
    const controller = new AbortController();
    if (this.#random.chance(0.05)) controller.abort("cancelled");
    const { signal } = controller;
    const call: Call = { what, controller, listeners: new Listeners(signal), settled: false };
    this.log.push(`#${this.#calls.push(call) - 1} ${what}`);
    const settle = (): void => {
      call.settled = true;
    };
    this.#begin(what, signal).catch((error) => {
      const cancelled = error === "cancelled" && signal.aborted;
      if (!cancelled && !this.#isEnd(what, error)) this.#surprise ??= `${what}: ${error}`;
    }).then(settle);
  }

  async #begin(what: Call["what"], signal: AbortSignal): Promise<void> {
    const channel = this.#channel;
    switch (what) {
      case "write": {
        const item = ++this.#written;
        await channel.write(item, signal);
        this.#accepted.add(item);
        break;
      }
      case "read": {
        const place = this.#taken.push(NaN) - 1;
        this.#taken[place] = await channel.read(signal);
        break;
      }
      case "waitToRead":
        expect(await channel.waitToRead(signal) || this.#over, "waitToRead gave false too early");
        break;
      case "waitToWrite":
        expect(await channel.waitToWrite(signal) || this.#over, "waitToWrite gave false too early");
        break;
      case "iterator": {
        const items: number[] = [];
        this.#iterated.push(items);
        const most = this.#random.below(5);
        for await (const item of channel.readAll(signal)) {
          items.push(item);
          if (items.length > most) break;
        }
      }
    }
  }

  get #over(): boolean {
    return this.#completed === "yes";
  }

  /** Whether a call may fail like this because the channel has ended. */
  #isEnd(what: Call["what"], error: unknown): boolean {
    if (this.#completed === "no") return false;
    if (what !== "read" && what !== "write") {
      return this.#completed === "with an error" && error === this.#failure;
    }
    if (!(error instanceof ChannelClosedError)) return false;
    return error.cause === (this.#completed === "yes" ? undefined : this.#failure);
  }

  #checkCount(): void {
    const { count } = this.#channel;
    expect(count >= 0 && count <= this.#capacity, `${count} items of ${this.#capacity}`);
  }

  /** What must hold whenever all is quiet. */
  #checkQuiet(): void {
    expect(this.#surprise === undefined, `${this.#surprise}`);
    const { count } = this.#channel;
    const left = this.#accepted.size - this.#out().length;
    expect(count === left, `count is ${count}, but ${left} items are left`);
    const waiting = (what: Call["what"]): boolean =>
      this.#calls.some((call) => call.what === what && !call.settled);
    const ended = this.#completed !== "no";
    const [reading, writing] = [waiting("read"), waiting("write")];
    expect(!reading || (count === 0 && !ended), "a read waits though it need not");
    expect(!writing || (count === this.#capacity && !ended), "a write waits though it need not");
    expect(!reading || !writing, "a read and a write wait for each other");
    if (ended || count > 0 || writing) {
      expect(!waiting("waitToRead"), "waitToRead waits though it need not");
      expect(!waiting("iterator"), "an iteration waits though it need not");
    }
    if (ended || count < this.#capacity || reading) {
      expect(!waiting("waitToWrite"), "waitToWrite waits though it need not");
    }
    const settled = ended && count === 0 ? this.#completed : "pending";
    expect(this.#completion === settled, `completion is ${this.#completion}, not ${settled}`);
    for (const { settled, listeners, what } of this.#calls) {
      expect(listeners.now <= (settled ? 0 : 1), `${what} left ${listeners.now} listeners`);
    }
  }

  #checkEnd(): void {
    expect(this.#calls.every(({ settled }) => settled), "something waits for ever");
    for (const items of [this.#taken.filter((item) => item > 0), ...this.#iterated]) {
      expect(items.every((item, i) => i === 0 || item > items[i - 1]!), `not in order: ${items}`);
    }
    const out = this.#out();
    expect(new Set(out).size === out.length, "an item came out twice");
    const lost = [...this.#accepted].filter((item) => !out.includes(item));
    expect(lost.length === 0, `lost ${lost}`);
    const invented = out.filter((item) => !this.#accepted.has(item));
    expect(invented.length === 0, `not written, and yet it came out: ${invented}`);
  }

  /** Every item that has left the channel. */
  #out(): readonly number[] {
    return [...this.#taken.filter((item) => item > 0), ...this.#iterated.flat(), ...this.#dropped];
  }
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
