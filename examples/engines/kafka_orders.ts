/**
 * Shows a Hono server that answers when Kafka has an order, and a consumer that ships it. What was accepted is
 * shipped, whatever ends the process; what was done and not committed then comes again. The topics are made before:
 * `orders` and `orders.dead`.
 *
 *     npx tsx examples/engines/kafka_orders.ts
 *     curl -d '{"id": 7}' localhost:3000/orders
 */
import process from "node:process";
import { createAdaptorServer } from "@hono/node-server";
import { consumer, json } from "@runhost/host/consumers";
import { kafkaSource } from "@runhost/host/kafka";
import { delay, hostedService, httpServer, runHost } from "@runhost/host/node";
import { Hono } from "hono";
import { Kafka, logLevel } from "kafkajs";

const { KAFKA_BROKERS = "localhost:9092", PORT = "3000" } = process.env;
const kafka = new Kafka({ brokers: KAFKA_BROKERS.split(","), logLevel: logLevel.WARN });
const producer = kafka.producer({ allowAutoTopicCreation: false });

const app = new Hono();
const web = httpServer("web", { server: createAdaptorServer(app), port: Number(PORT) });
app.post("/orders", async (c) => {
  const order = await c.req.json();
  const messages = [{ key: `${order.id}`, value: JSON.stringify(order) }];
  await producer.send({ topic: "orders", messages }); // resolves when all replicas have it
  return c.text("Thank you\n", 202); // an error is a 500: the client sends it again
});

const shipping = consumer("shipping", {
  source: kafkaSource({
    kafka,
    groupId: "shipping",
    topics: ["orders"],
    deadLetter: { topic: "orders.dead" },
    consumer: { sessionTimeout: 10_000 }, // how long a dead process keeps its partitions
  }),
  input: json((order) => order as { readonly id: number }), // better: a schema of Zod or Valibot
  concurrency: 8,
  async handle({ id }, signal) {
    await delay(200, { signal }); // the parcel service; asked twice for one id it sends one parcel
    console.log(`Shipped order ${id}`);
  },
});

const outbox = hostedService("outbox", {
  start: () => producer.connect(),
  stop: () => producer.disconnect(),
});
await runHost([outbox, shipping, web]);
