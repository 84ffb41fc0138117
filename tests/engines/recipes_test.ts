/**
 * The recipes in `examples/engines/`, as programs against real servers: each does its work, ends with exit code 0
 * on SIGTERM, and loses nothing when it is killed in the middle.
 */
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { delay } from "../../mod.ts";
import { Example, runtimes } from "../examples/_example.ts";
import { lanesOf, load, urlOf } from "./_client.ts";
import { kafkaLag } from "./_kafka_lag.ts";
import { freePort } from "./servers/_server.ts";

const lane = lanesOf(test);

const amqpUrl = urlOf("AMQP_URL");
const redisUrl = urlOf("REDIS_URL");
const brokers = urlOf("KAFKA_BROKERS");
const topics = ["orders", "orders.dead"].map((topic) => ({ topic, numPartitions: 4 }));
const folder = mkdtempSync(join(tmpdir(), "runhost-recipes-"));
test.after(() => rmSync(folder, { recursive: true }));

/** Programs are started by Node alone: for Deno whatever was sent a signal has died of it. */
const started = "Deno" in globalThis || "Bun" in globalThis ? [] : runtimes;

type Environment = Readonly<Record<string, string>>;
type Recipe = (name: string, environment: Environment) => Example;

/** Registers checks, which run on one runtime after the other. */
function onEach(
  checks: readonly { readonly name: string; readonly run: (recipe: Recipe) => Promise<void> }[],
): void {
  lane(
    started.flatMap((runtime) =>
      checks.map(({ name, run }) => ({
        name: `${name}, on ${runtime.name}`,
        run: () =>
          run((name, environment) => new Example(runtime, [`engines/${name}.ts`], environment)),
      }))
    ),
  );
}

/** The numbers from 1 to `count`. */
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** Which of some lines programs have printed: the first group of the pattern, each once. */
const printed = (pattern: RegExp, ...programs: Example[]): Set<string> =>
  new Set(
    programs.flatMap(({ output }) => [...output.matchAll(pattern)].map(([, it]) => it!)),
  );

/** Waits until something is so; fails with what programs have printed when that takes too long. */
async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  ...programs: Example[]
): Promise<void> {
  const limit = performance.now() + 80_000;
  while (!await isSo()) {
    const outputs = programs.map(({ output }) => output).join("\n---\n");
    if (performance.now() > limit) throw new Error(`Waited in vain for ${what}:\n${outputs}`);
    await delay(20);
  }
}

/** Waits until programs have printed that many different lines that match. */
const prints = (count: number, pattern: RegExp, ...programs: Example[]): Promise<void> =>
  until(`${count} of ${pattern}`, () => printed(pattern, ...programs).size >= count, ...programs);

/**
 * The life of a recipe: it is killed as soon as it has done one thing of many, goes on after a restart, and ends on
 * SIGTERM when all is done.
 */
async function survives(
  recipe: Recipe,
  { name, environment, began, pattern, count, produce, isSettled }: {
    readonly name: string;
    readonly environment: Environment;
    /** What it prints when work can be given to it; without it, it needs none. */
    readonly began?: RegExp;
    readonly pattern: RegExp;
    readonly count: number;
    readonly produce: () => Promise<unknown>;
    /** Whether the engine has been told of all that was done; what it was not told of comes again. */
    readonly isSettled?: () => Promise<boolean>;
  },
): Promise<readonly [killed: Example, ended: Example]> {
  const killed = recipe(name, environment);
  if (began) await killed.prints(began);
  await produce();
  await prints(1, pattern, killed);
  killed.send("SIGKILL");
  assert.is(await killed.exit, "SIGKILL");
  assert.ok(
    printed(pattern, killed).size < count,
    "it was killed when all was done",
  );

  const ended = recipe(name, environment);
  await prints(count, pattern, killed, ended);
  if (isSettled) await until("the engine to know it", isSettled, killed, ended);
  await stops(ended);
  return [killed, ended];
}

async function stops(program: Example): Promise<void> {
  program.send("SIGTERM");
  assert.is(await program.exit, 0, program.output);
  assert.not.match(program.output, /Unhandled|UnhandledPromise|Uncaught/i);
}

