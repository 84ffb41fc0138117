import type {
  KafkaAdmin,
  KafkaBatchPayload,
  KafkaClient,
  KafkaConsumer,
  KafkaEvent,
  KafkaMessage,
  KafkaProducer,
} from "../src/kafka/mod.ts";

type Listener = (event: KafkaEvent) => void;

/** One commit, as text: `orders/0@3 orders/1@7`. */
export type Commit = string;

/**
 * Brokers and their client, in memory, as far as `kafkajs` shows them: topics with partitions, one group, whose
 * members share those. What a member is not paused in is fetched in the next microtasks.
 */
export class FakeKafka implements KafkaClient {
  readonly topics: Map<string, KafkaMessage[][]> = new Map();
  readonly committed: Map<string, string> = new Map();
  readonly commits: Commit[] = [];
  readonly members: FakeConsumer[] = [];
  /** All that were ever made, in order. */
  readonly consumers: FakeConsumer[] = [];
  /** How many connections are open. */
  connections = 0;
  /** What all calls fail with; they hang if it is `true`. */
  outage: Error | true | undefined;
  /** What commits wait for before they are made. */
  commitsWaitFor: Promise<void> | undefined;
  /** What commits fail with. */
  refusesCommits: Error | undefined;
  /** How many messages a fetch gives. */
  batch: number = Infinity;
  #names = 0;

  constructor(topics: Readonly<Record<string, number>> = { orders: 1 }) {
    for (const [topic, count] of Object.entries(topics)) {
      this.topics.set(topic, Array.from({ length: count }, () => []));
    }
  }

  consumer(options: { readonly groupId: string }): FakeConsumer {
    const made = new FakeConsumer(this, options);
    this.consumers.push(made);
    return made;
  }

  admin(): KafkaAdmin {
    let tell: Listener = () => {};
    return {
      ...this.#connection(),
      on: (_event, listener) => void (tell = listener),
      fetchTopicMetadata: async ({ topics }) => {
        await this.answer();
        tell({ payload: { broker: "kafka-1:9092" } });
        if (topics.every((it) => this.topics.has(it))) return;
        throw protocolError("UNKNOWN_TOPIC_OR_PARTITION");
      },
    };
  }

  producer(): KafkaProducer {
    return {
      ...this.#connection(),
      send: async ({ topic, messages }) => {
        await this.answer();
        for (const { value, ...rest } of messages) {
          this.send(topic, 0, value && new TextDecoder().decode(value), rest);
        }
      },
    };
  }

  #connection(): { connect(): Promise<void>; disconnect(): Promise<void> } {
    let open = 0;
    return {
      connect: async () => {
        await this.answer();
        open++;
        this.connections++;
      },
      disconnect: async () => {
        this.connections -= open;
        open = 0;
      },
    };
  }

  /** What a call comes to. */
  async answer(): Promise<void> {
    await undefined;
    if (this.outage === true) await new Promise(() => {});
    if (this.outage) throw this.outage;
  }

  /** Puts a message into a partition. */
  send(topic: string, partition: number, text: string | null, rest: object = {}): void {
    const log = this.topics.get(topic)![partition]!;
    log.push({
      key: null,
      value: text === null ? null : new TextEncoder().encode(text),
      offset: `${log.length}`,
      timestamp: "0",
      ...rest,
    });
    for (const member of this.members) member.fetch();
  }

  /** The texts of a topic. */
  texts(topic: string): (string | undefined)[] {
    return this.topics.get(topic)!.flat().map((it) => it.value ? text(it.value) : undefined);
  }

  join(member: FakeConsumer): void {
    member.memberId = `member-${++this.#names}`;
    this.members.push(member);
    this.rebalance();
  }

  leave(member: FakeConsumer): void {
    const at = this.members.indexOf(member);
    if (at < 0) return;
    this.members.splice(at, 1);
    member.assigned = [];
    this.rebalance();
  }

  /** Gives each partition to one member, in turn: all begin where they have committed. */
  rebalance(): void {
    for (const it of this.members) {
      it.assigned = [];
      it.emit("consumer.rebalancing", {});
    }
    let turn = 0;
    for (const [topic, partitions] of this.topics) {
      for (const id of partitions.keys()) {
        const subscribed = this.members.filter((it) => it.topics.includes(topic));
        subscribed[turn++ % subscribed.length]?.assigned.push([topic, id]);
      }
    }
    for (const it of this.members) it.joined();
  }
}

