/** Has a consumer take messages from a server, and measures how fast; shared by the programs beside it. */
import { createRequire } from "node:module";
import { expect, program, sample } from "../program.mjs";

/** The clients, which are installed for the tests. */
export const client = createRequire(
  new URL("../../tests/engines/package.json", import.meta.url),
);

/** Which variant a program is to be. */
export const variant = process.argv.at(-1);

/**
 * @param fill Makes a queue of that name, with the texts of all numbers from 1 to `count`.
 * @param consume Handles what is in a queue, `concurrency` at a time, by `handle(text)`, which gives a promise, and
 * settles each after that. Gives a function that ends it.
 */
export function drive({ fill, consume }) {
  return program(check, measure);

  async function check() {
    return { one: await once(1, 50), many: await once(16, 500) };
  }

  async function measure(full) {
    const found = {};
    for (const concurrency of [1, 16, 128]) {
      const count = (full ? 2_000 : 500) * (concurrency === 1 ? 1 : 4);
      found[`${concurrency} at a time`] = await sample(
        async () => {
          const { milliseconds } = await once(concurrency, count, true);
          return (count - 1) / milliseconds;
        },
        full ? 2_000 : 100,
      );
    }
    return found;
  }

  /** Consumes a queue once; the time begins with the first message, since to connect is no part of it. */
  async function once(concurrency, count, timed = false) {
    const queue = `bench-${crypto.randomUUID()}`;
    await fill(queue, count);
    let [done, sum, first] = [0, 0, 0];
    let isOver;
    const over = new Promise((resolve) => (isOver = resolve));
    const stop = await consume(queue, concurrency, async (text) => {
      if (done++ === 0) first = performance.now();
      sum += Number(text);
      if (done === count) isOver();
    });
    await over;
    const milliseconds = performance.now() - first;
    await stop();
    expect("the sum of all", sum, count * (count + 1) / 2);
    return timed ? { milliseconds } : { done, sum };
  }
}
