/**
 * `npm run test:mutants` plants one fault after the other in a copy of the repository, runs the tests
 * that have to see it, and fails if one of them survives. Words behind it choose the faults in which
 * they occur: `npm run test:mutants -- channel "waits for room"`.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Mutant, plant } from "./mutant.ts";
import { mutants } from "./table.ts";

/** How many faults are tried at a time. */
const lanes = 2;
/** Milliseconds that a test may take: with a fault it may well hang. */
const limit = 120_000;

const root = fileURLToPath(new URL("../../", import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), "runhost-mutants-"));
process.once("exit", () => rmSync(temporary, { recursive: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** How a run of tests has ended. */
type Verdict = "passed" | "failed" | "did not run";

/** A copy of what the tests read, in which a fault can be planted. */
class Copy {
  readonly #root: string;

  constructor(name: string) {
    this.#root = join(temporary, name);
    const heavy = /^(\.git|node_modules|dist|bench|tools)$/;
    cpSync(root, this.#root, { recursive: true, filter: (from) => !heavy.test(basename(from)) });
    symlinkSync(join(root, "node_modules"), join(this.#root, "node_modules"), "junction");
  }

  async try(mutant: Mutant, limit: number): Promise<Verdict> {
    const file = join(this.#root, mutant.file);
    const source = readFileSync(file, "utf8");
    writeFileSync(file, plant(mutant, source));
    try {
      return await this.run(mutant.tests, limit);
    } finally {
      writeFileSync(file, source);
    }
  }

  run(filters: readonly string[], limit: number): Promise<Verdict> {
    const args = ["--import", import.meta.resolve("tsx"), "tests/run.ts", ...filters];
    // A fault that a fuzzer sees, it sees soon.
    const fuzz = { FUZZ_SEED: "1", FUZZ_RUNS: "300" };
    const env = { ...process.env, ...fuzz, NO_COLOR: "1", TEST_LIMIT: String(limit) };
    const child = spawn(process.execPath, args, { cwd: this.#root, env });
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => output += chunk);
    }
    return new Promise((resolve) =>
      child.once("close", (code) => {
        process.off("exit", kill);
        // What cannot be loaded was seen by no test.
        if (output.includes("Cannot load ") || output.includes("No test ran")) {
          resolve("did not run");
        } else resolve(code === 0 ? "passed" : "failed");
      })
    );
  }
}

const words = process.argv.slice(2);
const chosen = mutants.filter(({ fault, file }) =>
  words.every((word) => `${file} ${fault}`.includes(word))
);
const copies = Array.from({ length: lanes }, (_, index) => new Copy(`${index}`));
const problems: string[] = [];
const begun = performance.now();

/** How long the tests take without a fault, in milliseconds; those that fail then see nothing. */
const times = new Map<string, number>();
await each([...new Set(chosen.flatMap(({ tests }) => tests))], async (filter, copy) => {
  const begun = performance.now();
  const verdict = await copy.run([filter], limit);
  if (verdict === "passed") times.set(filter, performance.now() - begun);
  else problems.push(`${verdict} without a fault: ${filter}`);
});
await each(chosen, async (mutant, copy) => {
  const time = mutant.tests.reduce((sum, filter) => sum + (times.get(filter) ?? NaN), 0);
  if (Number.isNaN(time)) return;
  const verdict = await copy.try(mutant, 5_000 + 3 * time);
  if (verdict === "failed") return;
  const how = verdict === "passed" ? "survived" : verdict;
  problems.push(`${how}: ${mutant.file}: ${mutant.fault}`);
});

for (const problem of problems) console.log(problem);
const seconds = Math.round((performance.now() - begun) / 1_000);
console.log(`${chosen.length} faults, ${problems.length} problems, ${seconds} s`);
if (problems.length > 0 || chosen.length === 0) process.exitCode = 1;

/** Does something with each item, in as many lanes as there are copies. */
async function each<T>(
  items: readonly T[],
  action: (item: T, copy: Copy) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  await Promise.all(copies.map(async (copy) => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      await action(item, copy);
    }
  }));
}
