/**
 * Programs that another program runs, watches or reloads: one Ctrl+C reaches the whole process
 * group, and what runs the program passes it on as well.
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bun, deno } from "../../scripts/runtimes.ts";
import { beside } from "./_lanes.ts";
import { type Ending, pass, Program } from "./_program.ts";
import { fixture, newestNode, node, tsx } from "./_runtimes.ts";

const test = suite("wrappers");

const temporary = mkdtempSync(join(tmpdir(), "runhost-"));
test.after(() => rmSync(temporary, { recursive: true }));

/** A program that runs another. */
interface Wrapper {
  readonly name: string;
  /** The command that runs a program in `main.mts`. */
  readonly command: readonly string[];
  /** The command that is its script or task `app`, if it runs such. */
  readonly script?: readonly string[];
  /** How it ends by itself, after a program that was interrupted. */
  readonly exit?: number | string;
  /** Whether it kills the program at the second Ctrl+C. */
  readonly impatient?: boolean;
}

const [execPath, ...options] = node.command as [string, ...string[]];
const denoRun = ["run", "--no-prompt"];

const runners: readonly Wrapper[] = [
  { name: "tsx", command: [execPath, tsx] },
  {
    name: "npm run",
    command: ["npm", "run", "app"],
    script: node.command,
    exit: "SIGINT",
  },
  { name: "bun run", command: [bun, "run", "app"], script: [bun] },
  { name: "deno task", command: [deno, "task", "app"], script: [deno, ...denoRun] },
];

const watchers: readonly Wrapper[] = [
  { name: `${node.name} --watch`, command: [execPath, "--watch", ...options] },
  ...newestNode ? [{ name: "newest Node --watch", command: [newestNode, "--watch"] }] : [],
  { name: "tsx watch", command: [execPath, tsx, "watch"], impatient: true },
  { name: "deno --watch", command: [deno, ...denoRun, "--watch"], impatient: true },
  { name: "bun --watch", command: [bun, "--watch"] },
  { name: "bun --hot", command: [bun, "--hot"] },
];

const start = ["pool: start", "worker: running"];
const stop = ["worker: finished", "pool: stop", "pool: stopped", "main: end"];

for (const wrapper of [...runners, ...watchers]) {
  const { name, exit = 0 } = wrapper;

  beside(test, `${name}: one Ctrl+C, one graceful stop`, async () => {
    const app = new App(wrapper);
    await app.program.prints("worker: running");
    app.program.sendGroup("SIGINT");
    const { stderr: _, ...ending } = await app.ending();
    assert.equal(ending, { exit, stdout: [...start, ...stop] });
  });

  beside(test, `${name}: another Ctrl+C after 700 ms forces the end`, async () => {
    const app = new App(wrapper, "phases.ts", "running", "stubborn");
    await app.program.prints("worker: running");
    app.program.sendGroup("SIGINT");
    await app.program.prints("heard: SIGINT");
    await pass(700);
    app.program.sendGroup("SIGINT");
    const ending = await app.ending();
    if (wrapper.impatient) {
      // It kills the program and exits with 0, unless that was faster than it.
      assert.ok(ending.exit === 0 || ending.exit === 130, String(ending.exit));
      assert.not(ending.stdout.includes("main: end"));
    } else {
      assert.is(ending.exit, wrapper.exit ?? 130);
      assert.is(ending.stdout.at(-1), "pool: stopped");
      assert.ok(ending.stderr.some((line) => line.startsWith("Forced to stop: still running: ")));
    }
  });
}

for (const wrapper of runners.filter(({ name }) => name !== "npm run")) {
  // npm itself dies at once and tells its child nothing.
  beside(test, `${wrapper.name}: SIGTERM to it alone, one graceful stop`, async () => {
    const app = new App(wrapper);
    await app.program.prints("worker: running");
    app.program.send("SIGTERM");
    const { stderr: _, ...ending } = await app.ending();
    assert.equal(ending, { exit: 0, stdout: [...start, ...stop] });
  });
}

for (const wrapper of watchers) {
  beside(test, `${wrapper.name}: a change restarts after a graceful stop`, async () => {
    const app = new App(wrapper);
    await app.program.prints("worker: running");
    await app.change();
    app.program.sendGroup("SIGINT");
    const { exit, stdout } = await app.ending();
    assert.is(exit, 0);
    // Bun's watcher waits for nothing that is asynchronous. When Bun reloads, the main of the
    // version before comes to its end beside the new one.
    const first = wrapper.name === "bun --watch" ? start : [...start, ...stop];
    const expected = [...first, ...start, ...stop];
    assert.equal(stdout.filter(isNotMain), expected.filter(isNotMain));
  });
}

beside(
  test,
  "bun --hot: a change stops both hosts of the version before, and only those",
  async () => {
    const app = new App(watchers.find(({ name }) => name === "bun --hot")!, "watched_two.ts");
    await app.program.prints("worker: running");
    await app.change();
    app.program.sendGroup("SIGINT");
    const { exit, stdout } = await app.ending();
    assert.is(exit, 0);
    const count = (line: string): number => stdout.filter((it) => it === line).length;
    for (const name of ["pool", "cache"]) {
      assert.equal([count(`${name}: start`), count(`${name}: stop`)], [2, 2]);
    }
    const second = stdout.lastIndexOf("worker: running");
    assert.is(stdout.slice(0, second).filter((line) => line.endsWith(": stop")).length, 2);
  },
);

/** A program in a folder of its own, run by a wrapper from a terminal. */
class App {
  readonly program: Program;
  readonly #folder: string = mkdtempSync(join(temporary, "app-"));

  constructor(
    { name, command, script = [] }: Wrapper,
    file: string = "watched.ts",
    ...args: string[]
  ) {
    // Bun reloads nothing while a module of the program is still being evaluated.
    const prefix = name === "bun --hot" ? "" : "await ";
    this.#write("main.mts", `${prefix}import("${pathToFileURL(fixture(file))}");\n`);
    const program = ["main.mts", ...args];
    const app = [...script, ...program].map((word) => `"${word}"`).join(" ");
    this.#write("package.json", JSON.stringify({ scripts: { app } }));
    this.#write("deno.json", JSON.stringify({ tasks: { app } }));
    const whole = script.length > 0 ? command : [...command, ...program];
    this.program = new Program(whole, { cwd: this.#folder, group: true });
  }

  /** Changes the program, and waits until it runs again. */
  async change(): Promise<void> {
    const again = this.program.prints("worker: running", 2);
    again.catch(() => {}); // what it waits for first rejects as well
    // Watchers miss what comes before they watch. One change more than it takes would be another
    // reload, in the middle of which the test would send its signal.
    let seen = false;
    const reload = Promise.race([
      this.program.prints("pool: stop"),
      this.program.prints("pool: start", 2), // Bun's watcher stops nothing
    ]).then(() => seen = true);
    while (!seen) {
      appendFileSync(join(this.#folder, "main.mts"), "// Changed\n");
      await Promise.race([reload, pass(10_000)]);
    }
    await again;
  }

  /** How it ended, and what the program printed; wrappers have lines of their own. */
  async ending(): Promise<Ending> {
    const { stdout, ...ending } = await this.program.ending;
    return { ...ending, stdout: stdout.filter((line) => /^(pool|cache|worker|main): /.test(line)) };
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text);
  }
}

function isNotMain(line: string): boolean {
  return line !== "main: end";
}

test.run();
