/** What is used of a message of `kafkajs`. */
export interface KafkaMessage {
  /** What its sender chose the partition by. */
  readonly key: Uint8Array | null;
  /** Its body; `null` says that what the key stands for is gone. */
  readonly value: Uint8Array | null;
  /** Where it stands in its partition. */
  readonly offset: string;
  /** Milliseconds since 1970, when it was sent or stored. */
  readonly timestamp: string;
  /** What its sender said of it. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
}

/** What is used of what `kafkajs` has fetched: messages of one partition. */
export interface KafkaBatch {
  /** The topic. */
  readonly topic: string;
  /** The partition of it, from 0. */
  readonly partition: number;
  /** In their order, never none. */
  readonly messages: readonly KafkaMessage[];
  /** The last offset that was fetched, perhaps that of something that is no message. */
  lastOffset(): string;
}

/** What is used of what `eachBatch` is called with. */
export interface KafkaBatchPayload {
  /** What was fetched. */
  readonly batch: KafkaBatch;
  /** Fetches nothing more of the partition, until what it returns is called. */
  pause(): () => void;
}

/** What is used of an event of `kafkajs`. */
export interface KafkaEvent {
  /** What it says; differs for each event. */
  // deno-lint-ignore no-explicit-any -- the events of kafkajs are typed by their names
  readonly payload: any;
}

/** What is used of a consumer of `kafkajs`. */
export interface KafkaConsumer {
  /** Connects. */
  connect(): Promise<void>;
  /** Says what is to be consumed. */
  subscribe(options: { readonly topics: string[]; readonly fromBeginning: boolean }): Promise<void>;
  /** Joins the group, and fetches from then on. */
  run(options: {
    readonly autoCommit: boolean;
    readonly eachBatch: (payload: KafkaBatchPayload) => Promise<void>;
  }): Promise<void>;
  /** Says where each partition goes on after a restart. */
  commitOffsets(
    offsets: { readonly topic: string; readonly partition: number; readonly offset: string }[],
  ): Promise<void>;
  /** Leaves the group, and closes the connections. */
  disconnect(): Promise<void>;
  /** Tells of heartbeats, rebalances and the end. */
  on(event: KafkaConsumerEvent, listener: (event: KafkaEvent) => void): unknown;
}

/** The events of a consumer that are listened to. */
export type KafkaConsumerEvent =
  | "consumer.heartbeat"
  | "consumer.rebalancing"
  | "consumer.group_join"
  | "consumer.crash";

/** What is used of an administrator of `kafkajs`. */
export interface KafkaAdmin {
  /** Connects. */
  connect(): Promise<void>;
  /** Fails if one of the topics is not there, or may not be seen. */
  fetchTopicMetadata(options: { topics: string[] }): Promise<unknown>;
  /** Closes the connections. */
  disconnect(): Promise<void>;
  /** Tells of each request, and of the broker that has answered it. */
  on(event: "admin.network.request", listener: (event: KafkaEvent) => void): unknown;
}

/** A message as a producer of `kafkajs` takes it. */
export interface KafkaProducerMessage {
  /** What its partition is chosen by. */
  readonly key: never;
  /** Its body. */
  readonly value: never;
  /** What travels beside it. */
  readonly headers: never;
}

/** What is used of a producer of `kafkajs`. */
export interface KafkaProducer {
  /** Connects. */
  connect(): Promise<void>;
  /** Sends; resolves when all replicas that are in sync have it. */
  send(record: {
    readonly topic: string;
    readonly messages: KafkaProducerMessage[];
  }): Promise<unknown>;
  /** Closes the connections. */
  disconnect(): Promise<void>;
}

/** What is used of a client of `kafkajs`: `new Kafka({ brokers })`. It holds no connection of its own. */
export interface KafkaClient {
  /** Makes a consumer. */
  consumer(options: { readonly groupId: string }): KafkaConsumer;
  /** Makes an administrator. */
  admin(): KafkaAdmin;
  /** Makes a producer. */
  producer(options: object): KafkaProducer;
}
