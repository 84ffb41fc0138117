/**
 * Runs every check of the repository, or those that are named:
 *
 *     npm test
 *     npm test -- types unit-node
 *
 * Two run at a time where they may. Each prints its whole output when it has ended, a failure stops
 * nothing, and the last line adds up all counts.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { prepareEnvironment } from "./runtimes.ts";
import { phases, type Step } from "./steps.ts";

const atOnce = 2;
const limit = 15 * 60_000; // the process tests wait for seconds, and other programs may run beside them

// The binaries hide the commands of `node_modules/.bin`, see runtimes.ts.
prepareEnvironment();
// Or each step that packs would run `prepack` and build under the feet of the others.
process.env["npm_config_ignore_scripts"] = "true";

// The steps are in process groups of their own, and Ctrl+C does not reach them there.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const began = Date.now();
const totals = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];

for (const phase of selected(process.argv.slice(2))) {
  const waiting = [...phase];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) await run(step);
  }));
}

if (failures.length > 0) console.log(`Failed: ${failures.join(", ")}`);
console.log(`All in ${seconds(began)}`);
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exitCode = totals.failed > 0 ? 1 : 0;

/** All phases; or what is left of them when only the named steps, and the build if they need it, stay. */
function selected(names: readonly string[]): readonly (readonly Step[])[] {
  const steps = phases.flat();
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    const known = steps.map((step) => step.name).join(", ");
    console.error(`No step ${unknown.join(", ")}: there are ${known}`);
    process.exit(1);
  }
  if (names.length === 0) return phases;
  const wanted = steps.filter((step) => names.includes(step.name));
  const build = wanted.some((step) => step.built);
  return phases.map((phase) =>
    phase.filter((step) => wanted.includes(step) || (build && step.name === "build"))
  );
}

/** Runs one step to its end, prints it and counts it. Never rejects. */
async function run({ name, command }: Step): Promise<void> {
  const began = Date.now();
  const { ended, output } = await execute(command);
  const { passed, failed, skipped } = count(ended === "exit code 0", output);
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped;
  if (failed > 0) failures.push(name);

  const verdict = failed > 0 ? `FAILED (${ended})` : "ok";
  console.log(`\n=== ${name}: ${verdict} in ${seconds(began)} === ${command}\n${output.trim()}`);
}

/** Runs a command, in a process group of its own where there are such, so that nothing outlives it. */
function execute(command: string): Promise<{ ended: string; output: string }> {
  const posix = process.platform !== "win32";
  // A run of tests that hangs says in time which test it is.
  const env = { ...process.env, TEST_DEADLINE: String(Date.now() + limit - 5_000) };
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const child = spawn(command, { shell: true, detached: posix, stdio: [...stdio], env });
  const kill = () => {
    try {
      if (posix) process.kill(-child.pid!, "SIGKILL");
      else child.kill();
    } catch {
      // Nothing was left.
    }
  };
  let output = "";
  child.stdout.on("data", (chunk) => output += chunk);
  child.stderr.on("data", (chunk) => output += chunk);

  return new Promise((resolve) => {
    let ended = "";
    const timer = setTimeout(() => {
      ended = `killed after ${limit / 1000} s`;
      kill();
    }, limit);
    process.once("exit", kill);
    child.once("exit", (code, signal) => {
      ended ||= signal ?? `exit code ${code}`;
      clearTimeout(timer);
      kill();
    });
    child.once("close", () => {
      process.off("exit", kill);
      resolve({ ended, output });
    });
  });
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Reads the counts that tests/run.ts and Deno print at their end; any other step counts as one. */
function count(succeeded: boolean, output: string): Counts {
  const counts = /(\d+) passed.*?(\d+) failed(?:(?:, | \| )(\d+) (?:skipped|ignored))?/g;
  const line = [...output.matchAll(counts)].at(-1);
  if (line === undefined) return { passed: +succeeded, failed: +!succeeded, skipped: 0 };
  const [passed, failed, skipped] = [Number(line[1]), Number(line[2]), Number(line[3] ?? 0)];
  const unnoticed = (!succeeded && failed === 0) || passed + failed === 0;
  return { passed, failed: unnoticed ? 1 : failed, skipped };
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
