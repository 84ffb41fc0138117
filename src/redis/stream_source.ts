import { link } from "../_abort.ts";
import { check, checkNames } from "../_check.ts";
import { log, textOf } from "../_log.ts";
import { checkClient, type RedisClient } from "./client.ts";
import { Connection } from "./_connection.ts";
import { explain } from "./_explain.ts";
import { ackAndDelete, settle } from "./_scripts.ts";
import { type Send, sender } from "./_send.ts";
import type { Delivery, ReceiveOptions, Source } from "../consumers/source.ts";
import type { ServiceContext } from "../types.ts";

/** The fields of an entry, in their order. */
export type StreamFields = Readonly<Record<string, string>>;

/** Options of {@linkcode streamSource}. */
export interface StreamSourceOptions {
  /** A client of `ioredis` or `redis`; the source makes a second connection of it, to wait on. */
  readonly client: RedisClient;
  /** The key of the stream. */
  readonly stream: string;
  /**
   * The consumer group that shares the stream; made if it is not there, and the stream as well. A new one
   * begins with the oldest entry.
   */
  readonly group: string;
  /**
   * The field that is the value, for a consumer's `input` to read; the other fields are its `headers`.
   *
   * @default {none: the value is all fields}
   */
  readonly field?: string | undefined;
  /**
   * Milliseconds after which an entry that nobody settles or extends goes to somebody else. The consumer
   * extends what it holds every third of it.
   *
   * @default {30000}
   */
  readonly holdTimeout?: number | undefined;
  /**
   * Where an entry goes whose last attempt has failed: a stream, in which it has its fields, and `error`,
   * `id` and `stream` besides. Without one it is gone once the consumer's `onDeadLetter` had it.
   */
  readonly deadLetter?: { readonly stream: string } | undefined;
  /**
   * Whether an entry that is done, or a dead letter, is deleted from the stream: for one that no other group
   * reads.
   *
   * @default {false}
   */
  readonly remove?: boolean | undefined;
}

/** A delivery of {@linkcode streamSource}. */
export interface StreamDelivery<T = StreamFields> extends Delivery<T> {
  /** The id of the entry. */
  readonly id: string;
  /** Which attempt it is: how often the entry was delivered, interruptions left out. */
  readonly attempt: number;
  /** The other fields, if `field` names the value. */
  readonly headers: StreamFields;
}

/** Milliseconds that a read waits for entries at most: so long a stop may have to wait, at worst. */
const longestBlock = 5_000;

/** Milliseconds beyond that, after which the connection is taken for dead. */
const slack = 3_000;

/** Under this name stands, in the group, what somebody has given back and nobody has taken yet. */
const nobody = "released";

/** The error of an answer says that the group is gone: with its key, or with the server's memory. */
const groupIsGone = /NOGROUP/;

class StreamSource implements Source<unknown> {
  readonly pollInterval = 0;
  /** Short, as the client has pauses of its own between two attempts to connect: a question waits for both. */
  readonly receiveRetry = { delay: 500, maxDelay: 1_500 };
  readonly #options: StreamSourceOptions;
  readonly #holdTimeout: number;
  readonly #key: string;
  readonly #group: string;
  #context!: ServiceContext;
  #send: Send;
  #name = "";
  #reader: Connection | undefined;
  /** What is in hands: their ids, and in which attempt. */
  readonly #held = new Map<string, number>();
  /** When to look next for what others have let go, and where to go on. */
  #claimAt = 0;
  #cursor = "0-0";
  /** Whether something may stand under our name that is in nobody's hands. */
  #strays = false;

  constructor(options: StreamSourceOptions) {
    this.#options = options;
    this.#key = options.stream;
    this.#group = options.group;
    this.#holdTimeout = options.holdTimeout ?? 30_000;
    this.#send = sender(options.client);
  }

