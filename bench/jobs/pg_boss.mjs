import process from "node:process";
import { PgBoss } from "pg-boss";
import { drive } from "./_drive.mjs";

await drive(async (handle) => {
  const boss = new PgBoss({
    connectionString: process.env.POSTGRES_URL,
    schema: "boss",
    useListenNotify: true,
  });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  const name = `bench-${process.pid}-${Math.round(performance.now())}`;
  await boss.createQueue(name, { notify: true });
  return {
    add: (number) => boss.send(name, { number }),
    async work(concurrency) {
      const options = {
        batchSize: concurrency,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
      };
      await boss.work(name, options, async (jobs) => {
        await Promise.all(
          jobs.map(async ({ data }) => void handle(data.number)),
        );
      });
    },
    async close() {
      await boss.offWork(name, { wait: true });
      await boss.deleteQueue(name);
      await boss.stop();
    },
  };
});
