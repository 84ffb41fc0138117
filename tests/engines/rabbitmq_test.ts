/** The entry `@runhost/host/rabbitmq` against a real RabbitMQ, with two majors of amqplib. */
import { Buffer } from "node:buffer";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ServiceContext } from "../../mod.ts";
import type { Delivery } from "../../src/consumers/mod.ts";
import { rabbitSource } from "../../src/rabbitmq/mod.ts";
import { sourceContract, type SourceFixture, testContext } from "../../src/testing/mod.ts";
import { globalClock } from "../../src/_time/timer.ts";
import { rejection } from "../_fate.ts";
import { Lines } from "../_lines.ts";
import { lanesOf, load, urlOf } from "./_client.ts";
import { Wire } from "./_wire.ts";

const lane = lanesOf(test);

const url = urlOf("AMQP_URL");
let count = 0;

for (const name of url ? ["amqplib", "amqplib-1"] : []) {
  const amqp = await load(name);
  const admin = amqp.connect(url).then((it: { createConfirmChannel(): unknown }) =>
    it.createConfirmChannel()
  );

  const make = async (): Promise<SourceFixture<Uint8Array>> => {
    const queue = `contract-${name}-${++count}`;
    const dead = `${queue}.dead`;
    const channel = await admin;
    await channel.assertQueue(queue, { arguments: { "x-queue-type": "quorum" } });
    await channel.assertQueue(dead);
    const wires = await Promise.all(Array.from({ length: 5 }, () => Wire.to(url!)));
    const opened = new Map<unknown, () => Promise<void>>();
    return {
      open() {
        const wire = wires[opened.size]!;
        let connection: { createChannel(): Promise<unknown> };
        const connect = async () => connection = await amqp.connect(wire.url);
        const source = rabbitSource({ connect, queue, deadLetter: { queue: dead } });
        opened.set(source, async () => {
          await connection.createChannel(); // by its answer, what was sent before has arrived
          await wire.cut();
        });
        return source;
      },
      async send(text, headers) {
        channel.sendToQueue(queue, Buffer.from(text), { headers, persistent: true });
        await channel.waitForConfirms();
      },
      read: (value) => new TextDecoder().decode(value),
      async deadLetters() {
        const texts: string[] = [];
        for (let message; (message = await channel.get(dead, { noAck: true }));) {
          texts.push(new TextDecoder().decode(message.content));
        }
        return texts;
      },
      breakDown: () => Promise.all(wires.map((wire) => wire.cut())),
      repair: () => Promise.all(wires.map((wire) => wire.mend())),
      kill: (source) => opened.get(source)?.(),
      async close() {
        await Promise.all(wires.map((wire) => wire.cut()));
        await channel.deleteQueue(queue);
        await channel.deleteQueue(dead);
      },
    };
  };
  const can = [
    "counts",
    "shares",
    "orders",
    "headers",
    "deadLetters",
    "outages",
    "crashes",
  ] as const;
  lane([
    ...sourceContract(make, { can: [...can] }).map((it) => ({
      ...it,
      name: `rabbitSource() over ${name}: ${it.name}`,
    })),
    {
      name: `rabbitSource() over ${name} is closed`,
      run: async () => void await (await admin).connection.close(),
    },
  ]);
}

