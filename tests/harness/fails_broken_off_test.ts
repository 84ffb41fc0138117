/** Fails on purpose, for `run_test.ts`: an `after.each` of uvu, of which uvu says nothing. */
import { suite } from "uvu";

const test = suite("fails broken off");
test.after.each(() => {
  throw new Error("uvu drops this");
});

test("the last before the break", () => {});

test("one that never runs", () => {});

test.run();
