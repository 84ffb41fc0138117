import { check, checkList, checkNames, nothing } from "../_check.ts";
import { log, textOf } from "../_log.ts";
import { explain } from "./_explain.ts";
import { Session, type SessionOptions, type Taken } from "./_session.ts";
import type { KafkaClient, KafkaMessage } from "./client.ts";
import type { Delivery, ReceiveOptions, Source } from "../consumers/source.ts";
import type { ServiceContext } from "../types.ts";

/**
 * Options of {@linkcode kafkaSource}.
 *
 * @typeParam Client What `kafka` is.
 */
export interface KafkaSourceOptions<Client extends KafkaClient = KafkaClient> {
  /** A client: `new Kafka({ brokers })` of `kafkajs`. All connections are the source's own. */
  readonly kafka: Client;
  /** The consumer group: those of one name share the partitions, and each message goes to one of them. */
  readonly groupId: string;
  /** The topics to consume, one or more, which are there already. */
  readonly topics: readonly string[];
  /**
   * Whether the messages of a partition are handled one after the other, in their order. One that fails holds up
   * its partition until its last attempt, and no other. Without it, messages of a partition are handled side
   * by side.
   *
   * @default {false}
   */
  readonly ordered?: boolean | undefined;
  /**
   * Whether a group that has never committed begins with the oldest message there is; else with the next
   * one that is sent.
   *
   * @default {true}
   */
  readonly fromBeginning?: boolean | undefined;
  /**
   * Where a message goes whose last attempt has failed: a topic that is there, in which it has the headers
   * `x-error`, `x-topic`, `x-partition` and `x-offset` besides its own, and is before it is committed. Without
   * one it is skipped, and a line in the log says which.
   */
  readonly deadLetter?: { readonly topic: string } | undefined;
  /**
   * Further options of `kafka.consumer()`: `sessionTimeout` (30 s), `rebalanceTimeout` (60 s),
   * `maxBytesPerPartition`. `maxWaitTimeInMs` is 500 here, unless it is given.
   */
  readonly consumer?:
    | Omit<Partial<Parameters<Client["consumer"]>[0]>, "groupId" | "allowAutoTopicCreation">
    | undefined;
}

/** A delivery of {@linkcode kafkaSource}. */
export interface KafkaDelivery extends Delivery<Uint8Array | null> {
  /** The topic. */
  readonly topic: string;
  /** The partition of it, from 0. */
  readonly partition: number;
  /** What `kafkajs` gave: with the key, the offset and the time. */
  readonly message: KafkaMessage;
}

class KafkaSource implements Source<Uint8Array | null> {
  readonly pollInterval = 0;
  readonly #options: SessionOptions;
  #context!: ServiceContext;
  #session: Session | undefined;
  /** The broker that has answered last, for messages. */
  #address: string | undefined;

  constructor(options: Omit<SessionOptions, "onAddress">) {
    this.#options = { ...options, onAddress: (address) => (this.#address = address) };
  }

  async start(signal: AbortSignal, context: ServiceContext): Promise<void> {
    this.#context = context;
    await this.#open(signal);
  }

  async receive(
    signal: AbortSignal,
    { max }: ReceiveOptions,
  ): Promise<readonly KafkaDelivery[]> {
    signal.throwIfAborted();
    const session = this.#session?.isOver === false ? this.#session : await this.#open(signal);
    try {
      const taken = await session.receive(signal, max);
      return taken.map((it) => this.#deliver(session, it));
    } catch (error) {
      signal.throwIfAborted();
      throw this.#explain(error);
    }
  }

  stopping(): void {
    this.#session?.stopping();
  }

  async stop(): Promise<void> {
    await this.#session?.close();
    this.#session = undefined;
  }

  async health(signal: AbortSignal): Promise<void> {
    if (!this.#session) throw new Error("It is not connected");
    try {
      await this.#session.ask(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#explain(error);
    }
  }

  async #open(signal: AbortSignal): Promise<Session> {
    this.#session = undefined;
    try {
      return this.#session = await Session.open(this.#options, this.#context, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#explain(error);
    }
  }

  #deliver(session: Session, taken: Taken): KafkaDelivery {
    const { partition: { topic, id }, message, lost } = taken;
    return {
      topic,
      partition: id,
      message,
      value: message.value,
      headers: message.headers ?? {},
      lost,
      ack: () => session.done(taken),
      release: () => session.release(taken),
      reject: async (error) => {
        try {
          if (!lost.aborted) await this.#bury(session, taken, error);
        } catch (failure) {
          session.release(taken); // it would keep its place, and nobody would ever settle it
          throw this.#explain(failure);
        }
        session.done(taken);
      },
    };
  }