/** Gives an order to a recipe that serves. */
async function order(port: number, id: number): Promise<void> {
  const body = JSON.stringify({ id });
  const { status } = await fetch(`http://127.0.0.1:${port}/orders`, { method: "POST", body });
  assert.is(status, 202);
}

if (amqpUrl) {
  const { default: amqp } = await load("amqplib");

  onEach([{
    name: "rabbitmq_orders ships each order that it has accepted, whatever ends it",
    async run(recipe) {
      const port = await freePort();
      await survives(recipe, {
        name: "rabbitmq_orders",
        environment: { AMQP_URL: amqpUrl, PORT: `${port}` },
        began: /listening on/,
        pattern: /Shipped order (\d+)/g,
        count: 100,
        produce: () => Promise.all(upTo(100).map((id) => order(port, id))),
      });
      const connection = await amqp.connect(amqpUrl);
      const channel = await connection.createChannel();
      for (const queue of ["orders", "orders.dead"]) {
        assert.is((await channel.checkQueue(queue)).messageCount, 0);
        await channel.deleteQueue(queue);
      }
      await connection.close();
    },
  }]);
}

if (brokers) {
  const { Kafka, logLevel } = await load("kafkajs");

  onEach([{
    name: "kafka_orders ships each order that it has accepted, whatever ends it",
    async run(recipe) {
      const kafka = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING });
      const admin = kafka.admin();
      await admin.connect();
      await admin.createTopics({ topics }).catch(() => {}); // the stand-in cannot, and needs it not
      await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
      const port = await freePort();
      await survives(recipe, {
        name: "kafka_orders",
        environment: { KAFKA_BROKERS: brokers, PORT: `${port}` },
        began: /listening on/,
        pattern: /Shipped order (\d+)/g,
        count: 100,
        produce: () => Promise.all(upTo(100).map((id) => order(port, id))),
        isSettled: async () => await kafkaLag(admin, "shipping", "orders") === 0,
      });
      await admin.disconnect();
    },
  }]);
}

