import { createHost } from "@runhost/host";
import { TaskQueue } from "@runhost/host/consumers";

async function main() {
  const queue = new TaskQueue("queue", { capacity: Infinity });
  const host = createHost([queue]);
  await host.start();
  for (const number of [1, 2, 3]) {
    queue.tryEnqueue(async () => console.log(number));
  }
  await host.stop();
}

main();
