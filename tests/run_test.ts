/** What `run.ts` says of tests that uvu would say nothing of: those of `harness/` fail on purpose. */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { guard } from "./_guard.ts";

guard(test);

const { bun, deno } = process.versions as { readonly bun?: string; readonly deno?: string };
const before = deno ? ["run", "-A"] : bun ? [] : ["--import", import.meta.resolve("tsx")];
const root = fileURLToPath(new URL("..", import.meta.url));

interface Run {
  /** `null` if it was killed. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs the tests of `harness/` whose path contains a filter, on the runtime of this test. */
function run(filter: string, limit: number = 240_000): Promise<Run> {
  const args = [...before, "tests/run.ts", `tests/harness/${filter}`];
  const env = { ...process.env, NO_COLOR: "1", TEST_LIMIT: `${limit}` };
  const child = spawn(process.execPath, args, { cwd: root, env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (it) => output += it);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

test("a test that fails keeps its name, whatever else fails after it", async () => {
  const { code, output } = await run("fails_");
  assert.is(code, 1);
  assert.match(output, 'FAIL  fails after  "the second fails"');
  assert.match(output, "Failed in test 2");
  assert.match(output, 'FAIL  after "the second fails"');
  assert.match(output, "Failed after test 2");
  assert.match(output, 'FAIL  after "the third is fine until its end"');
  assert.match(output, "Failed after test 3");
  assert.match(output, 'an after.each after "the last before the break"');
  assert.match(output, "Cannot load harness/fails_forgotten_test.ts");
  assert.match(output, "1 of its tests are behind its test.run()");
});

const ends: Record<string, string> = { exits: "one that exits" };
// The others wait with the test, until the watchdog names it.
if (!deno && !bun) ends["leaves"] = "one that waits in vain";

for (const [file, name] of Object.entries(ends)) {
  test(`a run that ${file} in the middle has failed, and names the test`, async () => {
    const { code, output } = await run(file);
    assert.match(output, `The run broke off in harness/${file}_test.ts: "${name}"`);
    assert.is(code, 1);
  });
}

test("a test that hangs is named, and the run ends", async () => {
  let output: string;
  let limit = 500;
  do {
    limit *= 2;
    output = (await run("hangs_", limit)).output;
    // On a machine that is busy even the way to the test may take longer than the limit.
  } while (/HANGS: .*: (its import|what comes before its tests)/.test(output));
  assert.match(output, /HANGS: harness\/hangs_test.ts: "one that loops", for \d+ s/);
});

test.run();
