/**
 * Does all that a release does, but publishes nothing:
 *
 *     npm run release                       a rehearsal
 *     npm run release -- --tag v0.1.0       what the workflow does before it publishes
 *     npm run -s release -- --notes         prints what CHANGELOG.md says of this version
 *
 * Versions and changelog agree, with the tag if there is one; npm and JSR would take both packages; and
 * what is packed, installed in an empty folder, runs a first worker on each runtime.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { section } from "./changelog.ts";
import { prepareEnvironment } from "./runtimes.ts";

const { values: { tag, notes } } = parseArgs({
  options: { tag: { type: "string" }, notes: { type: "boolean" } },
});
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const news = section(version);

if (notes) console.log(news?.notes ?? fail(`CHANGELOG.md has no section for ${version}`));
else rehearse();

function rehearse(): void {
  prepareEnvironment();

  run("tsx", "scripts/manifests.ts");
  if (!news?.notes) fail(`CHANGELOG.md says nothing of ${version}`);
  if (tag !== undefined) checkTag(tag);

  run("npm", "run", "build");
  // What was just built: `prepack` would build again.
  publish("--ignore-scripts");
  publish("./create");
  // A rehearsal is of what is here, committed or not.
  run("deno", "publish", "--dry-run", ...(tag === undefined ? ["--allow-dirty"] : []));

  const firsts = ["worker node npm", "worker deno", "worker bun"];
  run("tsx", "tests/templates/main.ts", ...firsts);
  console.log(`\n${version} could be released`);
}

/** The tag is that of a version whose notes are complete. */
function checkTag(name: string): void {
  if (name !== `v${version}`) fail(`The tag ${name} is not that of the version, v${version}`);
  if (!/^\d{4}-\d\d-\d\d$/.test(news?.date ?? "")) {
    fail(`CHANGELOG.md has no date for ${version}: ## [${version}] - 2026-01-31`);
  }
  if (section("Unreleased")?.notes) fail(`CHANGELOG.md has more under Unreleased`);
}

/** What npm would publish, as it is: a manifest that npm corrects may lose a part of itself, its command say. */
function publish(...args: readonly string[]): void {
  const output = run("npm", "publish", "--dry-run", ...args);
  const corrections = output.split("\n").filter((line) =>
    line.startsWith("npm warn publish") && !line.includes("requires you to be logged in")
  );
  if (corrections.length > 0) fail(corrections.join("\n"));
}

/** Runs a command, which has to succeed, shows what it says, and returns what of it are errors or warnings. */
function run(...[program, ...args]: [string, ...string[]]): string {
  const line = [program, ...args].join(" ");
  console.log(`\n=== ${line}`);
  const { status, signal, stderr } = spawnSync(program, args, {
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
    maxBuffer: Infinity,
    shell: process.platform === "win32",
  });
  process.stderr.write(stderr);
  if (status !== 0) fail(`${line}: ${signal ?? `exit code ${status}`}`);
  return stderr;
}

function fail(problem: string): never {
  console.error(problem);
  process.exit(1);
}
