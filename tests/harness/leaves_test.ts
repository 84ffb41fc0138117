/** Waits on purpose, for `run_test.ts`, for what nothing will ever do: the runtime leaves. */
import { test } from "uvu";

test("one that waits in vain", () => new Promise(() => {}));

test.run();
