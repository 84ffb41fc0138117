/** Has a consumer work off messages of a source in memory; shared by the programs beside it. */
import { expect, program } from "../program.mjs";
import { library } from "../library.mjs";

const { createHost, delay } = await library("mod");
const { consumer } = await library("src/consumers/mod");

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/**
 * @param telemetry The `around` of the consumer, if it has one, and `watch`, which is told of its host.
 */
export async function drive({ around, watch = () => {} } = {}) {
  await program(
    async () => ({ sum: await run(1_000, () => {}).then((it) => it.sum) }),
    async (full) => {
      const [waiting, empty] = full ? [8_000, 200_000] : [800, 20_000];
      await run(waiting / 4, () => delay(5));
      await run(empty / 4, () => {});
      return {
        "handlers that wait for 5 ms": waiting / (await run(waiting, () => delay(5))).took,
        "empty handlers": empty / (await run(empty, () => {})).took,
      };
    },
  );

  /** Handles so many messages, 16 at a time; gives the milliseconds, and the sum of what was handled. */
  async function run(count, work) {
    let [next, sum] = [0, 0];
    const source = {
      async receive(signal, { max }) {
        if (next === count) {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        }
        const size = Math.min(max, count - next);
        return Array.from({ length: size }, () => ({
          value: ++next,
          headers: { traceparent },
          ack: async () => {},
          release: async () => {},
          reject: async () => {},
        }));
      },
    };
    let done = 0;
    let allDone;
    const all = new Promise((resolve) => allDone = resolve);
    const service = consumer("consumer", {
      source,
      concurrency: 16,
      around,
      async handle(value) {
        await work();
        sum += value;
        if (++done === count) allDone();
      },
    });
    const host = createHost([service], { hostLifetime: false });
    watch(host);
    const began = performance.now();
    await host.start();
    await all;
    const took = performance.now() - began;
    await host.stop();
    expect("messages", done, count);
    return { took, sum };
  }
}
