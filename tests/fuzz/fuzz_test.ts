import { test } from "uvu";
import * as assert from "uvu/assert";
import { describe, fuzz } from "./fuzz.ts";

const runs = 10_000;
const seed = Math.floor(Math.random() * 2 ** 32);

test(`${runs} random runs break no invariant`, async () => {
  console.log(`\nfuzz: ${runs} runs, --seed ${seed}`);
  const [failure] = await fuzz({ runs, seed });
  if (failure) assert.unreachable(describe(failure));
});

test.run();
