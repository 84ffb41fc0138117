/** What `npm run release` refuses before it rehearses anything, and what it says of a version. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import manifest from "../../package.json" with { type: "json" };

const root = fileURLToPath(new URL("../../", import.meta.url));

function release(...args: string[]) {
  return spawnSync(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), "scripts/release.ts", ...args],
    { cwd: root, encoding: "utf8", timeout: 60_000 },
  );
}

test("a tag that is not that of the version is refused", () => {
  const { status, stderr } = release("--tag", "v0.0.1");
  assert.is(status, 1);
  assert.match(stderr, `The tag v0.0.1 is not that of the version, v${manifest.version}`);
});

test("the notes of a version are its section of the changelog", () => {
  const { status, stdout } = release("--notes");
  assert.is(status, 0);
  const changelog = readFileSync(new URL("../../CHANGELOG.md", import.meta.url), "utf8");
  assert.match(changelog, stdout.trim());
  assert.not.match(stdout, /^## |^\[Unreleased\]/m);
  assert.ok(stdout.trim().length > 0);
});

test.run();
