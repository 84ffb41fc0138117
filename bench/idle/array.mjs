/** No store at all: jobs in an array. What the others take on top of it is their store and their server. */
import { drive } from "../jobs/_drive.mjs";

await drive((handle) => {
  const waiting = [];
  let take = () => {};
  return {
    async add(number) {
      waiting.push(number);
      take();
    },
    async work() {
      take = () => {
        while (waiting.length) handle(waiting.shift());
      };
      take();
    },
    async close() {},
  };
});