if (redisUrl) {
  const { Redis } = await load("ioredis");
  const { SMTPServer } = await load("smtp-server");

  /** A mail server: what it has taken, and which mails it has refused. */
  const mailServer = async () => {
    const mails: string[] = [];
    let refusals = 0;
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      onRcptTo(
        { address }: { readonly address: string },
        _session: unknown,
        done: (error?: Error) => void,
      ) {
        if (!address.startsWith("nobody")) return done();
        refusals++;
        done(
          Object.assign(new Error("No such mailbox"), { responseCode: 550 }),
        );
      },
      async onData(stream: AsyncIterable<unknown>, _session: unknown, done: () => void) {
        let text = "";
        try {
          for await (const chunk of stream) text += chunk;
        } catch { // its client was killed
          return;
        }
        await delay(50);
        mails.push(text);
        done();
      },
    });
    server.on("error", () => {}); // a client that is killed cuts its connection
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return {
      url: `smtp://127.0.0.1:${port}`,
      mails,
      refusals: () => refusals,
      close: () => new Promise<void>((resolve) => server.close(resolve)),
    };
  };

  onEach([{
    name: "redis_mails sends each mail, and keeps aside what is refused for good",
    async run(recipe) {
      const client = new Redis(redisUrl);
      const server = await mailServer();
      const send = (to: string, subject: string): Promise<unknown> =>
        client.xadd(
          "mails",
          "*",
          "mail",
          JSON.stringify({ to, subject, text: "Hi" }),
        );
      await survives(recipe, {
        name: "redis_mails",
        environment: { REDIS_URL: redisUrl, SMTP_URL: server.url },
        pattern: /Sent "mail (\d+)"|Not sent: .*(nobody)/g,
        count: 41,
        isSettled: async () => await client.xlen("mails") === 0,
        async produce() {
          for (const id of upTo(40)) {
            await send("ann@example.com", `mail ${id}`);
          }
          await send("nobody@example.com", "lost");
        },
      });
      const subjects = server.mails.map((it) => it.match(/^Subject: mail (\d+)/m)![1]);
      assert.is(new Set(subjects).size, 40);
      const ids = server.mails.map((it) => it.match(/^Message-ID: (.*)$/m)![1]);
      assert.is(
        new Set(ids).size,
        40,
        "a mail that is sent again has the same id",
      );
      assert.is(server.refusals(), 1);
      assert.is(await client.xlen("mails:dead"), 1);
      await client.del("mails", "mails:dead");
      client.disconnect();
      await server.close();
    },
  }]);

  const { Queue } = await load("bullmq");
  const queueOf = () => {
    const client = new Redis(redisUrl, { maxRetriesPerRequest: null });
    const queue = new Queue("thumbnails", { connection: client });
    const add = (image: string): Promise<unknown> =>
      queue.add("thumbnail", { image }, { removeOnComplete: true });
    const close = async (): Promise<void> => {
      await queue.obliterate({ force: true });
      await queue.close();
      client.disconnect();
    };
    return { queue, add, close };
  };
  onEach([{
    name: "bullmq_worker does each job, whatever ends it",
    async run(recipe) {
      const { queue, add, close } = queueOf();
      await survives(recipe, {
        name: "bullmq_worker",
        environment: { REDIS_URL: redisUrl },
        pattern: /Made image (\d+)/g,
        count: 100,
        produce: () => Promise.all(upTo(100).map((id) => add(`image ${id}`))),
        isSettled: async () => await queue.getJobCountByTypes("active", "waiting") === 0,
      });
      const { active, waiting, failed } = await queue.getJobCounts();
      assert.equal({ active, waiting, failed }, {
        active: 0,
        waiting: 0,
        failed: 0,
      });
      await close();
    },
  }, {
    name: "bullmq_worker finishes what it has when it is stopped, and takes no more",
    async run(recipe) {
      const { queue, add, close } = queueOf();
      await Promise.all(upTo(100).map((id) => add(`image ${id}`)));
      const worker = recipe("bullmq_worker", { REDIS_URL: redisUrl });
      await prints(1, /Made image (\d+)/g, worker);
      await stops(worker);
      const { active, waiting, failed } = await queue.getJobCounts();
      const made = printed(/Made image (\d+)/g, worker).size;
      assert.equal({ active, waiting, failed }, {
        active: 0,
        waiting: 100 - made,
        failed: 0,
      });
      assert.ok(made < 100);
      await close();
    },
  }]);
}

onEach([{
  name: "polling handles each event, asks with the ETag, and bears that the API is away",
  async run(recipe) {
    const requests: (string | undefined)[] = [];
    const events = upTo(20).map((id) => ({ id, text: `of ${id}` }));
    const server = createServer((request, response) => {
      requests.push(request.headers["if-none-match"]);
      if (requests.length === 1) {
        return void response.writeHead(503, { "Retry-After": "1" }).end();
      }
      const etag = `"${events.length}"`;
      if (request.headers["if-none-match"] === etag) {
        return void response.writeHead(304).end();
      }
      response.writeHead(200, { ETag: etag }).end(JSON.stringify(events));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const state = join(folder, `${port}.json`);
    const environment = {
      API: `http://127.0.0.1:${port}/events`,
      STATE: state,
    };
    const [killed, ended] = await survives(recipe, {
      name: "polling",
      environment,
      pattern: /Event (\d+): of/g,
      count: 20,
      produce: async () => {},
    });
    assert.match(killed.output, /It answered 503/);
    const twice = [...printed(/Event (\d+)/g, killed)].filter((id) =>
      printed(/Event (\d+)/g, ended).has(id)
    );
    assert.ok(
      twice.length <= 1,
      `only the one that was in hands comes again: ${twice}`,
    );

    const again = recipe("polling", environment);
    await until("its ETag", () => requests.at(-1) === '"20"', again);
    events.push({ id: 21, text: "of 21" });
    await prints(1, /Event (21): of/g, again);
    await stops(again);
    assert.is(JSON.parse(readFileSync(state, "utf8")).last, 21);
    server.close();
  },
}]);

test("recipes are short", () => {
  const recipes = new URL("../../examples/engines/", import.meta.url);
  const long = readdirSync(recipes).filter((name) =>
    name.endsWith(".ts") &&
    readFileSync(new URL(name, recipes), "utf8").split("\n").length > 61
  );
  assert.equal(long, []);
});

test.run();
