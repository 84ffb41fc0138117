/**
 * `npx tsx tests/fuzz/main.ts --runs 100000 --seed 7`, or `--only <seed of one run>`. Prints the
 * failures and exits with 1 if there are any.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { describe, type Failure, fuzz, runSeed } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    failures: { type: "string", default: "1" },
    only: { type: "string" },
  },
});

const failed = values.only === undefined ? await many() : await one(Number(values.only));
for (const failure of failed) console.log(describe(failure));
if (failed.length > 0) process.exitCode = 1;
summarize(failed);

async function many(): Promise<readonly Failure[]> {
  const [runs, seed, failures] = [
    Number(values.runs),
    Number(values.seed),
    Number(values.failures),
  ];
  console.log(`${runs} runs, --seed ${seed}`);
  const begun = performance.now();
  const failed = await fuzz({ runs, seed, failures });
  console.log(`${failed.length} failed, ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return failed;
}

async function one(seed: number): Promise<readonly Failure[]> {
  const failure = await runSeed(seed);
  if (!failure) console.log(`seed ${seed} breaks nothing`);
  return failure ? [failure] : [];
}

/** Which invariants were broken, and how often. */
function summarize(failures: readonly Failure[]): void {
  const counts = new Map<string, number>();
  for (const { breaches } of failures) {
    for (const name of new Set(breaches.map((it) => it.name))) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  for (const [name, count] of counts) console.log(`${String(count).padStart(6)} times: ${name}`);
}
