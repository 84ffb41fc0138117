/**
 * What all measured programs share: they are run with `check` or with `measure` and an effort, and
 * print what they have found as one line of JSON.
 */
import { setImmediate } from "node:timers";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Answers the command line.
 *
 * @param check Gives what is compared with the other variants' before anything is timed.
 * @param measure Gives a number for each case.
 */
export async function program(check, measure) {
  const [mode, effort] = process.argv.slice(2);
  const found = mode === "check" ? await check() : await measure(effort === "full");
  console.log(JSON.stringify(found));
}

/** One turn of the event loop, the least that any input or output takes. */
export const turn = () => new Promise((resolve) => void setImmediate(resolve));

/** Resolves when the signal aborts: work that waits for its end. */
export const untilAborted = (signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** The median of what `once` gives, called until the time is used up, and once before that. */
export async function sample(once, milliseconds) {
  await once();
  const values = [];
  const end = performance.now() + milliseconds;
  do values.push(await once()); while (performance.now() < end);
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/** Collects garbage, now: V8 lends its function to new contexts, Bun has one of its own. */
export function collect() {
  if ("Bun" in globalThis) return globalThis.Bun.gc(true);
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

/** What this process takes in kB after a second in which it has nothing to do. */
export async function idleProcess() {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  collect();
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  return { resident: rss / 1_000, heap: heapUsed / 1_000 };
}

/** Fails unless `actual` is what it should be: a variant that does less than the others is no rival. */
export function expect(what, actual, wanted) {
  if (actual !== wanted) {
    throw new Error(`${what}: ${actual} instead of ${wanted}`);
  }
}
