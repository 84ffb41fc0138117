/** Hangs on purpose, for `run_test.ts`: no timer and no signal comes in between. */
import { test } from "uvu";

test("one that ends", () => {});

test("one that loops", () => {
  for (;;);
});

test.run();
