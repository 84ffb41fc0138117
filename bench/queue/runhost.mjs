import { library } from "../library.mjs";
import { drive } from "./_drive.mjs";

const { createHost } = await library("mod");
const { TaskQueue } = await library("src/consumers/mod");

await drive(async (concurrency) => {
  const queue = new TaskQueue("queue", { capacity: Infinity, concurrency });
  const host = createHost([queue]);
  await host.start();
  return {
    add: (task) => queue.tryEnqueue(task),
    idle: () => queue.onIdle(),
    close: () => host.stop(),
  };
});
