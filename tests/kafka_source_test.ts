/** What a `kafkaSource` makes of what `kafkajs` does; with a broker it is run in engines/. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost } from "../mod.ts";
import { consumer, json } from "../src/consumers/mod.ts";
import { type KafkaDelivery, kafkaSource, type KafkaSourceOptions } from "../src/kafka/mod.ts";
import {
  FakeClock,
  quiet,
  sourceContract,
  type SourceFixture,
  type TestContext,
  testContext,
} from "../src/testing/mod.ts";
import { FakeKafka, protocolError, text } from "./_fake_kafka.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";

guard(test);

const { signal } = new AbortController();

/** A source that is driven by hand. */
class Rig {
  readonly kafka: FakeKafka;
  readonly clock = new FakeClock();
  readonly context: TestContext = testContext({ name: "orders", clock: this.clock });
  readonly source: ReturnType<typeof kafkaSource>;

  constructor(kafka: FakeKafka, options: Partial<KafkaSourceOptions> = {}) {
    this.kafka = kafka;
    this.source = kafkaSource({ kafka, groupId: "mails", topics: ["orders"], ...options });
  }

  static async started(kafka: FakeKafka, options?: Partial<KafkaSourceOptions>): Promise<Rig> {
    const rig = new Rig(kafka, options);
    await rig.start();
    return rig;
  }

  start(): Promise<void> {
    return Promise.resolve(this.source.start!(signal, this.context)) as Promise<void>;
  }

  async take(max = 10): Promise<KafkaDelivery[]> {
    await quiet();
    return [...await this.source.receive(signal, { max })] as KafkaDelivery[];
  }

  async commit(): Promise<void> {
    await this.clock.advance(250);
    await quiet();
  }

  async stop(): Promise<void> {
    await this.source.stopping!(signal, this.context);
    const stopped = new Fate(Promise.resolve(this.source.stop!(signal, this.context)));
    await quiet();
    for (let ms = 0; stopped.state === "pending" && ms < 20_000; ms += 250) {
      await this.clock.advance(250);
    }
    assert.is(stopped.state, "fulfilled");
    assert.is(this.clock.pending, 0);
  }
}

const texts = (deliveries: readonly KafkaDelivery[]): string[] =>
  deliveries.map(({ value }) => text(value));

/** What every source has to keep: each value in a partition of its own, as one commit is for all before it. */
function contractFixture(ordered: boolean): SourceFixture<Uint8Array | null> {
  const clock = new FakeClock();
  const kafka = new FakeKafka({ orders: 10, dead: 1 });
  let sent = 0;
  return {
    clock,
    open: () =>
      kafkaSource({
        ...{ kafka, groupId: "mails", topics: ["orders"], ordered },
        deadLetter: { topic: "dead" },
      }),
    async send(value, headers) {
      kafka.send("orders", sent++ % 10, value, headers && { headers });
      await quiet();
    },
    read: text,
    deadLetters: () => kafka.texts("dead") as string[],
    async breakDown() {
      kafka.outage = new Error("connect ECONNREFUSED");
      for (const it of [...kafka.members]) it.crash(kafka.outage);
      await quiet();
    },
    repair: () => void (kafka.outage = undefined),
    async kill() {
      while (!kafka.commits.some((it) => it.includes("@1"))) await quiet(); // what was acked is
      kafka.leave(kafka.members[0]!);
    },
  };
}

for (const ordered of [false, true]) {
  const can = ["headers", "deadLetters", "outages", "crashes"] as const;
  for (const { name, run } of sourceContract(() => contractFixture(ordered), { can: [...can] })) {
    test(`kafkaSource({ ordered: ${ordered} }): ${name}`, run);
  }
}

test("one commit is for many, and for what is done without a gap", async () => {
  const kafka = new FakeKafka({ orders: 2 });
  const rig = await Rig.started(kafka);
  for (const it of ["a", "b", "c"]) kafka.send("orders", 0, it);
  kafka.send("orders", 1, "x");
  const [a, x, b, c] = await rig.take() as [
    KafkaDelivery,
    KafkaDelivery,
    KafkaDelivery,
    KafkaDelivery,
  ];
  assert.equal(texts([a, x, b, c]), ["a", "x", "b", "c"]); // in turn
  await rig.commit();
  assert.equal(kafka.commits.splice(0), ["orders/0@0 orders/1@0"]);

  await c.ack();
  await x.ack();
  await a.ack();
  assert.equal(kafka.commits, []);
  await rig.commit();
  assert.equal(kafka.commits.splice(0), ["orders/0@1 orders/1@1"]);

  await b.ack();
  await rig.stop();
  assert.equal(kafka.commits, ["orders/0@3"]); // the last one at the stop, before the group is left
  assert.is(kafka.connections, 0);
});

