import { Buffer } from "node:buffer";
import { delay } from "../../../../mod.ts";
import { rabbitSource } from "../../../../src/rabbitmq/mod.ts";
import { load } from "../../_client.ts";
import { rabbitmq as server } from "../../servers/rabbitmq.ts";
import type { DrillEngine } from "./_engine.ts";

// deno-lint-ignore no-explicit-any -- the types of a client are compared in types/
async function declare(channel: any, queue: string): Promise<void> {
  await channel.assertQueue(queue, { arguments: { "x-queue-type": "quorum" } });
  await channel.assertQueue(`${queue}.dead`);
}

export const rabbitmq: DrillEngine = {
  server,
  async open({ url, queue }) {
    const { default: amqp } = await load("amqplib");
    return {
      services: [],
      source: rabbitSource({
        connect: () => amqp.connect(url),
        queue,
        setup: (channel) => declare(channel, queue),
        deadLetter: { queue: `${queue}.dead` },
      }),
    };
  },
  async connect({ url, queue }) {
    const { default: amqp } = await load("amqplib");
    const connection = await amqp.connect(url);
    connection.on("error", () => {}); // what is asked for then fails
    const channel = await connection.createConfirmChannel();
    await declare(channel, queue);
    return {
      async send(texts) {
        for (const text of texts) {
          channel.sendToQueue(queue, Buffer.from(text), { persistent: true });
        }
        await channel.waitForConfirms();
        // A quorum queue that was declared right before a kill -9 of its only server never answers again, to
        // nobody: the server writes down what it has declared a moment later.
        await delay(3_000);
      },
      left: async () => (await channel.checkQueue(queue)).messageCount,
      async deadLetters() {
        const texts: string[] = [];
        for (;;) {
          const message = await channel.get(`${queue}.dead`, { noAck: true });
          if (!message) return texts;
          texts.push(new TextDecoder().decode(message.content));
        }
      },
      async close() {
        await channel.close();
        await connection.close();
      },
    };
  },
};
