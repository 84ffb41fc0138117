/**
 * A client of a crash run, which enqueues until its share is acknowledged, in all its lives together. Its arguments: the address
 * of the store, the file of what was acknowledged, how many jobs are its share, the milliseconds of rest after each, and `own`
 * if it gives the jobs their ids itself, so that it can safely enqueue one again whose end it has not seen.
 */
import process from "node:process";
import { backgroundService, delay } from "../../mod.ts";
import { jobClient } from "../../src/jobs/mod.ts";
import { runHost } from "../process/fixtures/_entry.ts";
import { openLines, readLines } from "./_lines.ts";
import { storeAt } from "./_store.ts";
import { workOf } from "./_work.ts";

const [address = "", file = "", share = "", rest = "", ids = ""] = process.argv.slice(2);
const lanes = 4;
const work = workOf();
const lines = openLines(file);
const client = jobClient("client", { storage: await storeAt(address) });

/** Milliseconds that a job takes: some outlast their first hold, so that it has to be extended. */
const timeOf = (index: number): number => index % 50 === 0 ? 2_500 : (index * 37) % 150;

const enqueue = backgroundService("enqueue", async () => {
  const known = new Set(readLines(file));
  // Of those with ids of the store, only the number is known.
  const left = Array.from({ length: Number(share) }, (_, index) => index)
    .filter((index) => ids === "own" ? !known.has(`own-${index}`) : index >= known.size);
  let last: string | undefined;

  const lane = async (): Promise<void> => {
    for (let index = left.shift(); index !== undefined; index = left.shift()) {
      const id = await untilStored(index, {
        id: ids === "own" ? `own-${index}` : undefined,
        after: index % 10 === 0 ? last : undefined,
        delay: index % 7 === 0 ? 300 : undefined,
      });
      lines.addForGood([id]);
      last = id;
      await delay(Number(rest));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
});

async function untilStored(
  index: number,
  options: Parameters<typeof client.enqueue>[2],
): Promise<string> {
  for (;;) {
    try {
      return await client.enqueue(work, timeOf(index), options);
    } catch (error) {
      console.error(`${error}`);
      await delay(100);
    }
  }
}

await runHost([client, enqueue], { stopWhenIdle: true });
