import process from "node:process";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { drive } from "./_drive.mjs";

const logger = new Logger(() => () => {});

await drive(async (handle) => {
  const pgPool = new pg.Pool({
    connectionString: process.env.POSTGRES_URL,
    max: 20,
  });
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  let runner;
  return {
    add: (number) => utils.addJob("job", { number }),
    async work(concurrency) {
      const taskList = { job: async ({ number }) => void handle(number) };
      runner = await run({
        pgPool,
        concurrency,
        taskList,
        logger,
        noHandleSignals: true,
      });
    },
    async close() {
      await runner.stop();
      await utils.release();
      await pgPool.end();
    },
  };
});