test("ordered, a partition gives the next message when the one before is settled", async () => {
  const kafka = new FakeKafka({ orders: 2 });
  const rig = await Rig.started(kafka, { ordered: true });
  for (const it of ["a", "b"]) kafka.send("orders", 0, it);
  for (const it of ["x", "y"]) kafka.send("orders", 1, it);
  const [a, x] = await rig.take() as [KafkaDelivery, KafkaDelivery];
  assert.equal(texts([a, x]), ["a", "x"]);
  const waits = rig.take();
  await x.ack();
  const [y] = await waits as [KafkaDelivery];
  assert.equal(texts([y]), ["y"]); // a holds up its own partition alone
  await y.ack();
  await a.release({ delay: 0 });
  const [again] = await rig.take() as [KafkaDelivery];
  assert.equal(texts([again]), ["a"]);
  await again.ack();
  const [b] = await rig.take() as [KafkaDelivery];
  assert.equal(texts([b]), ["b"]);
  await rig.stop();
  assert.is(kafka.committed.get("orders/0"), "1");
});

test("what is given back comes before what waits, in its order", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  for (const it of ["a", "b", "c", "d"]) kafka.send("orders", 0, it);
  const [a, b, c] = await rig.take(3) as [KafkaDelivery, KafkaDelivery, KafkaDelivery];
  await c.release({ delay: 0 });
  await a.release({ delay: 0 });
  await b.ack();
  assert.equal(texts(await rig.take()), ["a", "c", "d"]);
  await rig.stop();
  assert.is(kafka.committed.get("orders/0"), "0");
});

test("a partition with enough is paused, and fetched again when there is room", async () => {
  const kafka = new FakeKafka({ orders: 2 });
  kafka.batch = 4;
  const rig = await Rig.started(kafka);
  for (let i = 0; i < 10; i++) kafka.send("orders", 0, `${i}`);
  await quiet();
  const [member] = kafka.members;
  assert.equal([...member!.paused], ["orders/0"]);
  kafka.send("orders", 1, "x"); // the other one is not
  assert.equal(texts(await rig.take(2)), ["0", "x"]);
  assert.equal([...member!.paused], ["orders/0"]);
  assert.equal(texts(await rig.take(1)), ["1"]);
  await quiet(); // half of it is out: the next batch has come
  assert.equal([...member!.paused], ["orders/0"]);
  const seen = new Set<string>();
  while (seen.size < 8) for (const it of texts(await rig.take(3))) seen.add(it);
  assert.equal([...seen].sort(), ["2", "3", "4", "5", "6", "7", "8", "9"]);
  await rig.stop();
});

test("a message in hands lets no more than ten thousand behind it be done", async () => {
  const kafka = new FakeKafka();
  kafka.batch = 6_000;
  const rig = await Rig.started(kafka);
  const log = kafka.topics.get("orders")![0]!;
  for (let i = 0; i < 15_000; i++) log.push({ ...message, offset: `${i}` });
  kafka.members[0]!.fetch();
  const [stuck] = await rig.take(1) as [KafkaDelivery];
  let done = 0;
  for (
    let more;
    (more = await Promise.race([rig.take(4_000), quiet().then(quiet).then(() => [])]));
  ) {
    if (more.length === 0) break;
    for (const it of more) await it.ack();
    done += more.length;
    await rig.commit();
  }
  assert.is(done, 11_999);
  assert.is(kafka.committed.get("orders/0"), "0");
  await stuck.ack();
  await rig.commit();
  await quiet();
  assert.is(kafka.committed.get("orders/0"), "12000");
  await rig.stop();
});

const message = { key: null, value: new Uint8Array(), timestamp: "0" };

test("a rebalance loses what has moved, and keeps what has stayed", async () => {
  const kafka = new FakeKafka({ orders: 2 });
  const rig = await Rig.started(kafka);
  for (const it of ["a", "b"]) kafka.send("orders", 0, it);
  for (const it of ["x", "y"]) kafka.send("orders", 1, it);
  const [a, x] = await rig.take(2) as [KafkaDelivery, KafkaDelivery];
  const other = await Rig.started(kafka);
  await quiet();
  assert.is(a.lost!.aborted, false);
  assert.is(x.lost!.aborted, true);
  assert.match((x.lost!.reason as Error).message, 'Partition 1 of "orders" has moved');
  assert.equal(texts(await other.take()), ["x", "y"]);
  await x.ack(); // too late: it is not ours to say
  assert.equal(texts(await rig.take()), ["b"]); // and a is not fetched twice
  await a.ack();
  await rig.commit();
  assert.is(kafka.committed.get("orders/0"), "1");
  assert.is(kafka.committed.get("orders/1"), "0");
  await other.stop();
  assert.equal(texts(await rig.take()), ["x", "y"]);
  await rig.stop();
});

