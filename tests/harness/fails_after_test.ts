/** Fails on purpose, for `run_test.ts`: tests after which something of ours throws. */
import { suite } from "uvu";
import { afterEach } from "../_after_each.ts";

const test = suite("fails after");
let tests = 0;
afterEach(test, () => {
  if (++tests > 1) throw new Error(`Failed after test ${tests}`);
});

test("the first is fine", () => {});

test("the second fails", () => {
  throw new Error("Failed in test 2");
});

test("the third is fine until its end", () => {});

test.run();
