import PQueue from "p-queue";
import { drive } from "./_drive.mjs";

await drive((concurrency) => {
  const queue = new PQueue({ concurrency });
  return {
    add: (task) => void queue.add(task),
    idle: () => queue.onIdle(),
    close: () => queue.clear(),
  };
});
