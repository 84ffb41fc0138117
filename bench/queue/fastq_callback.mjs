/** The callback interface: it makes no promise for who hands a task over. */
import fastq from "fastq";
import { drive } from "./_drive.mjs";

await drive((concurrency) => {
  const work = (task, done) => void task().then(() => done(null), done);
  const queue = fastq(work, concurrency);
  return {
    add: (task) => queue.push(task),
    idle: () => new Promise((resolve) => (queue.drain = resolve)),
    close: () => queue.kill(),
  };
});
