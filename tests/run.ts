/**
 * Runs all `*_test.ts` in one process, on whichever runtime runs this file:
 *
 *     tsx tests/run.ts [filter...]
 *     deno run -A tests/run.ts [filter...]
 *     bun tests/run.ts [filter...]
 *
 * A file is run when its path contains one of the filters. Those in the folders below are
 * run on Node only, so they wait for a filter that names their folder.
 */
import { readdirSync } from "node:fs";
import process from "node:process";
import { setTimeout } from "node:timers";

const nodeOnly = ["browser", "examples", "load", "package", "process", "workerd"];

type Result = [errors: string | true, passed: number, skipped: number, total: number];
type Group = [name: string, ...suites: (() => Promise<Result>)[]];

const filters = process.argv.slice(2);
const files = readdirSync(new URL(".", import.meta.url), { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith("_test.ts") && !file.includes("node_modules") && selected(file))
  .sort();

function selected(file: string): boolean {
  const folder = nodeOnly.find((name) => file.startsWith(`${name}/`));
  if (folder !== undefined && !filters.some((filter) => filter.includes(folder))) return false;
  return filters.length === 0 || filters.some((filter) => `tests/${file}`.includes(filter));
}

// Until the end is reached the run has failed, also if the runtime leaves in the middle of a test.
process.exitCode = 1;

// uvu's own way to run many files: they queue their suites by index, `exec` runs the queue.
const queue: Group[] = [];
const uvu = Object.assign(globalThis, { UVU_DEFER: 1, UVU_INDEX: 0, UVU_QUEUE: queue });
const { exec } = await import("uvu");

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const [index, file] of files.entries()) {
  const group: Group = [file];
  queue.push(group);
  uvu.UVU_INDEX = index;
  try {
    await import(new URL(file, import.meta.url).href);
    if (group.length === 1) throw new Error("It has no test.run()");
  } catch (error) {
    counts.failed++;
    console.error(`Cannot load ${file}:`, error);
  }
  for (const [position, suite] of group.entries()) {
    if (typeof suite === "function") group[position] = () => counted(suite);
  }
}

// uvu keeps its counts to itself, and reports no test of a suite whose `before` has thrown.
async function counted(suite: () => Promise<Result>): Promise<Result> {
  const result = await suite();
  const [, passed, skipped, total] = result;
  counts.passed += passed;
  counts.failed += total - passed;
  counts.skipped += skipped;
  return result;
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