test("a rebalance finds committed what was done before", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  await a.ack();
  kafka.rebalance(); // well before the next commit
  await quiet();
  assert.is(kafka.committed.get("orders/0"), "1");
  await rig.stop();
});

test("a paused partition that moves and comes back is fetched again", async () => {
  const kafka = new FakeKafka({ orders: 2 });
  kafka.batch = 2;
  const rig = await Rig.started(kafka);
  for (const it of ["a", "b", "c", "d"]) kafka.send("orders", 1, it);
  await quiet();
  await rig.commit();
  const other = await Rig.started(kafka);
  await quiet();
  await other.stop();
  const seen: string[] = [];
  while (seen.length < 4) seen.push(...texts(await rig.take()));
  assert.equal(seen, ["a", "b", "c", "d"]);
  await rig.stop();
});

test("who is a new member of the group has lost what they held", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  const [member] = kafka.members;
  kafka.leave(member!); // the coordinator has forgotten it
  kafka.join(member!);
  assert.is(a.lost!.aborted, true);
  assert.equal(texts(await rig.take()), ["a"]);
  await rig.stop();
});

test("a topic that is made anew loses what is held of the old one", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  for (const it of ["a", "b", "c"]) kafka.send("orders", 0, it);
  const [a, b] = await rig.take(2) as [KafkaDelivery, KafkaDelivery];
  await a.ack();
  await rig.commit();
  kafka.topics.set("orders", [[]]);
  kafka.committed.clear();
  kafka.send("orders", 0, "new");
  kafka.rebalance();
  assert.equal(texts(await rig.take()), ["new"]);
  assert.is(b.lost!.aborted, true);
  await rig.stop();
});

test("heartbeats that are answered keep all of it, and their silence loses it", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka, { consumer: { sessionTimeout: 6_000 } as never });
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  const waits = new Fate(rig.take());
  for (let i = 0; i < 10; i++) {
    await rig.clock.advance(3_000);
    kafka.members[0]!.beat();
  }
  assert.is(a.lost!.aborted, false);
  await rig.clock.advance(5_999);
  assert.is(a.lost!.aborted, false);
  await rig.clock.advance(1);
  assert.is(a.lost!.aborted, true);
  await quiet();
  assert.match(
    (waits.reason as Error).message,
    /^Cannot consume "orders" as group "mails" of Kafka at kafka-1:9092: .*heartbeat.*: is it running/,
  );
  await quiet();
  assert.is(kafka.consumers[0]!.disconnected, true);
  assert.equal(texts(await rig.take()), ["a"]); // by another one
  assert.is(kafka.consumers.length, 2);
  await rig.stop();
  assert.is(kafka.connections, 0);
});

test("a rebalance may take its time", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  kafka.members[0]!.emit("consumer.rebalancing", {});
  await rig.clock.advance(89_999);
  assert.is(a.lost!.aborted, false);
  await rig.clock.advance(1);
  assert.is(a.lost!.aborted, true);
  await rig.stop();
});

test("a crash of kafkajs fails receive(), which connects anew", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  const failed = rejection(rig.take());
  await quiet();
  kafka.members[0]!.crash(protocolError("GROUP_AUTHORIZATION_FAILED"));
  assert.match(
    (await failed).message,
    /of Kafka at kafka-1:9092: .*: allow its user to read this group$/,
  );
  assert.is(a.lost!.aborted, true);
  assert.equal(texts(await rig.take()), ["a"]);
  await rig.stop();
  assert.is(kafka.connections, 0);
});

test("a commit that is refused is tried again, and said once", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  kafka.refusesCommits = protocolError("REBALANCE_IN_PROGRESS");
  await a.ack();
  await rig.clock.advance(5_000);
  assert.is(rig.context.lines.filter((it) => it.includes("a commit has failed")).length, 1);
  kafka.refusesCommits = undefined;
  await rig.clock.advance(1_000);
  assert.is(kafka.committed.get("orders/0"), "1");
  await rig.stop();
});

