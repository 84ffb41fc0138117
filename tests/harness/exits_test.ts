/** Exits on purpose, for `run_test.ts`, as if all were well. */
import process from "node:process";
import { test } from "uvu";

test("one that exits", () => process.exit(0));

test.run();
