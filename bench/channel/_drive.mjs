/** Sends the numbers from 1 on from a producer to a consumer; shared by the programs beside it. */
import { expect, program, sample } from "../program.mjs";

/** @param cases For each case what sends so many, and gives the sum of what was received. */
export function drive(cases) {
  return program(check, measure);

  /** The least that all have is compared: the rest is checked against the sum it must give. */
  async function check() {
    const sums = {};
    for (const [name, send] of Object.entries(cases)) {
      expect(
        `sum of ${name}`,
        sums[name] = await send(5_000),
        (5_000 * 5_001) / 2,
      );
    }
    return { sum: sums["bounded, await each"] };
  }

  async function measure(full) {
    const count = full ? 1_000_000 : 200_000;
    const found = {};
    for (const [name, send] of Object.entries(cases)) {
      const milliseconds = await sample(async () => {
        const begun = performance.now();
        const sum = await send(count);
        const ended = performance.now();
        expect(`sum of ${name}`, sum, (count * (count + 1)) / 2);
        return ended - begun;
      }, full ? 400 : 50);
      found[name] = count / milliseconds / 1_000;
    }
    return found;
  }
}
