import { library } from "../library.mjs";
import { turn } from "../program.mjs";
import { client, drive, variant } from "./_drive.mjs";

const { createHost } = await library("mod");
const { consumer } = await library("src/consumers/mod");
const { rabbitSource } = await library("src/rabbitmq/mod");
const amqp = client("amqplib");

const connect = () => amqp.connect(process.env.AMQP_URL);

/** What one would write by hand: each message is handled and acked, as many at a time as the prefetch says. */
async function bare(queue, concurrency, handle) {
  const connection = await connect();
  const channel = await connection.createChannel();
  await channel.prefetch(concurrency);
  await channel.consume(queue, async (message) => {
    await handle(message.content.toString());
    channel.ack(message);
  });
  return async () => {
    await turn(); // the last one is acked
    await channel.close();
    await connection.close();
  };
}

async function runhost(queue, concurrency, handle) {
  const source = rabbitSource({ connect, queue, deadLetter: false });
  const host = createHost([
    consumer("bench", {
      source,
      concurrency,
      handle: (content) => handle(content.toString()),
    }),
  ]);
  await host.start();
  return () => host.stop();
}

async function fill(queue, count) {
  const connection = await connect();
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { arguments: { "x-queue-type": "quorum" } });
  for (let id = 1; id <= count; id++) {
    channel.sendToQueue(queue, Buffer.from(`${id}`));
  }
  await channel.waitForConfirms();
  await channel.close();
  await connection.close();
}

await drive({ fill, consume: { bare, runhost }[variant] });
