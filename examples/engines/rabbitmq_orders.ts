/**
 * Shows a Hono server that answers when RabbitMQ has an order, and a consumer that ships it. What was accepted
 * is shipped, whatever ends the process; what was in hands then comes again.
 *
 *     npx tsx examples/engines/rabbitmq_orders.ts
 *     curl -d '{"id": 7}' localhost:3000/orders
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { createAdaptorServer } from "@hono/node-server";
import { consumer, json } from "@runhost/host/consumers";
import { delay, hostedService, httpServer, runHost } from "@runhost/host/node";
import { rabbitSource } from "@runhost/host/rabbitmq";
import amqp, { type Channel, type ChannelModel, type ConfirmChannel } from "amqplib";
import { Hono } from "hono";

const { AMQP_URL = "amqp://localhost", PORT = "3000" } = process.env;
type Order = { readonly id: number };
const connect = (): Promise<ChannelModel> => amqp.connect(AMQP_URL);
async function setup(channel: Channel): Promise<void> {
  await channel.assertQueue("orders", { arguments: { "x-queue-type": "quorum" } });
  await channel.assertQueue("orders.dead");
}

let connection: ChannelModel;
let opened: Promise<ConfirmChannel> | undefined;
/** The channel to send on: another one when the last has ended. */
const sender = (): Promise<ConfirmChannel> => opened ??= open().catch(forget);
const forget = (error: unknown): Promise<never> => (opened = undefined, Promise.reject(error));
async function open(): Promise<ConfirmChannel> {
  connection = (await connect()).on("error", console.warn);
  const channel = await connection.createConfirmChannel();
  channel.on("error", console.warn).on("close", () => (opened = undefined));
  return await setup(channel), channel;
}

const app = new Hono();
const web = httpServer("web", { server: createAdaptorServer(app), port: Number(PORT) });
app.post("/orders", async (c) => {
  const order = Buffer.from(JSON.stringify(await c.req.json()));
  const channel = await sender();
  await new Promise<void>((taken, failed) =>
    channel.sendToQueue("orders", order, { persistent: true }, (e) => e ? failed(e) : taken())
  );
  return c.text("Thank you\n", 202); // an error is a 500: the client sends it again
});

const shipping = consumer("shipping", {
  source: rabbitSource({ connect, queue: "orders", setup, deadLetter: { queue: "orders.dead" } }),
  input: json((order) => order as { readonly id: number }), // better: a schema of Zod or Valibot
  concurrency: 8,
  async handle({ id }, signal) {
    await delay(200, { signal }); // the parcel service; asked twice for one id it sends one parcel
    console.log(`Shipped order ${id}`);
  },
});

const outbox = hostedService("outbox", { start: sender, stop: () => opened && connection.close() });
await runHost([outbox, shipping, web]);
