import type { Test } from "uvu";
import { afterEach } from "./_after_each.ts";
import { quiet } from "../src/testing/mod.ts";
import { watchUnhandled } from "./_unhandled.ts";

/** Fails every test of the suite after which a rejection or an exception is left unhandled. */
export function guard(test: Test): void {
  let unhandled: unknown[] = [];
  let unwatch = (): void => {};
  test.before(() => {
    unwatch = watchUnhandled((error) => unhandled.push(error));
  });
  afterEach(test, async () => {
    await quiet();
    const left = unhandled;
    unhandled = [];
    if (left.length) throw new Error(`Left unhandled: ${left.join("; ")}`);
  });
  test.after(() => unwatch());
}
