/**
 * Runs all `*_test.ts` in one process, on whichever runtime runs this file:
 *
 *     tsx tests/run.ts [filter...]
 *     deno run -A tests/run.ts [filter...]
 *     bun tests/run.ts [filter...]
 *
 * A file is run when its path contains one of the filters. Those in the folders below are
 * run on Node only, or fail on purpose, so they wait for a filter that names their folder.
 *
 * A test that takes longer than `TEST_LIMIT` milliseconds, or is at it when the run has to end
 * (`TEST_DEADLINE`, milliseconds since 1970), is named, and the run ends.
 */
import { readdirSync } from "node:fs";
import process from "node:process";
import { setTimeout } from "node:timers";
import { stripVTControlCharacters } from "node:util";
import { currentTest, followTests, takeAftermaths } from "./_after_each.ts";
import { Watchdog } from "./_watchdog.ts";

const nodeOnly = [
  "browser",
  "create",
  "engines",
  "examples",
  "frameworks",
  "load",
  "package",
  "process",
  "runners",
  "templates",
  "workerd",
];
/** Fail on purpose, for `run_test.ts`. */
const harness = "harness";

type Result = [errors: string | true, passed: number, skipped: number, total: number];
type Group = [name: string, ...suites: (() => Promise<Result>)[]];

const filters = process.argv.slice(2);
const files = readdirSync(new URL(".", import.meta.url), { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith("_test.ts") && !file.includes("node_modules") && selected(file))
  .sort();

function selected(file: string): boolean {
  const folder = [...nodeOnly, harness].find((name) => file.startsWith(`${name}/`));
  if (folder !== undefined && !filters.some((filter) => filter.includes(folder))) return false;
  return filters.length === 0 || filters.some((filter) => `tests/${file}`.includes(filter));
}

// Until the end is reached the run has failed, also if the runtime leaves in the middle of a test.
process.exitCode = 1;

const watchdog = new Watchdog({
  limit: Number(process.env["TEST_LIMIT"] ?? 240_000),
  deadline: Number(process.env["TEST_DEADLINE"] ?? Infinity),
});
let file = "";
let last = "";
followTests((test) => {
  last = test;
  watchdog.see(`${file}: "${test}"`);
});
process.once("exit", () => {
  if (!currentTest()) return;
  console.error(`The run broke off in ${file}: "${currentTest()}"`);
  process.exitCode = 1; // whatever it was told to exit with
});

// uvu's own way to run many files: they queue their suites by index, `exec` runs the queue.
const queue: Group[] = [];
const uvu = Object.assign(globalThis, { UVU_DEFER: 1, UVU_INDEX: 0, UVU_QUEUE: queue });
const { exec, test } = await import("uvu");

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const [index, name] of files.entries()) {
  const group: Group = [name];
  queue.push(group);
  uvu.UVU_INDEX = index;
  watchdog.see(`${name}: its import`);
  try {
    await import(new URL(name, import.meta.url).href);
    if (group.length === 1) throw new Error("It has no test.run()");
    const left = await forgotten(group);
    if (left > 0) throw new Error(`${left} of its tests are behind its test.run()`);
  } catch (error) {
    counts.failed++;
    console.error(`Cannot load ${name}:`, error);
  }
  for (const [position, suite] of group.entries()) {
    if (typeof suite === "function") group[position] = () => counted(name, suite);
  }
}

/** Runs a suite and counts its tests: uvu keeps its counts to itself. */
async function counted(name: string, suite: () => Promise<Result>): Promise<Result> {
  file = name;
  last = "";
  watchdog.see(`${name}: what comes before its tests`);
  let result: Result;
  try {
    result = await suite();
  } catch (error) {
    result = [`${render(`${name}: after its tests`, error)}`, 0, 0, 1];
  }
  const [, passed, skipped, total] = result = completed(result);
  watchdog.see(`${name}: what comes after its tests`);
  counts.passed += passed;
  counts.failed += total - passed;
  counts.skipped += skipped;
  return result;
}

/** How many tests a file has left that nobody has told to run; uvu would give them to the next file. */
async function forgotten(group: Group): Promise<number> {
  test.run();
  const suite = group.pop();
  if (typeof suite !== "function") return 0;
  const { write } = process.stdout;
  process.stdout.write = () => true;
  try {
    const [, , , total] = await suite();
    return total;
  } finally {
    process.stdout.write = write;
  }
}

/** A result with all that uvu does not report: what failed around the tests. */
function completed([errors, passed, skipped, total]: Result): Result {
  let report = errors === true ? "" : errors;
  const failed = stripVTControlCharacters(report).match(/^ {3}FAIL .*$/gm) ?? [];
  if (passed + failed.length < total) {
    const where = last
      ? `an after.each after "${last}", which broke off the suite: use afterEach() of _after_each.ts`
      : "its before, so that no test ran";
    report += render(`${file}: ${where}`, "uvu does not say what was thrown");
  }
  for (const { test, error } of takeAftermaths()) {
    if (!failed.some((line) => line.endsWith(` "${test}"`))) passed--;
    report += render(`after "${test}"`, error);
  }
  return [report || true, passed, skipped, total];
}

function render(name: string, error: unknown): string {
  return `\n   FAIL  ${name}\n    ${error instanceof Error ? error.stack : String(error)}\n`;
}

await exec();

if (counts.passed + counts.failed === 0) {
  console.error("No test ran");
  counts.failed++;
}
process.exitCode = counts.failed > 0 ? 1 : 0;
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);

// Whatever a test left running would hang this process; an unreferenced timer fires only then.
setTimeout(() => {
  console.error("Something that a test has started is still running");
  process.exit(1);
}, 5_000).unref();