if (url) {
  const amqp = await load("amqplib");
  const signal = new AbortController().signal;
  const connect = () => amqp.connect(url);

  /** A queue for one test, and a context whose log can be read. */
  const rig = async (options: object = {}) => {
    const queue = `test-${++count}`;
    const connection = await connect();
    const channel = await connection.createChannel();
    await channel.assertQueue(queue, options);
    const lines = new Lines();
    const context: ServiceContext = {
      ...testContext({ name: "orders" }),
      clock: globalClock,
      logger: lines,
    };
    const end = async (): Promise<void> => {
      await channel.deleteQueue(queue);
      await connection.close();
    };
    return { queue, channel, lines, context, end };
  };

  const refused: readonly [
    what: string,
    source: Parameters<typeof rabbitSource>[0],
    message: RegExp,
  ][] = [
    [
      "a queue that is not there",
      { connect, queue: "nowhere" },
      /^Cannot consume queue "nowhere" of RabbitMQ: .*NOT.FOUND.*: make the queue before, or declare it in setup$/,
    ],
    [
      "a server that is not there",
      { connect: () => amqp.connect("amqp://user:secret@127.0.0.1:1"), queue: "a" },
      /ECONNREFUSED.*: is it running, and is the address right\?$/,
    ],
    [
      "a password that is wrong",
      { connect: () => amqp.connect(url.replace("guest:guest", "guest:secret")), queue: "a" },
      /ACCESS.REFUSED.*: give it a user that may read this queue, and the right password and virtual host$/,
    ],
  ];
  for (const [what, options, message] of refused) {
    test(`rabbitSource() does not start over ${what}, and says what to do`, async () => {
      const context = { ...testContext({ name: "orders" }), clock: globalClock };
      const error = await rejection(rabbitSource(options).start!(signal, context) as Promise<void>);
      assert.match(error.message, message);
      assert.not.match(error.message, "secret");
    });
  }

  const exchange = "x-dead-letter-exchange";
  const warned: readonly [what: string, queue: object, source: object, lines: number][] = [
    ["a classic queue without a dead-letter exchange", {}, {}, 1],
    [
      "a quorum queue without one",
      { arguments: { "x-queue-type": "quorum", "x-message-ttl": 60_000 } },
      {},
      1,
    ],
    ["a queue that is not durable", { durable: false, autoDelete: true }, {}, 1],
    ["a queue with one", { arguments: { [exchange]: "dead" } }, {}, 0],
    ["a quorum queue with one", { arguments: { "x-queue-type": "quorum", [exchange]: "" } }, {}, 0],
    ["a queue for which it is said that none is needed", {}, { deadLetter: false }, 0],
  ];
  for (const [what, queueOptions, options, count] of warned) {
    test(`rabbitSource() warns ${count} times of ${what}`, async () => {
      const { queue, context, lines, end } = await rig(queueOptions);
      const source = rabbitSource({ connect, queue, ...options });
      await source.start!(signal, context);
      assert.is(lines.heads.length, count, lines.heads.join());
      if (count) {
        assert.match(
          lines.heads[0]!,
          /^warn: Service "orders": queue ".*" has no dead-letter exchange: /,
        );
      }
      await source.stop!(signal, context);
      await end();
    });
  }

  test("rabbitSource() over a classic queue knows the first attempt, and no other", async () => {
    const { queue, channel, context, end } = await rig();
    const source = rabbitSource({ connect, queue, deadLetter: false });
    await source.start!(signal, context);
    channel.sendToQueue(queue, Buffer.from("a"), { headers: { tenant: "x" } });
    const attempts: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const [delivery] = await source.receive(signal, { max: 1 }) as Delivery<Uint8Array>[];
      attempts.push(delivery!.attempt);
      assert.is(delivery!.headers!["tenant"], "x");
      await (i === 0 ? delivery!.release({ delay: 0 }) : delivery!.ack());
    }
    assert.equal(attempts, [1, undefined]);
    await source.stopping!(signal, context);
    await source.stop!(signal, context);
    await end();
  });

  test("a dead letter says why, and has what it had", async () => {
    const { queue, channel, context, end } = await rig();
    const dead = `${queue}.dead`;
    const source = rabbitSource({
      connect,
      queue,
      setup: (channel) => channel.assertQueue(dead, { durable: true }),
      deadLetter: { queue: dead },
    });
    await source.start!(signal, context);
    channel.sendToQueue(queue, Buffer.from("a"), { headers: { tenant: "x" }, correlationId: "7" });
    const [delivery] = await source.receive(signal, { max: 1 });
    await delivery!.reject(new Error("No address"));
    const { content, properties } = await channel.get(dead, { noAck: true });
    assert.is(content.toString(), "a");
    assert.equal(properties.headers, {
      tenant: "x",
      "x-error": "Error: No address",
      "x-queue": queue,
    });
    assert.is(properties.correlationId, "7");
    await source.stopping!(signal, context);
    await source.stop!(signal, context);
    await channel.deleteQueue(dead);
    await end();
  });

  test("a message whose dead letter finds no queue any more is not lost, and receive() says why", async () => {
    const { queue, channel, context, end } = await rig();
    const dead = `${queue}.dead`;
    await channel.assertQueue(dead);
    const source = rabbitSource({ connect, queue, deadLetter: { queue: dead } });
    await source.start!(signal, context);
    channel.sendToQueue(queue, Buffer.from("a"));
    channel.sendToQueue(queue, Buffer.from("b"));
    const deliveries = await source.receive(signal, { max: 2 }) as Delivery<Uint8Array>[];
    while (deliveries.length < 2) deliveries.push(...await source.receive(signal, { max: 1 }));
    await channel.deleteQueue(dead);
    const errors = await Promise.all(
      deliveries.map((it) => rejection(Promise.resolve(it.reject(new Error("No address"))))),
    );
    assert.match(errors[0]!.message, `there is no queue "${dead}" any more`);
    assert.ok(deliveries.every(({ lost }) => lost!.aborted));
    assert.match(
      (await rejection(source.receive(signal, { max: 2 }))).message,
      /make the queue before/,
    );

    await channel.assertQueue(dead);
    const again = [...await source.receive(signal, { max: 2 })];
    while (again.length < 2) again.push(...await source.receive(signal, { max: 1 }));
    assert.equal(again.map(({ value }) => new TextDecoder().decode(value)).sort(), ["a", "b"]);
    for (const delivery of again) await delivery.ack();
    await source.stopping!(signal, context);
    await source.stop!(signal, context);
    await channel.deleteQueue(dead);
    await end();
  });

  test("a queue that is deleted meanwhile fails receive(), which says so", async () => {
    const { queue, channel, context, end } = await rig();
    const source = rabbitSource({ connect, queue, deadLetter: false });
    await source.start!(signal, context);
    const failed = rejection(source.receive(signal, { max: 1 }));
    while ((await channel.checkQueue(queue)).consumerCount === 0);
    await channel.deleteQueue(queue);
    assert.match((await failed).message, "has ended the subscription");
    assert.match(
      (await rejection(source.receive(signal, { max: 1 }))).message,
      /make the queue before/,
    );
    await source.stopping!(signal, context);
    await source.stop!(signal, context);
    await end();
  });
}

test.run();
