/**
 * The entry `@runhost/host/kafka` with kafkajs: against a stand-in for a broker, in memory, or against the one
 * that `KAFKA_BROKERS` names.
 */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost } from "../../mod.ts";
import { consumer } from "../../src/consumers/mod.ts";
import { type KafkaDelivery, kafkaSource } from "../../src/kafka/mod.ts";
import { sourceContract, type SourceFixture, testContext } from "../../src/testing/mod.ts";
import { globalClock } from "../../src/_time/timer.ts";
import { rejection } from "../_fate.ts";
import { Gate } from "../_gate.ts";
import { lanesOf, load, urlOf } from "./_client.ts";
import { Wire } from "./_wire.ts";

const lane = lanesOf(test);

const brokers = urlOf("KAFKA_BROKERS");

/** As short as brokers allow. */
const timeouts = { sessionTimeout: 6_000, rebalanceTimeout: 6_000, heartbeatInterval: 500 };

/** Partitions of each topic: what the stand-in makes. */
const width = 4;

if (brokers) {
  const { Kafka, logLevel } = await load("kafkajs");
  const settings = { brokers: brokers.split(","), logLevel: logLevel.NOTHING };
  const kafka = new Kafka(settings);
  const admin = kafka.admin();
  const producer = kafka.producer({
    createPartitioner: () => ({ message }: { message: { partition: number } }) => message.partition,
  });
  const ready = Promise.all([admin.connect(), producer.connect()]);

  /** A client whose connections can be cut, wherever the broker says that it is. */
  const over = (wire: Wire): unknown =>
    new Kafka({
      ...settings,
      retry: { retries: 1 },
      socketFactory: ({ onConnect }: { onConnect: () => void }) =>
        connect({ port: Number(new URL(wire.url).port), host: "127.0.0.1" }, onConnect),
    });

  const newName = (): string => `test-${randomUUID().slice(0, 8)}`;

  /** Whether it is a broker: the stand-in makes a topic when somebody asks for it, also who asked for none. */
  const isReal = ready
    .then(() => admin.fetchTopicMetadata({ topics: [newName()] }))
    .then(() => false, (error: { type?: string }) => error.type === "UNKNOWN_TOPIC_OR_PARTITION");

  const makeTopic = async (topic: string): Promise<void> => {
    if (await isReal) {
      await admin.createTopics({ topics: [{ topic, numPartitions: width }], waitForLeaders: true });
    } else await admin.fetchTopicMetadata({ topics: [topic] });
  };

  const send = (topic: string, partition: number, texts: readonly string[], headers?: object) =>
    producer.send({ topic, messages: texts.map((value) => ({ partition, value, headers })) });

  const textOf = (value: Uint8Array | null): string => new TextDecoder().decode(value!);

  /** The texts of a topic, which is read to its end. */
  const read = async (topic: string): Promise<string[]> => {
    const texts: string[] = [];
    const ends: { high: string }[] = await admin.fetchTopicOffsets(topic);
    let left = ends.reduce((sum, { high }) => sum + Number(high), 0);
    const done = new Gate();
    const reader = kafka.consumer({ groupId: newName(), maxWaitTimeInMs: 100 });
    await reader.connect();
    await reader.subscribe({ topics: [topic], fromBeginning: true });
    await reader.run({
      eachMessage: async ({ message }: { message: { value: Uint8Array } }) => {
        texts.push(textOf(message.value));
        if (--left === 0) done.open();
      },
    });
    if (left > 0) await done.promise;
    await reader.disconnect();
    return texts;
  };

  /** What the group has committed of each partition; 0 for nothing. */
  const committed = async (groupId: string, topic: string): Promise<number[]> => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const partitions = found.partitions as { partition: number; offset: string }[];
    return partitions
      .sort((a, b) => a.partition - b.partition)
      .map(({ offset }) => Math.max(Number(offset), 0));
  };

  const make = async (ordered: boolean): Promise<SourceFixture<Uint8Array | null>> => {
    const [topic, dead, groupId] = [newName(), newName(), newName()];
    await makeTopic(topic);
    await makeTopic(dead);
    const wires = await Promise.all(
      Array.from({ length: 5 }, () => Wire.to(`kafka://${brokers.split(",")[0]}`)),
    );
    const opened = new Map<unknown, Wire>();
    let sent = 0;
    return {
      open() {
        const wire = wires[opened.size]!;
        const source = kafkaSource({
          kafka: over(wire) as never,
          ...{ groupId, topics: [topic], ordered, consumer: timeouts as never },
          deadLetter: { topic: dead },
        });
        opened.set(source, wire);
        return source;
      },
      // Each in a partition of its own, as one commit is for all before it.
      send: (text, headers) => send(topic, sent++ % width, [text], headers),
      read: textOf,
      deadLetters: () => read(dead),
      breakDown: () => Promise.all(wires.map((wire) => wire.cut())),
      repair: () => Promise.all(wires.map((wire) => wire.mend())),
      async kill(source) {
        while (!(await committed(groupId, topic)).includes(1)); // what was acked is
        await opened.get(source)!.cut();
      },
      close: () => Promise.all(wires.map((wire) => wire.cut())),
    };
  };

  const can = ["headers", "deadLetters", "outages", "crashes"] as const;
  for (const ordered of [false, true]) {
    const checks = sourceContract(() => make(ordered), { can: [...can], patience: 60_000 })
      .map((it) => ({ ...it, name: `kafkaSource({ ordered: ${ordered} }): ${it.name}` }));
    // Each has a topic and a group of its own, and waits for seconds whenever that changes.
    for (let i = 0; i < 3; i++) lane(checks.filter((_, at) => at % 3 === i));
  }

  /** Numbers, sent to each partition: `2-17` is the 18th of partition 2. */
  const fill = (topic: string, count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: width }, (_, partition) =>
        send(
          topic,
          partition,
          Array.from({ length: count }, (_, i) => `${partition}-${i}`),
        )),
    );

  const context = { ...testContext({ name: "orders" }), clock: globalClock };
  const signal = new AbortController().signal;

  lane([
    {
      name: "kafkaSource() keeps the order of each partition, commits all, and is not asked twice",
      async run() {
        const [topic, groupId] = [newName(), newName()];
        await makeTopic(topic);
        await fill(topic, 500);
        const seen = new Map<number, number[]>();
        let failures = 0;
        const worker = consumer<Uint8Array | null>("orders", {
          source: kafkaSource({ kafka, groupId, topics: [topic], ordered: true }),
          concurrency: 8,
          retry: { delay: 1 },
          async handle(value, _signal, { attempt }) {
            const [partition, number] = textOf(value).split("-").map(Number) as [number, number];
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
            if (number % 50 === 7 && attempt === 1) {
              failures++;
              throw new Error("Once more");
            }
            seen.set(partition, [...seen.get(partition) ?? [], number]);
            if ([...seen.values()].flat().length === width * 500) all.open();
          },
        });
        const all = new Gate();
        const host = createHost([worker], { logger: false });
        await host.start();
        await all.promise;
        await host.stop();
        const numbers = Array.from({ length: 500 }, (_, i) => i);
        for (let i = 0; i < width; i++) assert.equal(seen.get(i), numbers);
        assert.is(failures, width * 10);
        assert.equal(await committed(groupId, topic), Array(width).fill(500));
      },
    },
    {
      name: "kafkaSource() loses nothing when members of its group come and go",
      async run() {
        const [topic, groupId] = [newName(), newName()];
        await makeTopic(topic);
        await fill(topic, 300);
        const seen = new Set<string>();
        const reached = new Map<number, () => void>();
        const at = (count: number): Promise<void> =>
          new Promise((resolve) => seen.size >= count ? resolve() : reached.set(count, resolve));
        const newHost = () =>
          createHost([
            consumer<Uint8Array | null>("orders", {
              source: kafkaSource({ kafka, groupId, topics: [topic], consumer: timeouts as never }),
              concurrency: 4,
              async handle(value) {
                await new Promise((resolve) => setTimeout(resolve, 5));
                seen.add(textOf(value));
                reached.get(seen.size)?.();
              },
            }),
          ], { logger: false });
        const [first, second] = [newHost(), newHost()];
        await first.start();
        await at(200);
        await second.start();
        await at(500);
        await first.stop();
        const third = newHost();
        await third.start();
        await at(width * 300);
        await Promise.all([second.stop(), third.stop()]);
        assert.is(seen.size, width * 300);
        assert.equal(await committed(groupId, topic), Array(width).fill(300));
      },
    },
    {
      name: "kafkaSource() keeps its place while a handler takes longer than a session",
      async run() {
        const [topic, groupId] = [newName(), newName()];
        await makeTopic(topic);
        const options = { kafka, groupId, topics: [topic], consumer: timeouts as never };
        const source = kafkaSource(options);
        await source.start!(signal, context);
        await send(topic, 0, ["a", "b"]);
        const deliveries: KafkaDelivery[] = [];
        while (deliveries.length < 2) {
          deliveries.push(...await source.receive(signal, { max: 2 }) as KafkaDelivery[]);
        }
        await new Promise((resolve) => setTimeout(resolve, timeouts.sessionTimeout * 1.5));
        assert.ok(deliveries.every(({ lost }) => !lost!.aborted));
        for (const it of deliveries) await it.ack();
        await source.stopping!(signal, context);
        await source.stop!(signal, context);
        assert.is((await committed(groupId, topic))[0], 2);
      },
    },
    {
      name: "kafkaSource() does not start without a broker or its topic, and says what to do",
      async run() {
        const away = new Kafka({ ...settings, brokers: ["127.0.0.1:1"], retry: { retries: 1 } });
        const refused: [client: unknown, topic: string, message: RegExp][] = [
          [away, "a", /of Kafka at 127.0.0.1:1: .*ECONNREFUSED.*: is it running/],
          [kafka, "missing", /of Kafka at .*:\d+: .*topic "missing": .*: make the topic before/],
        ];
        if (!await isReal) {
          refused.push([kafka, "forbidden", /topic "forbidden": .*: allow its user to read and/]);
        }
        for (const [client, topic, message] of refused) {
          const source = kafkaSource({ kafka: client as never, groupId: "a", topics: [topic] });
          const error = await rejection(source.start!(signal, context) as Promise<void>);
          assert.match(error.message, message);
        }
      },
    },
  ]);

  test("the clients of the tests of Kafka are closed", async () => {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
}

test.run();
