/** Hands tasks to a queue and waits until they are done; shared by the programs beside it. */
import { expect, program, sample } from "../program.mjs";

const together = 16;

/**
 * @param make Makes a queue that runs `concurrency` tasks at a time and takes any number of them: an
 * object with `add(task)`, which does not wait, `idle()`, and `close()`. A task is an async function.
 */
export function drive(make) {
  return program(check, measure);

  async function check() {
    return { one: await order(), many: await mostActive() };
  }

  /** In which order one at a time are run. */
  async function order() {
    const queue = await make(1);
    let order = 0;
    for (let task = 0; task < 1_000; task++) {
      queue.add(async () => {
        order = (order * 31 + task) % 1_000_003;
      });
    }
    await queue.idle();
    await queue.close();
    return order;
  }

  /** How many run at the same time; none goes on before as many have begun as there should be. */
  async function mostActive() {
    const queue = await make(together);
    let [active, most, waiting] = [0, 0, []];
    for (let task = 0; task < 10 * together; task++) {
      queue.add(async () => {
        most = Math.max(most, ++active);
        await new Promise((resolve) => {
          waiting.push(resolve);
          if (waiting.length < together) return;
          for (const go of waiting) go();
          waiting = [];
        });
        active--;
      });
    }
    await queue.idle();
    await queue.close();
    return most;
  }

  async function measure(full) {
    const count = full ? 100_000 : 20_000;
    const found = {};
    for (const concurrency of [1, together]) {
      const milliseconds = await sample(
        () => once(concurrency, count),
        full ? 500 : 50,
      );
      found[`${concurrency} at a time`] = count / milliseconds / 1_000;
    }
    return found;
  }

  async function once(concurrency, count) {
    const queue = await make(concurrency);
    let done = 0;
    const task = async () => {
      done++;
    };
    const begun = performance.now();
    for (let index = 0; index < count; index++) queue.add(task);
    await queue.idle();
    const ended = performance.now();
    expect("done tasks", done, count);
    await queue.close();
    return ended - begun;
  }
}
