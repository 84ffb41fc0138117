/**
 * Which lives a fuzzer plays: the same ones each time, so that a failure is the fault of the change at
 * hand; new ones by hand, and one again that has failed.
 *
 *     FUZZ_RUNS=50000 npx tsx tests/run.ts consumer_fuzz              new ones
 *     FUZZ_SEED=7 FUZZ_RUNS=100 npx tsx tests/run.ts consumer_fuzz    from this seed on
 *     FUZZ_SEED=7 npx tsx tests/run.ts consumer_fuzz                  this one
 *
 * @module
 */

import process from "node:process";

/** Plays `runs` lives, or those that the environment asks for; names the seed of one that fails. */
export async function playLives(
  runs: number,
  live: (seed: number) => Promise<unknown>,
): Promise<void> {
  const { FUZZ_SEED, FUZZ_RUNS } = process.env;
  const asked = FUZZ_SEED ?? FUZZ_RUNS;
  const first = FUZZ_SEED ?? (FUZZ_RUNS ? Math.floor(Math.random() * 2 ** 32) : 20_261_126);
  const count = Number(FUZZ_RUNS ?? (FUZZ_SEED ? 1 : runs));
  if (asked !== undefined) console.log(`\n${count} lives from FUZZ_SEED=${first}`);
  for (let life = 0; life < count; life++) {
    const seed = Number(first) + life;
    try {
      await live(seed);
    } catch (error) {
      const { stack = String(error) } = error as Error;
      throw new Error(`FUZZ_SEED=${seed}: ${stack}`, { cause: error });
    }
  }
}
