import { library } from "../library.mjs";
import { drive } from "./_drive.mjs";

const { Channel } = await library("src/channels/mod");
const capacity = 1_000;

await drive({
  "bounded, await each": (count) => awaitEach(new Channel({ capacity }), count),
  "bounded, try first": (count) => tryFirst(new Channel({ capacity }), count),
  "unbounded, await each": (count) => awaitEach(new Channel(), count),
  "unbounded, try first": (count) => tryFirst(new Channel(), count),
});

async function awaitEach(channel, count) {
  const produced = (async () => {
    for (let item = 1; item <= count; item++) await channel.write(item);
    channel.complete();
  })();
  let sum = 0;
  for await (const item of channel) sum += item;
  await produced;
  return sum;
}

async function tryFirst(channel, count) {
  const produced = (async () => {
    for (let item = 1; item <= count;) {
      if (channel.tryWrite(item)) item++;
      else await channel.waitToWrite();
    }
    channel.complete();
  })();
  let sum = 0;
  while (await channel.waitToRead()) {
    for (let item; (item = channel.tryRead()) !== undefined;) sum += item;
  }
  await produced;
  return sum;
}
