import { kafkaSource } from "../../../../src/kafka/mod.ts";
import { load } from "../../_client.ts";
import { kafkaLag } from "../../_kafka_lag.ts";
import { kafka as server } from "../../servers/kafka.ts";
import type { DrillEngine } from "./_engine.ts";

/** As short as brokers allow: what a killed worker had is given to another one after that. */
const timeouts = { sessionTimeout: 6_000, rebalanceTimeout: 6_000, heartbeatInterval: 500 };

// deno-lint-ignore no-explicit-any -- the types of a client are compared in types/
async function clientOf(url: string): Promise<any> {
  const { Kafka, logLevel } = await load("kafkajs");
  return new Kafka({ brokers: url.split(","), logLevel: logLevel.NOTHING });
}

export const kafka: DrillEngine = {
  server,
  sessionTimeout: timeouts.sessionTimeout,
  async open({ url, queue }) {
    return {
      services: [],
      source: kafkaSource({
        kafka: await clientOf(url),
        groupId: queue,
        topics: [queue],
        deadLetter: { topic: `${queue}.dead` },
        consumer: timeouts,
      }),
    };
  },
  async connect({ url, queue }) {
    const client = await clientOf(url);
    const admin = client.admin();
    await admin.connect();
    await admin.fetchTopicMetadata({ topics: [queue, `${queue}.dead`] }); // the stand-in makes them
    return {
      async send(texts) {
        const producer = client.producer();
        await producer.connect();
        await producer.send({ topic: queue, messages: texts.map((value) => ({ value })) });
        await producer.disconnect();
      },
      left: () => kafkaLag(admin, queue, queue),
      async deadLetters() {
        const topic = `${queue}.dead`;
        const ends: { high: string }[] = await admin.fetchTopicOffsets(topic);
        const count = ends.reduce((sum, { high }) => sum + Number(high), 0);
        const texts: string[] = [];
        if (count === 0) return texts;
        const reader = client.consumer({ groupId: `${queue}.reader`, maxWaitTimeInMs: 100 });
        await reader.connect();
        await reader.subscribe({ topics: [topic], fromBeginning: true });
        await new Promise<void>((resolve) => {
          reader.run({
            async eachMessage({ message }: { message: { value: Uint8Array } }) {
              if (texts.push(new TextDecoder().decode(message.value)) === count) resolve();
            },
          });
        });
        await reader.disconnect();
        return texts;
      },
      close: () => admin.disconnect(),
    };
  },
};
