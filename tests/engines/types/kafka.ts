/** Compiled, never run: the client is what the entry writes down of it. */
import { Kafka } from "kafkajs";
import type { Source } from "@runhost/host/consumers";
import { kafkaSource } from "@runhost/host/kafka";

const kafka = new Kafka({ brokers: ["localhost:9092"] });
kafkaSource({
  kafka,
  groupId: "mails",
  topics: ["orders"],
  ordered: true,
  fromBeginning: false,
  deadLetter: { topic: "orders.dead" },
  consumer: { sessionTimeout: 10_000, maxBytesPerPartition: 65_536 },
}) satisfies Source<Uint8Array | null>;
kafkaSource({ kafka, groupId: "mails", topics: ["orders"] });

// @ts-expect-error -- a group is needed
kafkaSource({ kafka, topics: ["orders"] });
// @ts-expect-error -- its consumer is its own
kafkaSource({ kafka: kafka.consumer({ groupId: "mails" }), groupId: "mails", topics: ["orders"] });
// @ts-expect-error -- kafkajs has no such option
kafkaSource({ kafka, groupId: "mails", topics: ["orders"], consumer: { sessionTimeOut: 1 } });
