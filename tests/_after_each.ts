/**
 * What is done after each test, without costing a test its name: uvu forgets a test that fails, its
 * error and all tests behind it, when an `after.each` throws too.
 *
 * @module
 */

import type { Context, Test } from "uvu";

/** Something that failed after a test. */
export interface Aftermath {
  readonly test: string;
  readonly error: unknown;
}

const aftermaths: Aftermath[] = [];

/** Does something after each test of a suite; the test fails with what this throws. */
export function afterEach<T extends object>(
  suite: Test<T>,
  callback: (context: T) => unknown,
): void {
  suite.after.each(async (context: T & Context) => {
    const test = currentTest();
    try {
      await callback(context);
    } catch (error) {
      aftermaths.push({ test, error });
    }
  });
}

/** Hands out what has failed after tests since the last call. */
export function takeAftermaths(): readonly Aftermath[] {
  return aftermaths.splice(0);
}

let current = "";

/** The test that runs; empty between two suites. */
export function currentTest(): string {
  return current;
}

/**
 * Looks on as uvu runs one test after the other. Has to be called before uvu is loaded: it notes the
 * name of the test that runs in its context, and there it falls into a setter of ours.
 */
export function followTests(began: (test: string) => void): void {
  Object.defineProperty(Object.prototype, "__test__", {
    configurable: true,
    get: () => current,
    set(test: string) {
      current = test;
      if (test) began(test);
    },
  });
}
