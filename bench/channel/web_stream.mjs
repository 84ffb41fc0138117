/** What every runtime has: a stream with a queue between its two sides. */
import { drive } from "./_drive.mjs";

await drive({
  async "bounded, await each"(count) {
    const { readable, writable } = new TransformStream({}, {
      highWaterMark: 1_000,
    });
    const writer = writable.getWriter();
    const produced = (async () => {
      for (let item = 1; item <= count; item++) {
        await writer.ready;
        writer.write(item);
      }
      await writer.close();
    })();
    let sum = 0;
    for await (const item of readable) sum += item;
    await produced;
    return sum;
  },
});
