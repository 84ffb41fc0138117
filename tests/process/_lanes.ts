/**
 * Tests that run beside each other. uvu awaits one after the other; programs mostly wait.
 *
 * @module
 */

import type { Test } from "uvu";

/** How many run at a time. More would keep programs from handling signals when they come. */
const lanes = 6;

let free = lanes;
const queue: (() => void)[] = [];

/** Adds a test that begins as soon as there is a lane, before uvu comes to it. */
export function beside(test: Test, name: string, body: () => Promise<void>): void {
  const outcome = Promise.resolve().then(() => inLane(body)); // not before its file is loaded
  outcome.catch(() => {}); // uvu reports it
  test(name, () => outcome);
}

async function inLane(body: () => Promise<void>): Promise<void> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => queue.push(resolve));
  try {
    await body();
  } finally {
    const next = queue.shift();
    if (next) next();
    else free++;
  }
}
