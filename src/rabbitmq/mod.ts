/**
 * RabbitMQ: a source over a queue. The client is yours: `amqplib`.
 *
 * ```ts ignore
 * import { runHost } from "@runhost/host/node";
 * import { consumer, json } from "@runhost/host/consumers";
 * import { rabbitSource } from "@runhost/host/rabbitmq";
 * import amqp from "amqplib";
 *
 * const source = rabbitSource({ connect: () => amqp.connect("amqp://localhost"), queue: "orders" });
 * await runHost([consumer("orders", { source, input: json(), handle: (order) => console.log(order) })]);
 * ```
 *
 * @module
 */

export type {
  RabbitChannel,
  RabbitConfirmChannel,
  RabbitConnection,
  RabbitMessage,
} from "./client.ts";
export { type RabbitDelivery, rabbitSource, type RabbitSourceOptions } from "./rabbit_source.ts";
