import { library } from "../library.mjs";
import { client, drive, variant } from "./_drive.mjs";

const { createHost } = await library("mod");
const { consumer } = await library("src/consumers/mod");
const { streamSource } = await library("src/redis/mod");
const { Redis } = client("ioredis");
const { Queue, Worker } = client("bullmq");

const connect = () => new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const group = "workers";

/** What one would write by hand: as many as may run are read, handled and acked, then the next ones. */
async function bare(stream, concurrency, handle) {
  const redis = connect();
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      const answer = await redis.xreadgroup(
        ...[
          "GROUP",
          group,
          "bare",
          "COUNT",
          concurrency,
          "BLOCK",
          50,
          "STREAMS",
          stream,
          ">",
        ],
      );
      await Promise.all((answer?.[0][1] ?? []).map(async ([id, [, text]]) => {
        await handle(text);
        await redis.xack(stream, group, id);
      }));
    }
  })();
  return async () => {
    isOver = true;
    await loop;
    redis.disconnect();
  };
}

async function runhost(stream, concurrency, handle) {
  const redis = connect();
  const source = streamSource({ client: redis, stream, group, field: "text" });
  const host = createHost([consumer("bench", { source, concurrency, handle })]);
  await host.start();
  return async () => {
    await host.stop();
    redis.disconnect();
  };
}

async function bullmq(queue, concurrency, handle) {
  const worker = new Worker(queue, ({ data }) => handle(data), {
    connection: { url: process.env.REDIS_URL },
    concurrency,
  });
  return () => worker.close();
}

async function fillStream(stream, count) {
  const redis = connect();
  await redis.xgroup("CREATE", stream, group, "0", "MKSTREAM");
  const added = [];
  for (let id = 1; id <= count; id++) {
    added.push(redis.xadd(stream, "*", "text", `${id}`));
  }
  await Promise.all(added);
  redis.disconnect();
}

async function fillQueue(name, count) {
  const queue = new Queue(name, { connection: { url: process.env.REDIS_URL } });
  const job = (_, index) => ({
    name: "job",
    data: index + 1,
    opts: { removeOnComplete: true },
  });
  await queue.addBulk(Array.from({ length: count }, job));
  await queue.close();
}

await drive({
  fill: variant === "bullmq" ? fillQueue : fillStream,
  consume: { bare, runhost, bullmq }[variant],
});