  async start(signal: AbortSignal, context: ServiceContext): Promise<void> {
    const { client } = this.#options;
    this.#context = context;
    this.#send = sender(client, context.clock);
    this.#name = `${context.name}-${crypto.randomUUID()}`;
    this.#claimAt = 0;
    this.#strays = false;
    try {
      signal.throwIfAborted();
      await this.#createGroup();
      await this.#connect(signal);
      await this.#removeTheDead();
    } catch (error) {
      this.#disconnect();
      if (signal.aborted) throw signal.reason;
      throw explain(client, `consume stream "${this.#key}" as group "${this.#group}"`, error);
    }
  }

  async receive(
    signal: AbortSignal,
    { max }: ReceiveOptions,
  ): Promise<readonly Delivery<unknown>[]> {
    try {
      const reader = this.#reader ?? await this.#connect(signal);
      if (this.#strays) return await this.#takeStrays(max);
      if (this.#context.clock.now() >= this.#claimAt) {
        const claimed = await this.#claim(max);
        if (claimed.length > 0) return claimed;
      }
      return await this.#read(reader, signal, max);
    } catch (error) {
      signal.throwIfAborted();
      if (groupIsGone.test(textOf(error))) await this.#createGroup();
      throw explain(this.#options.client, `read stream "${this.#key}"`, error);
    }
  }

  /** What a read may have answered in the moment of the stop, the consumer has given back by then. */
  async stop(): Promise<void> {
    this.#disconnect();
    // Who is deleted from the group takes with them what stands under their name.
    const pending = await this.#send(["XPENDING", this.#key, this.#group, "-", "+", 1, this.#name]);
    if ((pending as unknown[]).length > 0) return;
    await this.#send(["XGROUP", "DELCONSUMER", this.#key, this.#group, this.#name]);
  }

  async health(): Promise<void> {
    await this.#send(["PING"], 1_000);
  }

  async #createGroup(): Promise<void> {
    try {
      await this.#send(["XGROUP", "CREATE", this.#key, this.#group, "0", "MKSTREAM"]);
    } catch (error) {
      if (!/BUSYGROUP/.test(textOf(error))) throw error;
    }
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const reader = new Connection(this.#options.client, this.#context.clock);
    try {
      await reader.open(signal);
    } catch (error) {
      reader.close();
      throw error;
    }
    return this.#reader = reader;
  }

  /** Whatever the read was about to answer stands under our name from now on. */
  #disconnect(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#strays = true;
  }

  /** Waits for new entries. Ended by the signal, it answers with what it has, or with nothing. */
  async #read(
    reader: Connection,
    signal: AbortSignal,
    max: number,
  ): Promise<readonly Delivery<unknown>[]> {
    signal.throwIfAborted();
    const wait = Math.min(this.#claimAt - this.#context.clock.now(), longestBlock);
    const block = Math.max(Math.ceil(wait), 1); // 0 would be for ever
    const unlink = link(signal, () => void this.#unblock(reader));
    try {
      const answer = await reader.send([
        ...["XREADGROUP", "GROUP", this.#group, this.#name],
        ...["COUNT", max, "BLOCK", block, "STREAMS", this.#key, ">"],
      ], block + slack);
      return entriesOf(answer).map(([id, fields]) => this.#deliver(id, fields, 1));
    } catch (error) {
      this.#disconnect();
      throw error;
    } finally {
      unlink();
    }
  }

  async #unblock(reader: Connection): Promise<void> {
    try {
      await this.#send(["CLIENT", "UNBLOCK", await reader.id as number]);
    } catch {
      reader.close(); // the read fails; what it was to answer is found again
    }
  }

  /** Takes what somebody has given back, or has held for too long without a sign of life. */
  async #claim(max: number): Promise<readonly Delivery<unknown>[]> {
    const [next, entries, deleted = []] = await this.#send([
      ...["XAUTOCLAIM", this.#key, this.#group, this.#name],
      ...[this.#holdTimeout, this.#cursor, "COUNT", max],
    ]) as [string, unknown[], string[]?];
    this.#cursor = `${next}`;
    if (this.#cursor === "0-0") {
      this.#claimAt = this.#context.clock.now() + Math.min(this.#holdTimeout / 5, longestBlock);
    }
    if (deleted.length > 0) {
      const { logger, name } = this.#context;
      const line =
        `Service "${name}": entries of stream "${this.#key}" were deleted before they were done`;
      log(logger, "error", `${line}: ${deleted.map(String).join(", ")}`);
    }
    return await this.#deliverClaimed(entries);
  }

  /** Takes what stands under our name and is in nobody's hands: a read was cut off as it answered. */
  async #takeStrays(max: number): Promise<readonly Delivery<unknown>[]> {
    const pending = await this.#pending();
    const strays = [...pending.keys()].filter((id) => !this.#held.has(id));
    this.#strays = strays.length > max;
    if (strays.length === 0) return [];
    const ids = strays.slice(0, max);
    const claim = ["XCLAIM", this.#key, this.#group, this.#name, 0, ...ids];
    return await this.#deliverClaimed(await this.#send(claim) as unknown[]);
  }

  /** What stands under our name, and how often it was delivered. */
  async #pending(): Promise<Map<string, number>> {
    const rows = await this.#send([
      ...["XPENDING", this.#key, this.#group, "-", "+", 100_000, this.#name],
    ]) as [string, string, number, number][];
    return new Map(rows.map(([id, , , count]) => [`${id}`, Number(count)]));
  }

  async #deliverClaimed(answer: readonly unknown[]): Promise<readonly Delivery<unknown>[]> {
    const entries = answer.flatMap((it) => it ? [entryOf(it)] : []); // before Redis 7 a deleted one is null
    if (entries.length === 0) return [];
    const counts = await this.#pending();
    return entries.map(([id, fields]) => this.#deliver(id, fields, counts.get(id) ?? 1));
  }

  #deliver(id: string, fields: StreamFields, attempt: number): StreamDelivery<unknown> {
    const { field, deadLetter, remove } = this.#options;
    const { [field ?? ""]: own, ...headers } = fields;
    this.#held.set(id, attempt);
    const act = async (what: string, ...more: readonly (string | number)[]): Promise<boolean> => {
      const keys = deadLetter ? [this.#key, deadLetter.stream] : [this.#key];
      const call = [
        "EVAL",
        settle,
        keys.length,
        ...keys,
        this.#group,
        this.#name,
        id,
        attempt,
        what,
      ];
      return await this.#send([...call, ...more]) === 1;
    };
    const end = (): void => {
      if (this.#held.get(id) === attempt) this.#held.delete(id);
    };
    return {
      id,
      value: field === undefined ? fields : own,
      attempt,
      headers: field === undefined ? {} : headers,
      hold: "lease",
      extendEvery: this.#holdTimeout / 3,
      extend: () => act("extend"),
      // Done is done, whoever holds it by now. One that is repeated finds nothing left to do.
      ack: async () => {
        const command = remove ? ["EVAL", ackAndDelete, 1] : ["XACK"];
        await this.#send([...command, this.#key, this.#group, id]);
        end();
      },
      release: async ({ error }) => {
        end();
        if (
          !await act(
            "release",
            nobody,
            this.#holdTimeout,
            error === undefined ? attempt - 1 : attempt,
          )
        ) {
          return;
        }
        this.#claimAt = 0;
      },
      reject: async (error) => {
        end();
        const what = deadLetter ? remove ? "move" : "copy" : remove ? "remove" : "drop";
        await act(what, textOf(error), ...Object.entries(fields).flat());
      },
    };
  }

  /** Forgets who has died: consumers of our kind that hold nothing, and have not asked for long. */
  async #removeTheDead(): Promise<void> {
    const rows = await this.#send(["XINFO", "CONSUMERS", this.#key, this.#group]) as unknown[];
    for (const row of rows) {
      const { name, pending, idle } = recordOf(row);
      const isOurs = `${name}`.startsWith(`${this.#context.name}-`) && name !== this.#name;
      if (!isOurs || Number(pending) > 0 || Number(idle) < 10 * longestBlock) continue;
      await this.#send(["XGROUP", "DELCONSUMER", this.#key, this.#group, `${name}`]);
    }
  }
}

/**
 * The entries of the one stream that was read. Clients give a list of pairs, or what RESP 3 has, a map: as an
 * object, or as one flat list.
 */
function entriesOf(answer: unknown): [id: string, fields: StreamFields][] {
  if (!answer) return [];
  const [first, second] = Array.isArray(answer) ? answer : Object.entries(answer);
  const entries: unknown[] = Array.isArray(first) ? first[1] : second;
  return entries.map(entryOf);
}

function entryOf(entry: unknown): [id: string, fields: StreamFields] {
  const [id, fields] = entry as [unknown, unknown];
  return [`${id}`, recordOf(fields) as StreamFields];
}

/** Names and values, which come as one flat list, or as a map where the client speaks RESP 3. */
function recordOf(list: unknown): Record<string, unknown> {
  if (!Array.isArray(list)) return list as Record<string, unknown>;
  const record: Record<string, unknown> = {};
  for (let i = 0; i < list.length; i += 2) record[`${list[i]}`] = list[i + 1];
  return record;
}

/**
 * A source over a consumer group of a Redis stream, Redis 6.2 or newer.
 *
 * It connects in `start`, by a connection of its own on which it waits for entries, and makes the group. An
 * entry is its consumer's until that settles it; one that nobody extends for `holdTimeout` ms, as
 * its process has died, is taken by another one within 5 s more. What was interrupted is given back, and
 * does not count as an attempt; what failed is tried again in place. The order of the stream holds among
 * entries that are handled one at a time.
 *
 * In an outage it goes on asking, and finds again what was on its way to it. An entry that was trimmed while
 * somebody held it is gone; its id is logged.
 *
 * @throws {TypeError} If an option is missing or has the wrong type.
 * @throws {RangeError} If `holdTimeout` is 0, negative, `NaN` or not finite.
 *
 * @example Orders, as JSON in the field `order`
 * ```ts ignore
 * import { runHost } from "@runhost/host/node";
 * import { consumer, json } from "@runhost/host/consumers";
 * import { streamSource } from "@runhost/host/redis";
 * import { Redis } from "ioredis";
 *
 * const source = streamSource({
 *   client: new Redis(),
 *   stream: "orders",
 *   group: "mails",
 *   field: "order",
 *   deadLetter: { stream: "orders:dead" },
 * });
 * await runHost([consumer("mails", { source, input: json(), concurrency: 8, handle: sendMail })]);
 * ```
 */
export function streamSource(
  options: StreamSourceOptions & { readonly field: string },
): Source<string>;
/** The same, whose values are all fields of an entry. */
export function streamSource(options: StreamSourceOptions): Source<StreamFields>;
export function streamSource(options: StreamSourceOptions): Source<never> {
  const label = "streamSource options";
  check(label, options, { stream: "", group: "" });
  checkNames(label, options, [
    ...["client", "stream", "group", "field", "holdTimeout", "deadLetter", "remove"],
  ]);
  const { client, field = "", holdTimeout = 30_000, deadLetter, remove = false } = options;
  checkClient(`${label}.client`, client);
  check(label, { field, holdTimeout, remove }, { field: "", holdTimeout: 0, remove: false });
  if (deadLetter !== undefined) check(`${label}.deadLetter`, deadLetter, { stream: "" });
  if (holdTimeout === 0 || holdTimeout === Infinity) {
    throw new RangeError(
      `Cannot use ${label}.holdTimeout: ${holdTimeout} is not positive and finite`,
    );
  }
  return new StreamSource(options) as Source<unknown> as Source<never>;
}
