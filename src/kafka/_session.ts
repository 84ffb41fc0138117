import { nothing } from "../_check.ts";
import { deferred } from "../_deferred.ts";
import { link } from "../_abort.ts";
import { log } from "../_log.ts";
import { type Clear, startTimer } from "../_time/timer.ts";
import { within } from "../_time/within.ts";
import { type Entry, Partition } from "./_partition.ts";
import type {
  KafkaAdmin,
  KafkaBatchPayload,
  KafkaClient,
  KafkaConsumer,
  KafkaMessage,
  KafkaProducer,
} from "./client.ts";
import type { ServiceContext } from "../types.ts";

/** Milliseconds in which all connections are open, or the try has failed. `kafkajs` itself tries for about 10 s. */
const openLimit = 15_000;

/**
 * Milliseconds that a start waits for its place in the group: long enough for a refusal. A group that waits
 * for a dead member takes longer, and keeps nobody from starting.
 */
const joinLimit = 10_000;

/** Milliseconds that an answer to a question may take. */
const callLimit = 10_000;

/** Milliseconds that a goodbye may take: then the connections are left to themselves. */
const goodbyeLimit = 5_000;

/** Milliseconds from the first message that is done to the commit that says so, and those done meanwhile. */
const commitDelay = 250;

/** Milliseconds until a commit that has failed is tried again. */
const commitRetry = 1_000;

/** Milliseconds that a broker waits for messages, so that a partition with room again is soon asked for. */
const fetchWait = 500;

/** How a session is opened. */
export interface SessionOptions {
  readonly kafka: KafkaClient;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly fromBeginning: boolean;
  readonly ordered: boolean;
  /** Where dead letters go, if anywhere. */
  readonly deadLetters: string | undefined;
  /** Is told of the broker that has answered last. */
  readonly onAddress: (address: string) => void;
  /** Further options of the consumer of `kafkajs`. */
  readonly consumer: {
    readonly sessionTimeout?: number;
    readonly rebalanceTimeout?: number;
    readonly retry?: object;
  };
}

/** A message in somebody's hands. */
export interface Taken {
  readonly partition: Partition;
  readonly entry: Entry;
  readonly message: KafkaMessage;
  readonly lost: AbortSignal;
}

/** Membership in a group, from its begin to its end: what is held by it is lost when it ends. */
export class Session {
  readonly #options: SessionOptions;
  readonly #context: ServiceContext;
  readonly #consumer: KafkaConsumer;
  readonly #admin: KafkaAdmin;
  readonly #producer: KafkaProducer | undefined;
  readonly #sessionTimeout: number;
  readonly #rebalanceTimeout: number;
  /** By topic and number. */
  #partitions = new Map<string, Partition>();
  /** Which of them is asked first, the next time. */
  #turn = 0;
  #memberId: string | undefined;
  /** Settles when `kafkajs` has connected, and has joined the group or given up. */
  #opening: Promise<unknown> = Promise.resolve();
  readonly #joined = deferred();
  #clearWatch: Clear = nothing;
  #clearCommit: Clear | undefined;
  #committing: Promise<boolean> | undefined;
  /** Whether the log says that commits fail. */
  #saidFailing = false;
  #stopping = false;
  #end: { readonly error: unknown } | undefined;
  #wake: () => void = nothing;