test("what is done while a commit takes its time is committed after it", async () => {
  const kafka = new FakeKafka({ orders: 2 });
  const rig = await Rig.started(kafka);
  for (const it of [0, 0, 1]) kafka.send("orders", it, "x");
  const taken = await rig.take();
  const [a, b] = taken.filter((it) => it.partition === 0) as [KafkaDelivery, KafkaDelivery];
  const [other] = taken.filter((it) => it.partition === 1) as [KafkaDelivery];
  await rig.commit();
  await a.ack();
  const answered = new Gate();
  kafka.commitsWaitFor = answered.promise; // a broker that is away for some seconds, say
  await rig.commit();
  await b.ack();
  await other.ack();
  await rig.clock.advance(5_000);
  kafka.commitsWaitFor = undefined;
  answered.open();
  await quiet();
  assert.is(kafka.committed.get("orders/0"), "1");
  await rig.commit();
  assert.is(kafka.committed.get("orders/0"), "2");
  assert.is(kafka.committed.get("orders/1"), "1");
  await rig.stop();
});

test("a stop waits for its last commit, but not for ever", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  await a.ack();
  kafka.outage = true;
  await rig.stop();
  assert.match(rig.context.lines.at(-1)!, "what was done last is not committed, and comes again");
  assert.is(kafka.connections, 0);
});

test("what arrives after stopping() stays with the broker", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka);
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  await rig.source.stopping!(signal, rig.context);
  kafka.send("orders", 0, "b");
  await quiet();
  await a.ack();
  await rig.stop();
  assert.is(kafka.committed.get("orders/0"), "1");
});

const refused: readonly [what: string, rig: () => Rig, message: RegExp][] = [
  [
    "a broker that is not there",
    () => {
      const kafka = new FakeKafka();
      const error = new Error("Connection error: connect ECONNREFUSED 10.0.0.1:9092");
      kafka.outage = new Error(error.message, {
        cause: Object.assign(error, { broker: "10.0.0.1:9092" }),
      });
      return new Rig(kafka);
    },
    /of Kafka at 10.0.0.1:9092: .*ECONNREFUSED.*: is it running, and are the addresses right/,
  ],
  [
    "a topic that is not there",
    () => new Rig(new FakeKafka(), { topics: ["orders", "bills"] }),
    /of Kafka at kafka-1:9092: .*topic "bills": .*: make the topic before; the source makes none$/,
  ],
  [
    "dead letters whose topic is not there",
    () => new Rig(new FakeKafka(), { deadLetter: { topic: "dead" } }),
    /topic "dead": .*: make the topic before/,
  ],
];
for (const [what, make, message] of refused) {
  test(`kafkaSource() does not start over ${what}, says what to do, and leaves nothing open`, async () => {
    const rig = make();
    assert.match((await rejection(rig.start())).message, message);
    await quiet();
    assert.is(rig.kafka.connections, 0);
    assert.is(rig.clock.pending, 0);
  });
}

test("kafkaSource() does not start in a group that it may not join", async () => {
  const kafka = new FakeKafka();
  const rig = new Rig(kafka);
  const start = rejection(rig.start());
  kafka.consumers[0]!.subscribe = async () => {
    kafka.outage = protocolError("GROUP_AUTHORIZATION_FAILED");
  };
  assert.match((await start).message, /: allow its user to read this group$/);
});

test("a start waits 15 s for an answer", async () => {
  const kafka = new FakeKafka();
  kafka.outage = true;
  const rig = new Rig(kafka);
  const start = new Fate(rig.start());
  await rig.clock.advance(15_000);
  assert.match((start.reason as Error).message, /Waited 15000 ms for Kafka to open.*is it running/);
});

test("a start does not wait for a group that waits for others", async () => {
  const kafka = new FakeKafka();
  const rig = new Rig(kafka);
  const start = new Fate(rig.start());
  const [member] = kafka.consumers;
  member!.run = () => new Promise(() => {});
  await quiet();
  assert.is(start.state, "pending");
  await rig.clock.advance(10_000);
  assert.is(start.state, "fulfilled");
  await rig.stop();
});

test("who is told to go while they join goes when they have joined, or they would stay", async () => {
  const kafka = new FakeKafka();
  const rig = new Rig(kafka);
  const start = new Fate(rig.start());
  const [member] = kafka.consumers;
  const joined = new Gate();
  member!.run = () => joined.promise;
  await rig.clock.advance(10_000);
  assert.is(start.state, "fulfilled");
  await rig.source.stopping!(signal, rig.context);
  const stop = new Fate(Promise.resolve(rig.source.stop!(signal, rig.context)));
  await quiet();
  assert.is(member!.disconnected, false);
  joined.open();
  await quiet();
  assert.is(member!.disconnected, true);
  assert.is(stop.state, "fulfilled");
});

