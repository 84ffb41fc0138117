/**
 * Kafka: a source over topics, by a consumer group. The client is yours: `kafkajs`. Preview: not tried with a
 * real broker yet.
 *
 * ```ts ignore
 * import { runHost } from "@runhost/host/node";
 * import { consumer, json } from "@runhost/host/consumers";
 * import { kafkaSource } from "@runhost/host/kafka";
 * import { Kafka } from "kafkajs";
 *
 * const kafka = new Kafka({ brokers: ["localhost:9092"] });
 * const source = kafkaSource({ kafka, groupId: "mails", topics: ["orders"], ordered: true });
 * await runHost([consumer("mails", { source, input: json(), handle: (order) => console.log(order) })]);
 * ```
 *
 * @module
 */

export type {
  KafkaAdmin,
  KafkaBatch,
  KafkaBatchPayload,
  KafkaClient,
  KafkaConsumer,
  KafkaConsumerEvent,
  KafkaEvent,
  KafkaMessage,
  KafkaProducer,
  KafkaProducerMessage,
} from "./client.ts";
export { type KafkaDelivery, kafkaSource, type KafkaSourceOptions } from "./kafka_source.ts";
