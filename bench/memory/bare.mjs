/** A controller and a promise for each. */
import { drive, work } from "./_drive.mjs";

await drive((count, tally) => {
  const workers = [];
  return {
    start() {
      for (let index = 0; index < count; index++) {
        const controller = new AbortController();
        workers.push({ controller, done: work(controller.signal, tally) });
      }
    },
    async stop() {
      for (const { controller } of workers) controller.abort();
      for (const { done } of workers) await done;
    },
  };
});
