import process from "node:process";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { drive } from "./_drive.mjs";

await drive(async (handle) => {
  const connection = new Redis(process.env.REDIS_URL, {
    maxRetriesPerRequest: null,
  });
  const name = `bench-${process.pid}-${performance.now()}`;
  const queue = new Queue(name, { connection });
  let worker;
  return {
    add: (number) => queue.add("job", { number }),
    async work(concurrency) {
      worker = new Worker(name, async ({ data }) => void handle(data.number), {
        connection,
        concurrency,
      });
      worker.on("error", (error) => console.error(error));
      await worker.waitUntilReady();
    },
    async close() {
      await worker.close();
      await queue.obliterate({ force: true });
      await queue.close();
      connection.disconnect();
    },
  };
});
