/** The programs of docs/process.md, each run as a program, with the signals it speaks of. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { beside } from "./_lanes.ts";
import { type Ending, Program } from "./_program.ts";
import { newestNode, node, root, type Runtime } from "./_runtimes.ts";
import { bun, deno } from "../../scripts/runtimes.ts";

const test = suite("guide");

const folder = mkdtempSync(join(tmpdir(), "runhost-guide-"));
test.after(() => rmSync(folder, { recursive: true }));

/** They may do what they like, unlike other fixtures. */
const runtimes: readonly Runtime[] = [
  node,
  ...newestNode ? [{ name: "newest Node", command: [newestNode] }] : [],
  { name: "Deno", command: [deno, "run", "-A"] },
  { name: "Bun", command: [bun, "run"] },
];

/** What each program does, by the heading it stands under. */
const programs: Readonly<Record<string, (program: Program) => Promise<void>>> = {
  "Uncaught exceptions": async (program) => {
    const { exit, stdout, stderr } = await program.ending;
    assert.is(exit, 1);
    assert.equal(stdout, ["database: closed", "Nobody catches this"]);
    assert.match(stderr[0]!, /^Service "uncaught" reports a failure: Error: Nobody catches this/);
  },

  "Worker threads": async (program) => {
    const stdout = ["thread: computing", "The thread ended with code 7"];
    assert.equal(await program.ending, { exit: 1, stdout, stderr: [] });
  },

  "Child processes": async (program) => {
    await program.prints("child: ready");
    program.sendGroup("SIGINT");
    const stdout = ["child: ready", "child: told to stop", "main: end"];
    assert.equal(await program.ending, { exit: 0, stdout, stderr: [] });
  },

  cluster: async (program) => {
    await program.prints("ready");
    program.sendGroup("SIGINT");
    const { exit, stdout, stderr } = await program.ending;
    assert.equal({ exit, stderr }, { exit: 0, stderr: [] });
    const stopped = ["worker: stopped", "worker: stopped", "primary: stopped"];
    assert.equal(stdout, ["ready", ...stopped]);
  },

  "A host inside a host": async (program) => {
    await program.prints("ready");
    program.send("SIGTERM");
    const stdout = ["ready", "store: saved", "database: closed", "main: end"];
    assert.equal(await program.ending, { exit: 0, stdout, stderr: [] });
  },

  "AsyncLocalStorage and queued work": async (program) => {
    const ending: Ending = { exit: 0, stdout: ["Sent for request 7"], stderr: [] };
    assert.equal(await program.ending, ending);
  },

  "Waiting for one's own stop": async (program) => {
    const { exit, stdout, stderr } = await program.ending;
    assert.equal({ exit, stderr }, { exit: 0, stderr: [] });
    assert.match(
      stdout[0]!,
      /^Cannot stop service "waits": still running after \d+ ms$/,
    );
    assert.equal(stdout.slice(1), ["main: end"]);
  },
};

/** Each block of the guide with the heading above it. */
const blocks = readFileSync(join(root, "docs/process.md"), "utf8").split(/^## /m).flatMap(
  (part) => {
    const [heading = "", ...lines] = part.split("\n");
    const codes = [...lines.join("\n").matchAll(/^```ts\n([^]*?)^```$/gm)];
    return codes.map(([, code = ""]) => ({ heading, code }));
  },
);

test("every program of the guide is run, and each once", () => {
  assert.equal(blocks.map(({ heading }) => heading), Object.keys(programs));
});

for (const runtime of runtimes) {
  for (const { heading, code } of blocks) {
    // A worker of Deno's cluster fails when it disconnects from a primary that has done so already.
    if (heading === "cluster" && runtime.name === "Deno") continue;
    beside(test, `${runtime.name}: ${heading}`, async () => {
      const file = join(folder, `${`${runtime.name} ${heading}`.replaceAll(/\W+/g, "_")}.mts`);
      writeFileSync(file, code.replaceAll(/"@runhost\/host\/(\w+)"/g, (_, name) => entry(name)));
      await programs[heading]!(new Program([...runtime.command, file], { group: true }));
    });
  }
}

/** The source of an entry, quoted: there is no package beside the program. */
function entry(name: string): string {
  const place = name === "node" ? "src/runtime/node.ts" : `src/${name}/mod.ts`;
  return `"${pathToFileURL(join(root, place)).href}"`;
}

test.run();
