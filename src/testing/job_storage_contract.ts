import { check as checkShape, checkFinite, checkWord, nothing } from "../_check.ts";
import { checkContractOptions, type ContractCheck, withFixture } from "./contract.ts";
import { adds } from "./_job_storage/adds.ts";
import {
  JobBench,
  type JobStorageCheck,
  type JobStorageContractOptions,
  type JobStorageFixture,
  type JobStorageTrait,
} from "./_job_storage/bench.ts";
import { cancels } from "./_job_storage/cancels.ts";
import { ends } from "./_job_storage/ends.ts";
import { holds } from "./_job_storage/holds.ts";
import { keys } from "./_job_storage/keys.ts";
import { lists } from "./_job_storage/lists.ts";
import { opens } from "./_job_storage/opens.ts";
import { purges } from "./_job_storage/purges.ts";
import { recurring } from "./_job_storage/recurring.ts";
import { servers } from "./_job_storage/servers.ts";
import { takes } from "./_job_storage/takes.ts";

export type { JobStorageContractOptions, JobStorageFixture, JobStorageTrait };

/** What a fixture needs for each trait. */
const members = { transactions: "transaction", versions: "renew" } as const;
const words = Object.keys(members) as readonly JobStorageTrait[];

const checks: readonly JobStorageCheck[] = [
  ...adds,
  ...keys,
  ...takes,
  ...holds,
  ...ends,
  ...cancels,
  ...lists,
  ...purges,
  ...recurring,
  ...servers,
  ...opens,
];

/**
 * What every `JobStorage` must keep, as checks for any test runner: whoever writes one for an engine runs
 * them with the real engine.
 *
 * @param make Gives an empty store; called once for each check.
 * @param options What the storage can do, and how long to wait.
 * @throws {TypeError} If `can` has a word that is no trait, or a time is no number. A check rejects with one if its
 * fixture has not what a trait takes.
 * @throws {RangeError} If a time is negative, `NaN` or not finite.
 *
 * @example A storage in memory, on a fake clock
 * ```ts
 * import { FakeClock, FakeJobStorage, jobStorageContract } from "@runhost/host/testing";
 *
 * const make = () => {
 *   const clock = new FakeClock();
 *   const storage = new FakeJobStorage({ clock });
 *   return { clock, open: () => storage };
 * };
 *
 * for (const { run } of jobStorageContract(make)) {
 *   await run(); // test(name, run), with the runner of your choice
 * }
 * ```
 */
export function jobStorageContract(
  make: () => JobStorageFixture | Promise<JobStorageFixture>,
  options: JobStorageContractOptions = {},
): readonly ContractCheck[] {
  const can = new Set(options.can ?? []);
  for (const trait of can) checkWord("the trait of a job storage", trait, words);
  checkContractOptions("jobStorageContract", options);
  if (options.holdTimeout !== undefined) {
    checkFinite("jobStorageContract.holdTimeout", options.holdTimeout);
  }
  return checks.filter(({ needs }) => needs === undefined || can.has(needs)).map((
    { name, needs, check },
  ) => ({
    name,
    run: () =>
      withFixture(make, async (fixture) => {
        if (needs) {
          const member = members[needs];
          const label = `the fixture's ${member}, as "${needs}" is in can`;
          checkShape(label, fixture[member], nothing);
        }
        await new JobBench(fixture, options).run(check);
      }),
  }));
}