/** A consumer of {@linkcode FakeKafka}. */
export class FakeConsumer implements KafkaConsumer {
  readonly #kafka: FakeKafka;
  readonly options: object;
  readonly #listeners = new Map<string, Listener[]>();
  memberId = "";
  topics: readonly string[] = [];
  assigned: [topic: string, partition: number][] = [];
  readonly paused: Set<string> = new Set();
  /** Where the next fetch begins. */
  readonly #positions = new Map<string, number>();
  #eachBatch: ((payload: KafkaBatchPayload) => Promise<void>) | undefined;
  #connected = false;
  disconnected = false;

  constructor(kafka: FakeKafka, options: object) {
    this.#kafka = kafka;
    this.options = options;
  }

  async connect(): Promise<void> {
    await this.#kafka.answer();
    this.#kafka.connections++;
    this.#connected = true;
  }

  async subscribe({ topics }: { readonly topics: string[] }): Promise<void> {
    await this.#kafka.answer();
    this.topics = topics;
  }

  async run(
    options: { readonly eachBatch: typeof FakeConsumer.prototype.eachBatch },
  ): Promise<void> {
    this.#eachBatch = options.eachBatch;
    try {
      await this.#kafka.answer();
    } catch (error) {
      return this.crash(error);
    }
    this.#kafka.join(this);
  }

  eachBatch(payload: KafkaBatchPayload): Promise<void> {
    return this.#eachBatch!(payload);
  }

  async commitOffsets(
    offsets: { readonly topic: string; readonly partition: number; readonly offset: string }[],
  ): Promise<void> {
    await this.#kafka.answer();
    await this.#kafka.commitsWaitFor;
    if (this.#kafka.refusesCommits) throw this.#kafka.refusesCommits;
    if (!this.#kafka.members.includes(this)) throw protocolError("UNKNOWN_MEMBER_ID");
    const texts = offsets.map(({ topic, partition, offset }) => {
      this.#kafka.committed.set(`${topic}/${partition}`, offset);
      return `${topic}/${partition}@${offset}`;
    });
    this.#kafka.commits.push(texts.join(" "));
  }

  async disconnect(): Promise<void> {
    this.disconnected = true;
    if (this.#connected) this.#kafka.connections--;
    this.#connected = false;
    this.#kafka.leave(this);
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...this.#listeners.get(event) ?? [], listener]);
  }

  emit(event: string, payload: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener({ payload });
  }

  beat(): void {
    this.emit("consumer.heartbeat", {});
  }

  /** What `kafkajs` does with what it cannot bear. */
  crash(error: unknown): void {
    this.#kafka.leave(this);
    this.emit("consumer.crash", { error, restart: false });
  }

  joined(): void {
    const memberAssignment: Record<string, number[]> = {};
    for (const [topic, id] of this.assigned) {
      (memberAssignment[topic] ??= []).push(id);
      const key = `${topic}/${id}`;
      this.#positions.set(key, Number(this.#kafka.committed.get(key) ?? 0));
    }
    this.emit("consumer.group_join", { memberId: this.memberId, memberAssignment });
    this.fetch();
  }

  /** Has all that can be fetched handled, in the next microtasks. */
  fetch(): void {
    void Promise.resolve().then(() => this.#fetch());
  }

  async #fetch(): Promise<void> {
    if (!this.#kafka.members.includes(this) || this.#kafka.outage) return;
    for (const [topic, partition] of [...this.assigned]) {
      const key = `${topic}/${partition}`;
      const log = this.#kafka.topics.get(topic)![partition]!;
      const from = this.#positions.get(key) ?? 0;
      const messages = log.filter((it) => Number(it.offset) >= from).slice(0, this.#kafka.batch);
      if (this.paused.has(key) || messages.length === 0) continue;
      const last = messages.at(-1)!.offset;
      this.#positions.set(key, Number(last) + 1);
      const pause = (): () => void => {
        this.paused.add(key);
        return () => {
          this.paused.delete(key);
          this.fetch();
        };
      };
      const batch = { topic, partition, messages, lastOffset: () => last };
      await this.eachBatch({ batch, pause });
      this.fetch();
    }
  }
}

/** An error as `kafkajs` makes them of an answer. */
export function protocolError(type: string): Error {
  const messages: Record<string, string> = {
    UNKNOWN_TOPIC_OR_PARTITION: "This server does not host this topic-partition",
    GROUP_AUTHORIZATION_FAILED: "Not authorized to access group: Group authorization failed",
    UNKNOWN_MEMBER_ID: "The coordinator is not aware of this member",
    REBALANCE_IN_PROGRESS: "The group is rebalancing, so a rejoin is needed",
  };
  const error = Object.assign(new Error(messages[type]), { type });
  error.name = "KafkaJSProtocolError";
  return error;
}

/** A value as text. */
export function text(value: Uint8Array | null): string {
  return new TextDecoder().decode(value!);
}
