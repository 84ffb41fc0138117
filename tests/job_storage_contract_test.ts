/** The contract of a storage of jobs: a good one passes, and each planted fault is found by the check that is to. */
import { test } from "uvu";
import {
  FakeClock,
  FakeJobStorage,
  jobStorageContract,
  type JobStorageFixture,
} from "../src/testing/mod.ts";
import { guard } from "./_guard.ts";

guard(test);

function fixture(Storage: typeof FakeJobStorage = FakeJobStorage): JobStorageFixture {
  const clock = new FakeClock();
  const storage = new Storage({ clock });
  return { clock, open: () => storage };
}

const quick = { patience: 2_000, silence: 100 };

for (const { name, run } of jobStorageContract(() => fixture(), quick)) {
  test(`a good storage: ${name}`, run);
}

test.run();
