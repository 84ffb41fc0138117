/**
 * The blocks of docs/testing.md that are whole files of a runner, each run by that runner, on the
 * package as it is built. Those of node:test, bun:test and Deno need nothing else. The others have
 * their packages in this folder: `npm run test:runners` installs them, and sets `RUNNERS=all`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import manifest from "../../deno.json" with { type: "json" };
import { bun, deno } from "../../scripts/runtimes.ts";

const test = suite("runners");

const root = fileURLToPath(new URL("../../", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));
/** Beside their packages, so that runners find them. */
const folder = join(here, ".work");

/** How a file is run that a user of a runner has written. */
interface Runner {
  /** The heading of its block. */
  readonly name: string;
  readonly file: string;
  /** Whether its packages have to be installed. */
  readonly heavy?: boolean;
  command(file: string): readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it prints when all tests have passed, so many of them. */
  passed(tests: number): RegExp;
}

const module = (path: string): string => join(here, "node_modules", path);

const runners: readonly Runner[] = [
  {
    name: "vitest",
    file: "vitest/worker.test.ts",
    heavy: true,
    command: (file) => [
      process.execPath,
      module("vitest/vitest.mjs"),
      "run",
      "--root",
      join(folder, "vitest"),
      file,
    ],
    passed: (tests) => new RegExp(`Tests +${tests} passed \\(${tests}\\)`),
  },
  {
    name: "jest",
    file: "jest/worker.test.mjs",
    heavy: true,
    command: () => [
      process.execPath,
      "--experimental-vm-modules",
      module("jest/bin/jest.js"),
      "--rootDir",
      join(folder, "jest"),
    ],
    passed: (tests) => new RegExp(`Tests: +${tests} passed, ${tests} total`),
  },
  {
    name: "node:test",
    file: "node/worker.test.mjs",
    command: (file) => [process.execPath, "--test", file],
    passed: (tests) => new RegExp(`pass ${tests}\\b[^]*fail 0\\b`),
  },
  {
    name: "sinon",
    file: "sinon/worker.test.mjs",
    heavy: true,
    command: (file) => [process.execPath, "--test", file],
    passed: (tests) => new RegExp(`pass ${tests}\\b[^]*fail 0\\b`),
  },
  {
    name: "bun:test",
    file: "bun/worker.test.ts",
    command: (file) => [bun, "test", file],
    passed: (tests) => new RegExp(`\\b${tests} pass\\b[^]*\\b0 fail\\b`),
  },
  {
    name: "Deno",
    file: "deno/worker_test.ts",
    command: (
      file,
    ) => [
      deno,
      "test",
      "-A",
      "--no-lock",
      "--node-modules-dir=none",
      `--import-map=${importMap()}`,
      file,
    ],
    env: { DENO_NO_PACKAGE_JSON: "1" },
    passed: (tests) => new RegExp(`ok \\| ${tests} passed \\| 0 failed`),
  },
];

/** Deno takes the sources, as it does from JSR. */
function importMap(): string {
  const imports = Object.fromEntries(
    Object.entries(manifest.exports).map(([name, path]) => [
      `@runhost/host${name.slice(1)}`,
      pathToFileURL(join(root, path)).href,
    ]),
  );
  return `data:application/json,${encodeURIComponent(JSON.stringify({ imports }))}`;
}

/** Each whole file of the guide, by its heading. */
const blocks = new Map(
  readFileSync(join(root, "docs/testing.md"), "utf8").split(/^### /m).slice(1).map((part) => {
    const [heading = ""] = part.split("\n", 1);
    const [, code = ""] = /^```ts ignore\n([^]*?)^```$/m.exec(part) ?? [];
    return [heading, code] as const;
  }),
);

test.before(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "node_modules/@runhost"), { recursive: true });
  symlinkSync(root, join(folder, "node_modules/@runhost/host"), "junction");
  writeFileSync(join(folder, "package.json"), `{ "type": "module", "jest": { "transform": {} } }`);
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("every runner of the guide is run", () => {
  assert.equal([...blocks.keys()].sort(), runners.map(({ name }) => name).sort());
});

for (const { name, file, heavy, command, env, passed } of runners) {
  if (heavy && process.env["RUNNERS"] !== "all") {
    console.log(`NOT TESTED with ${name}: npm run test:runners does it`);
    continue;
  }
  test(`the guide's file for ${name}`, () => {
    const code = blocks.get(name) as string;
    const tests = code.match(/^(Deno\.)?test\(/gm)?.length ?? 0;
    assert.ok(tests > 0);
    const path = join(folder, file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(
      join(path, "../package.json"),
      `{ "type": "module", "jest": { "transform": {} } }`,
    );
    writeFileSync(path, code);
    const [program = "", ...args] = command(path);
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: join(path, ".."),
      encoding: "utf8",
      timeout: 120_000,
      env: {
        ...process.env,
        NO_COLOR: "1",
        FORCE_COLOR: undefined,
        NODE_OPTIONS: "",
        CI: "1",
        ...env,
      },
    });
    const output = `${stdout}${stderr}`;
    assert.is(status, 0, output);
    assert.ok(passed(tests).test(output), output);
  });
}

test.run();
