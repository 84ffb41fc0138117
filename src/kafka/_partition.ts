import { AbortError } from "../_abort.ts";
import type { KafkaBatch, KafkaMessage } from "./client.ts";

/**
 * How many messages may be fetched beyond the first that is not done: all of them come again if the process
 * dies.
 */
const furthest = 10_000;

/** A message that was fetched: it waits, is in hands, or is done. */
export interface Entry {
  readonly offset: string;
  /** Nothing once it is done. */
  message: KafkaMessage | undefined;
}

/** A partition for as long as it is ours: what of it waits, is held and is done. */
export class Partition {
  readonly topic: string;
  readonly id: number;
  /** In the order of offsets, from the first that is not done, or was not when one last looked. */
  #log: Entry[] = [];
  /** What was never in hands, from `#taken` on. */
  #waiting: Entry[] = [];
  #taken = 0;
  /** What was given back, in order: it comes before what waits. */
  #again: Entry[] = [];
  readonly #held = new Map<Entry, AbortController>();
  /** The offset that comes after all that was fetched. */
  #next: bigint | undefined;
  /** Where it goes on after a restart, once we have said so. */
  #committed: bigint | undefined;
  /** How many came with the last batch. */
  #batch = 0;
  /** Fetches it again; there is nothing to call while it is fetched. */
  #resume: (() => void) | undefined;
  #isOurs = true;

  constructor(topic: string, id: number) {
    this.topic = topic;
    this.id = id;
  }

  /** How many are in hands. */
  get held(): number {
    return this.#held.size;
  }

  /** Whether it was deleted and made anew, say: then what is fetched now is not what was held. */
  beginsAnewWith({ messages: [first] }: KafkaBatch): boolean {
    return this.#committed !== undefined &&
      BigInt((first as KafkaMessage).offset) < this.#committed;
  }

  /** Takes in what was fetched, but for what it has already: after a rebalance that is fetched again. */
  add(batch: KafkaBatch): void {
    const { messages } = batch;
    this.#waiting.splice(0, this.#taken);
    this.#taken = 0;
    const next = this.#next;
    const fresh = next === undefined || BigInt((messages[0] as KafkaMessage).offset) >= next
      ? messages
      : messages.filter(({ offset }) => BigInt(offset) >= next);
    const entries = fresh.map((message): Entry => ({ offset: message.offset, message }));
    for (const entry of entries) {
      this.#log.push(entry);
      this.#waiting.push(entry);
    }
    if (entries.length > 0) this.#batch = entries.length;
    const end = BigInt(batch.lastOffset()) + 1n;
    if (next === undefined || end > next) this.#next = end;
  }

  /** The next one, now in hands, and what aborts when it is lost. */
  take(ordered: boolean): { readonly entry: Entry; readonly lost: AbortSignal } | undefined {
    if (ordered && this.#held.size > 0) return undefined;
    const entry = this.#again.shift() ?? this.#waiting[this.#taken++];
    if (!entry) {
      this.#waiting = [];
      this.#taken = 0;
      return undefined;
    }
    const lost = new AbortController();
    this.#held.set(entry, lost);
    return { entry, lost: lost.signal };
  }

  /** One in hands is done. */
  done(entry: Entry): void {
    if (this.#held.delete(entry)) entry.message = undefined;
  }

  /** One in hands is not done, and waits again. */
  release(entry: Entry): void {
    if (!this.#held.delete(entry) || !this.#isOurs) return;
    const offset = BigInt(entry.offset);
    const at = this.#again.findIndex((it) => BigInt(it.offset) > offset);
    this.#again.splice(at < 0 ? this.#again.length : at, 0, entry);
  }

  /** Keeps it from being fetched while it is full, and only then. */
  regulate(pause: () => () => void): void {
    if (this.#isFull) this.#resume ??= pause();
  }

  /** Has it fetched again if there is room. */
  refill(): void {
    if (!this.#resume || this.#isFull) return;
    this.#resume();
    this.#resume = undefined;
  }

  /** Whether there is enough of it: more than half a batch waits, or too much would come twice. */
  get #isFull(): boolean {
    const waiting = this.#waiting.length - this.#taken + this.#again.length;
    return waiting > this.#batch / 2 || this.#log.length >= furthest;
  }

  /**
   * Where it goes on after a restart, if that was not said yet: at the first that is not done. Said also when
   * nothing is: else a group that is new, and begins with what is sent next, would skip what is sent until then.
   */
  get uncommitted(): string | undefined {
    const open = this.#log.findIndex(({ message }) => message);
    this.#log.splice(0, open < 0 ? this.#log.length : open);
    const offset = this.#log.length > 0 ? BigInt((this.#log[0] as Entry).offset) : this.#next;
    return offset === undefined || offset === this.#committed ? undefined : `${offset}`;
  }

  /** It is known now where it goes on. */
  committed(offset: string): void {
    this.#committed = BigInt(offset);
  }

  /** Forgets what nobody holds: it is not committed, so that somebody else fetches it. */
  clear(): void {
    this.#isOurs = false;
    this.#again = [];
    this.#waiting = [];
    this.#taken = 0;
  }

  /** It is somebody else's, or nobody knows whose: so is what is in hands. */
  lose(message: string, cause?: unknown): void {
    this.clear();
    this.#resume?.();
    this.#resume = undefined;
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const lost of held) lost.abort(new AbortError(message, cause));
  }
}
