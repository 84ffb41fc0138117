/** An array, and loops that take from it until it is empty. */
import { drive } from "./_drive.mjs";

await drive((concurrency) => {
  const tasks = [];
  let next = 0;
  const work = async () => {
    while (next < tasks.length) await tasks[next++]();
  };
  return {
    add: (task) => tasks.push(task),
    idle: () => Promise.all(Array.from({ length: concurrency }, work)),
    close() {},
  };
});
