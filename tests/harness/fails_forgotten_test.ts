/** Fails on purpose, for `run_test.ts`: a test behind `test.run()`. */
import { test } from "uvu";

test("one that runs", () => {});

test.run();

test("one that nobody runs", () => {});
