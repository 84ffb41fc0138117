/** Compiled, never run: the clients are what the entry writes down of them. */
import amqp from "amqplib";
import amqp1 from "amqplib-1";
import type { Source } from "@runhost/host/consumers";
import { rabbitSource } from "@runhost/host/rabbitmq";

rabbitSource({
  connect: () => amqp.connect("amqp://localhost"),
  queue: "orders",
  setup: (channel) => channel.assertQueue("orders"),
  deadLetter: { queue: "orders.dead" },
}) satisfies Source<Uint8Array>;
rabbitSource({
  connect: () => amqp1.connect("amqp://localhost"),
  queue: "orders",
  setup: (channel) => channel.bindQueue("orders", "events", "order.*"),
  deadLetter: false,
});

// @ts-expect-error -- it connects itself, so that it can do so again
rabbitSource({ connect: await amqp.connect("amqp://localhost"), queue: "orders" });
// @ts-expect-error -- a queue is needed
rabbitSource({ connect: () => amqp.connect("amqp://localhost") });
