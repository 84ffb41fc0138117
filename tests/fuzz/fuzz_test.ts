import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describe, fuzz } from "./fuzz.ts";

const runs = Number(process.env["FUZZ_RUNS"] ?? 2_500);
// The same ones each time, so that a failure here is the fault of the change at hand; new ones are
// for `npx tsx tests/fuzz/main.ts`.
const seed = 20_260_901;

test(`${runs} random runs break no invariant`, async () => {
  const [failure] = await fuzz({ runs, seed });
  if (failure) assert.unreachable(describe(failure));
});

test.run();