  private constructor(options: SessionOptions, context: ServiceContext) {
    this.#options = options;
    this.#context = context;
    const { kafka, groupId, consumer, deadLetters, onAddress } = options;
    const { sessionTimeout = 30_000, rebalanceTimeout = 60_000 } = consumer;
    this.#sessionTimeout = sessionTimeout;
    this.#rebalanceTimeout = rebalanceTimeout;
    const settings = {
      maxWaitTimeInMs: fetchWait,
      ...consumer,
      groupId,
      allowAutoTopicCreation: false,
      retry: {
        // A blip is none of ours; what lasts is, as nobody else would notice.
        retries: Number.MAX_SAFE_INTEGER,
        maxRetryTime: 4_000,
        ...consumer.retry,
        restartOnFailure: () => Promise.resolve(false),
      },
    };
    this.#consumer = kafka.consumer(settings);
    this.#admin = kafka.admin();
    this.#producer = deadLetters === undefined ? undefined : kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: () => partitionOf,
    });
    this.#joined.promise.catch(nothing);
    this.#admin.on("admin.network.request", ({ payload }) => onAddress(payload.broker));
    this.#consumer.on("consumer.heartbeat", () => this.#watch(this.#sessionTimeout));
    this.#consumer.on("consumer.rebalancing", () => {
      this.#watch(this.#rebalanceTimeout + this.#sessionTimeout);
      void this.#commit(); // whoever gets a partition goes on from here
    });
    this.#consumer.on("consumer.group_join", ({ payload }) => this.#join(payload));
    this.#consumer.on("consumer.crash", ({ payload }) => this.over(payload.error));
  }

  /** Opens one; fails with what is in its way, or when its time is over. */
  static async open(
    options: SessionOptions,
    context: ServiceContext,
    signal: AbortSignal,
  ): Promise<Session> {
    signal.throwIfAborted();
    const session = new Session(options, context);
    const { clock } = context;
    try {
      const message = `Waited ${openLimit} ms for Kafka to open connections`;
      const connecting = session.#opening = session.#connect();
      await within(connecting, { limit: { clock, ms: openLimit, message }, signal });
      session.#run();
      await session.#waitForGroup(signal);
      return session;
    } catch (error) {
      session.over(error);
      throw error;
    }
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  async #connect(): Promise<void> {
    const { topics, fromBeginning, deadLetters } = this.#options;
    await this.#admin.connect();
    for (const topic of deadLetters === undefined ? topics : [...topics, deadLetters]) {
      await this.#admin.fetchTopicMetadata({ topics: [topic] }).catch((cause) => {
        throw new Error(`topic "${topic}": ${cause.message}`, { cause });
      });
    }
    this.throwIfOver();
    await this.#producer?.connect();
    this.throwIfOver();
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning });
    this.throwIfOver();
  }

  #run(): void {
    this.#watch(this.#rebalanceTimeout + this.#sessionTimeout);
    const options = {
      autoCommit: false, // it would commit what is only on its way
      eachBatch: (payload: KafkaBatchPayload) => Promise.resolve(this.#take(payload)),
    };
    const running = this.#opening = this.#consumer.run(options);
    running.catch((error) => this.over(error));
  }

  async #waitForGroup(signal: AbortSignal): Promise<void> {
    const over = deferred();
    const clear = startTimer(this.#context.clock, joinLimit, over.resolve);
    try {
      await within(Promise.race([this.#joined.promise, over.promise]), { signal });
    } finally {
      clear();
    }
  }

  /** Is called for a batch of one partition; keeps `kafkajs` from nothing, heartbeats least of all. */
  #take({ batch, pause }: KafkaBatchPayload): void {
    if (this.isOver || this.#stopping) return void pause();
    const key = keyOf(batch.topic, batch.partition);
    let partition = this.#partitions.get(key);
    if (partition?.beginsAnewWith(batch)) {
      partition.lose(`Partition ${batch.partition} of "${batch.topic}" has begun anew`);
      partition = undefined;
    }
    if (!partition) {
      partition = new Partition(batch.topic, batch.partition);
      this.#partitions.set(key, partition);
    }
    partition.add(batch);
    partition.regulate(pause);
    this.#commitLater(commitDelay);
    this.#wake();
  }

  /** We have a place in the group, anew perhaps: loses what others have got. */
  #join({ memberId, memberAssignment }: {
    readonly memberId: string;
    readonly memberAssignment: Readonly<Record<string, readonly number[]>>;
  }): void {
    if (this.isOver) return;
    // Whoever gets another name was away, and what was theirs may have been somebody else's.
    const stayed = this.#memberId === memberId;
    this.#memberId = memberId;
    this.#watch(this.#sessionTimeout);
    for (const [key, partition] of this.#partitions) {
      const { topic, id } = partition;
      if (stayed && memberAssignment[topic]?.includes(id)) continue;
      this.#partitions.delete(key);
      partition.lose(`Partition ${id} of "${topic}" has moved to another consumer of the group`);
    }
    this.#joined.resolve();
  }

  /** Somebody has answered: ends the session unless somebody does so again in time. */
  #watch(ms: number): void {
    this.#clearWatch();
    if (this.isOver) return;
    this.#clearWatch = startTimer(this.#context.clock, ms, () => {
      this.over(new Error(`Waited ${ms} ms for a heartbeat to be answered`));
    });
  }

  /** Waits for messages, and hands out at most `max`: of each partition in its turn. */
  async receive(signal: AbortSignal, max: number): Promise<readonly Taken[]> {
    for (;;) {
      signal.throwIfAborted();
      this.throwIfOver();
      const taken = this.#stopping ? [] : this.#takeWaiting(max);
      if (taken.length > 0 || this.#stopping) return taken;
      let unlink = nothing;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        unlink = link(signal, () => resolve());
      });
      unlink();
    }
  }

  #takeWaiting(max: number): Taken[] {
    const partitions = [...this.#partitions.values()];
    const taken: Taken[] = [];
    for (let empty = 0; empty < partitions.length && taken.length < max;) {
      const partition = partitions[this.#turn++ % partitions.length] as Partition;
      const next = partition.take(this.#options.ordered);
      if (!next) {
        empty++;
        continue;
      }
      empty = 0;
      partition.refill();
      const { entry, lost } = next;
      taken.push({ partition, entry, message: entry.message as KafkaMessage, lost });
    }
    return taken;
  }

  /** A message is done. */
  done({ partition, entry }: Taken): void {
    partition.done(entry);
    this.#commitLater(commitDelay);
    this.#settled(partition);
  }

  /** A message is not done: it comes again, here or, after a stop, wherever the partition is. */
  release({ partition, entry }: Taken): void {
    partition.release(entry);
    this.#settled(partition);
  }

  #settled(partition: Partition): void {
    if (!this.#stopping) partition.refill();
    this.#wake(); // the next one of an ordered partition
  }

  #commitLater(ms: number): void {
    if (this.isOver) return;
    this.#clearCommit ??= startTimer(this.#context.clock, ms, () => {
      this.#clearCommit = undefined;
      void this.#commit();
    });
  }

  /** Commits what is done, in one call; gives whether all of it is. One call at a time. */
  #commit(): Promise<boolean> {
    return this.#committing ??= this.#commitAll().finally(() => (this.#committing = undefined));
  }

  async #commitAll(): Promise<boolean> {
    const offsets = [];
    for (const partition of this.#partitions.values()) {
      const offset = partition.uncommitted;
      if (offset !== undefined) offsets.push({ partition, offset });
    }
    if (offsets.length === 0 || this.isOver) return true;
    try {
      await this.#consumer.commitOffsets(
        offsets.map(({ partition: { topic, id }, offset }) => ({ topic, partition: id, offset })),
      );
      for (const { partition, offset } of offsets) {
        partition.committed(offset);
        partition.refill();
      }
      const isMore = [...this.#partitions.values()].some((it) => it.uncommitted !== undefined);
      if (isMore) this.#commitLater(commitDelay); // it was done meanwhile
      this.#saidFailing = false;
      if (!this.#stopping) this.#wake();
      return true;
    } catch (error) {
      // In a rebalance it is refused, and tried again after that: for what is still ours.
      if (!this.#saidFailing) {
        const { logger, name } = this.#context;
        log(logger, "warn", `Service "${name}": a commit has failed, and is tried again`, {
          error,
        });
      }
      this.#saidFailing = true;
      this.#commitLater(commitRetry);
      return false;
    }
  }

  /** Sends a dead letter; resolves when the brokers have it. */
  async send(topic: string, message: object): Promise<void> {
    this.throwIfOver();
    const sent = (this.#producer as KafkaProducer).send({ topic, messages: [message as never] });
    await this.#answer(sent, `a message to be in "${topic}"`);
  }

  /** Fails unless the brokers answer, and have the topics. */
  async ask(signal: AbortSignal): Promise<void> {
    this.throwIfOver();
    const { topics } = this.#options;
    await this.#answer(this.#admin.fetchTopicMetadata({ topics: [...topics] }), "topics", signal);
  }

  #answer<T>(call: Promise<T>, what: string, signal?: AbortSignal): Promise<T> {
    call.catch(nothing);
    const message = `Waited ${callLimit} ms for Kafka to answer: ${what}`;
    return within(call, {
      limit: { clock: this.#context.clock, ms: callLimit, message },
      signal,
    });
  }

  /** It has ended, or whoever knows says so: what is held is held no longer. */
  over(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    this.#clearWatch();
    this.#clearCommit?.();
    this.#joined.reject(error);
    for (const partition of this.#partitions.values()) {
      partition.lose("The connection to Kafka is gone", error);
    }
    this.#partitions.clear();
    this.#wake();
    void this.#leave();
  }

  /** @throws {Error} What has ended it, if anything has. */
  throwIfOver(): void {
    if (this.#end) throw this.#end.error;
  }

  /**
   * Takes nothing more, and forgets what nobody holds yet: it is not committed. Goes on with heartbeats, so that
   * nobody gets what is in hands.
   */
  stopping(): void {
    this.#stopping = true;
    for (const partition of this.#partitions.values()) partition.clear();
    this.#wake();
  }

  /** Closes it: the last commit first, as it would be refused once the group is left. */
  async close(): Promise<void> {
    if (this.isOver) return;
    const { clock, logger, name } = this.#context;
    const committed = await within(this.#commitLast(), {
      limit: { clock, ms: goodbyeLimit, message: `Waited ${goodbyeLimit} ms for the last commit` },
    }).catch((error) => error as Error);
    if (committed !== undefined) {
      const what = "what was done last is not committed, and comes again";
      log(logger, "warn", `Service "${name}": ${what}`, { error: committed });
    }
    if (this.isOver) return;
    this.#end = { error: new Error("The connection to Kafka was closed") };
    this.#clearWatch();
    this.#clearCommit?.();
    await this.#leave();
  }

  async #commitLast(): Promise<void> {
    await this.#committing; // it may be about less
    while (!await this.#commit()) {
      if (this.isOver) return;
      await new Promise<void>((resolve) => startTimer(this.#context.clock, commitDelay, resolve));
    }
  }

  async #leave(): Promise<void> {
    const message = "Kafka did not answer a goodbye";
    const limit = { clock: this.#context.clock, ms: goodbyeLimit, message };
    // Who is told to go while they are joining joins all the same, and stays.
    await within(this.#opening, { limit }).catch(nothing);
    const all = [this.#consumer, this.#admin, this.#producer];
    await Promise.allSettled(
      all.map(async (it) => it && await within(it.disconnect(), { limit })),
    );
  }
}

function keyOf(topic: string, id: number): string {
  return `${id} ${topic}`;
}

/** Keeps dead letters of one partition together, in their order. */
function partitionOf({ partitionMetadata, message }: {
  readonly partitionMetadata: readonly { readonly partitionId: number }[];
  readonly message: { readonly headers?: Readonly<Record<string, unknown>> };
}): number {
  const from = Number(message.headers?.["x-partition"]);
  return partitionMetadata[from % partitionMetadata.length]?.partitionId ?? 0;
}