test("a start that is cancelled leaves no connection behind", async () => {
  const kafka = new FakeKafka();
  const rig = new Rig(kafka);
  const controller = new AbortController();
  const start = new Fate(
    Promise.resolve(rig.source.start!(controller.signal, rig.context)),
  );
  controller.abort(new Error("The start was cancelled"));
  await quiet();
  assert.is(start.reason, controller.signal.reason);
  await quiet();
  assert.is(kafka.connections, 0);
  assert.is(kafka.members.length, 0);
});

test("a dead letter says where it was, and why", async () => {
  const kafka = new FakeKafka({ orders: 1, dead: 1 });
  const rig = await Rig.started(kafka, { deadLetter: { topic: "dead" } });
  kafka.send("orders", 0, "a", { headers: { tenant: "x" } });
  const [a] = await rig.take() as [KafkaDelivery];
  await a.reject(new Error("No address"));
  const [dead] = kafka.topics.get("dead")![0]!;
  assert.equal(dead!.headers, {
    tenant: "x",
    "x-error": "Error: No address",
    "x-topic": "orders",
    "x-partition": "0",
    "x-offset": "0",
  });
  await rig.stop();
  assert.is(kafka.committed.get("orders/0"), "1");
});

test("a message whose dead letter cannot be sent is not lost", async () => {
  const kafka = new FakeKafka({ orders: 1, dead: 1 });
  const rig = await Rig.started(kafka, { deadLetter: { topic: "dead" } });
  kafka.send("orders", 0, "a");
  const [a] = await rig.take() as [KafkaDelivery];
  kafka.outage = new Error("connect ECONNREFUSED");
  assert.match((await rejection(a.reject("bad") as Promise<void>)).message, "is it running");
  kafka.outage = undefined;
  assert.equal(texts(await rig.take()), ["a"]);
  await rig.stop();
});

test("what cannot be read is a dead letter, and holds up nothing", async () => {
  const kafka = new FakeKafka();
  const handled: unknown[] = [];
  const worker = consumer("orders", {
    source: kafkaSource({ kafka, groupId: "mails", topics: ["orders"], ordered: true }),
    input: json(),
    handle: (order) => handled.push(order),
  });
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const logger = { debug: note, info: note, warn: note, error: note };
  const host = createHost([worker], { logger });
  await host.start();
  for (const it of ['{"id":1}', "rubbish", null, '{"id":2}']) kafka.send("orders", 0, it);
  while (handled.length < 2) await quiet();
  await host.stop();
  assert.equal(handled, [{ id: 1 }, { id: 2 }]);
  assert.is(kafka.committed.get("orders/0"), "4");
  assert.ok(lines.some((it) => it.includes('skips offset 1 of partition 0 of "orders"')));
});

test("kafkajs commits nothing itself, makes no topic, and does not come back by itself", async () => {
  const kafka = new FakeKafka();
  const rig = await Rig.started(kafka, { consumer: { sessionTimeout: 9_000 } as never });
  const { retry, ...options } = kafka.consumers[0]!.options as {
    retry: { restartOnFailure(): Promise<boolean> };
  };
  assert.equal(options, {
    groupId: "mails",
    sessionTimeout: 9_000,
    maxWaitTimeInMs: 500,
    allowAutoTopicCreation: false,
  });
  assert.is(await retry.restartOnFailure(), false);
  await rig.stop();
});

test("kafkaSource() checks its options", () => {
  const kafka = new FakeKafka();
  const of = (options: object): string =>
    `${thrown(() => kafkaSource({ kafka, groupId: "a", topics: ["b"], ...options } as never))}`;
  assert.match(of({ kafka: {} }), /TypeError: Cannot use kafkaSource options.kafka.consumer/);
  assert.match(of({ groupId: 1 }), /TypeError: .*groupId/);
  assert.match(of({ topics: "orders" }), /TypeError: .*topics/);
  assert.match(of({ topics: [/a/] }), /TypeError: .*topics\[0\]/);
  assert.match(of({ topics: [] }), /RangeError: .*topics: there is none/);
  assert.match(of({ ordered: 1 }), /TypeError: .*ordered/);
  assert.match(of({ deadLetter: "dead" }), /TypeError: .*deadLetter/);
});

test.run();