  /** Sends a message to the dead letters, or says that it is skipped. */
  async #bury(
    session: Session,
    { partition: { topic, id }, message }: Taken,
    error: unknown,
  ): Promise<void> {
    const { deadLetters } = this.#options;
    const { key, value, offset } = message;
    if (deadLetters === undefined) {
      const { logger, name } = this.#context;
      const which = `offset ${offset} of partition ${id} of "${topic}"`;
      return log(logger, "error", `Service "${name}": skips ${which}, as there is no deadLetter`);
    }
    const headers = {
      ...message.headers,
      "x-error": textOf(error),
      "x-topic": topic,
      "x-partition": `${id}`,
      "x-offset": offset,
    };
    await session.send(deadLetters, { key, value, headers });
  }

  #explain(cause: unknown): Error {
    const { groupId } = this.#options;
    return explain(
      `consume ${this.#options.topics.map((it) => `"${it}"`).join(", ")} as group "${groupId}"`,
      this.#address,
      cause,
    );
  }
}

/**
 * A source over topics of Kafka, by a consumer group. *Preview*: it is tested with a stand-in for a broker, and
 * not yet with a real one.
 *
 * It joins the group in `start`, by one consumer of `kafkajs` which is its own, and by another one when that has
 * broken. Messages are fetched ahead, by partition: one with enough of them is paused until there is room. `kafkajs`
 * is kept waiting for nothing, so its heartbeats go on however long a handler takes.
 *
 * What is done is committed a quarter of a second later, in one call for all, and at the stop: of each partition
 * as far as everything is done. So after a crash, or when a partition moves in a rebalance, what was done but
 * not committed comes again: handlers must bear that. What is held of a partition that has moved is lost, and
 * the handlers' signals abort; so it is with all, when no heartbeat was answered for `sessionTimeout`.
 *
 * Kafka counts no attempts: the consumer tries again in place, and begins anew after a restart.
 *
 * @throws {TypeError} If an option is missing or has the wrong type.
 * @throws {RangeError} If there is no topic.
 *
 * @example Orders, as JSON, in the order of each partition
 * ```ts ignore
 * import { runHost } from "@runhost/host/node";
 * import { consumer, json } from "@runhost/host/consumers";
 * import { kafkaSource } from "@runhost/host/kafka";
 * import { Kafka } from "kafkajs";
 *
 * const source = kafkaSource({
 *   kafka: new Kafka({ brokers: ["localhost:9092"] }),
 *   groupId: "mails",
 *   topics: ["orders"],
 *   ordered: true,
 *   deadLetter: { topic: "orders.dead" },
 * });
 * await runHost([consumer("mails", { source, input: json(), concurrency: 8, handle: sendMail })]);
 * ```
 *
 * @typeParam Client What `kafka` is.
 */
export function kafkaSource<Client extends KafkaClient>(
  options: KafkaSourceOptions<Client>,
): Source<Uint8Array | null> {
  const label = "kafkaSource options";
  const client = { consumer: nothing, admin: nothing, producer: nothing };
  check(label, options, { kafka: client, groupId: "" });
  checkNames(label, options, [
    ...["kafka", "groupId", "topics", "ordered", "fromBeginning", "deadLetter", "consumer"],
  ]);
  const { kafka, groupId, topics, deadLetter, consumer = {} } = options;
  const { ordered = false, fromBeginning = true } = options;
  if (typeof topics === "string") check(`${label}.topics`, topics, {});
  checkList(`${label}.topics`, topics);
  const names = [...topics];
  names.forEach((it, i) => check(`${label}.topics[${i}]`, it, ""));
  if (names.length === 0) throw new RangeError(`Cannot use ${label}.topics: there is none`);
  check(label, { ordered, fromBeginning, consumer }, {
    ordered: false,
    fromBeginning: false,
    consumer: {},
  });
  if (deadLetter !== undefined) check(`${label}.deadLetter`, deadLetter, { topic: "" });
  const deadLetters = deadLetter?.topic;
  return new KafkaSource({
    ...{ kafka, groupId, topics: names, ordered, fromBeginning, deadLetters },
    consumer: consumer as SessionOptions["consumer"],
  });
}
