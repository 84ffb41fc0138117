import fastq from "fastq";
import { drive } from "./_drive.mjs";

await drive((concurrency) => {
  const queue = fastq.promise((task) => task(), concurrency);
  return {
    add: (task) => void queue.push(task),
    idle: () => queue.drained(),
    close: () => queue.kill(),
  };
});
