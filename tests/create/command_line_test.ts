/** The command `create-runhost`: what it takes, what it refuses, what it asks, what it tells. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bun, deno } from "../../scripts/runtimes.ts";
import { afterEach } from "../_after_each.ts";
import { present } from "../_commands.ts";

const command = fileURLToPath(new URL("../../create/index.js", import.meta.url));

let folder = "";
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "runhost-create-"));
});
afterEach(test, () => rmSync(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Circumstances {
  /** What runs the command. */
  readonly program?: readonly [string, ...string[]];
  /** What the package manager that started it says of itself. */
  readonly userAgent?: string;
}

function create(args: readonly string[], circumstances: Circumstances = {}): Ended {
  const { program = [process.execPath], userAgent } = circumstances;
  const [file, ...before] = program;
  return spawnSync(file, [...before, command, ...args], {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000,
    env: environment(userAgent),
  });
}

function environment(userAgent: string | undefined): NodeJS.ProcessEnv {
  return {
    ...process.env,
    NO_COLOR: "1",
    FORCE_COLOR: undefined,
    npm_config_user_agent: userAgent,
  };
}

function files(path: string): string[] {
  return readdirSync(join(folder, path), { recursive: true, encoding: "utf8" })
    .sort();
}

const flags = [
  "--template",
  "worker",
  "--runtime",
  "node",
  "--package-manager",
  "npm",
];

test("flags for everything: nothing is asked", () => {
  const { status, stdout, stderr } = create(["my-worker", ...flags]);
  assert.is(status, 0, stderr);
  assert.match(stdout, "  cd my-worker && npm install\n  npm run start\n");
  assert.equal(files("my-worker"), [
    ".dockerignore",
    ".gitignore",
    "Dockerfile",
    "README.md",
    "kubernetes.yaml",
    "main.ts",
    "my-worker.service",
    "package.json",
    "tsconfig.json",
    "worker.test.ts",
    "worker.ts",
  ]);
  assert.match(stdout, " 11 files");
});

test("a program has the name of its folder, wherever it says it", () => {
  create(["Größe 2", ...flags]);
  for (const file of files("Größe 2")) {
    assert.not.match(readFileSync(join(folder, "Größe 2", file), "utf8"), "my-app", file);
  }
  const { name } = JSON.parse(readFileSync(join(folder, "Größe 2/package.json"), "utf8"));
  assert.is(name, "gro-e-2");
  assert.ok(existsSync(join(folder, "Größe 2/gro-e-2.service")));
});

test("--yes takes what is usual", () => {
  const { status, stdout } = create(["--yes"]);
  assert.is(status, 0);
  assert.match(stdout, "cd my-app && npm install");
  assert.ok(existsSync(join(folder, "my-app/worker.ts")));
});

for (
  const [userAgent, install, start] of [
    ["npm/11.0.0 node/v24.0.0 linux x64", "npm install", "npm run start"],
    [
      "pnpm/12.0.0 npm/? node/v24.0.0 linux x64",
      "pnpm install",
      "pnpm run start",
    ],
    [
      "yarn/1.22.22 npm/? node/v24.0.0 linux x64",
      "yarn install",
      "yarn run start",
    ],
    ["bun/1.4.5 npm/? node/v24.0.0 linux x64", "bun install", "bun run start"],
  ] as const
) {
  test(`--yes takes what it was started by: ${userAgent}`, () => {
    const { stdout } = create(["app", "--yes"], { userAgent });
    assert.match(stdout, `  cd app && ${install}\n  ${start}\n`);
  });
}

test("on Deno a program is for Deno", () => {
  const { stdout, stderr } = create(["app", "--yes"], {
    program: [deno, "run", "-A"],
  });
  assert.match(stdout, "  cd app && deno install\n  deno task start\n", stderr);
});

test("on Bun a program is for Bun", () => {
  const { stdout, stderr } = create(["app", "--yes"], {
    program: [bun, "run"],
  });
  assert.match(stdout, "  cd app && bun install\n  bun run start\n", stderr);
});

test("another package manager than npm: its lock file, its commands", () => {
  create(["app", "-t", "web", "-r", "node", "-p", "pnpm"]);
  const dockerfile = readFileSync(join(folder, "app/Dockerfile"), "utf8");
  assert.match(dockerfile, "COPY package.json pnpm-lock.yaml ./\n");
  assert.match(dockerfile, "RUN corepack enable && pnpm install --frozen-lockfile --prod\n");
  const readme = readFileSync(join(folder, "app/README.md"), "utf8");
  assert.match(readme, "    pnpm install\n    pnpm run start");
  assert.not.match(readme, /\bnpm (run|install)/);
});

test("Yarn puts packages where Node finds them; a new one is the same one everywhere", () => {
  const userAgent = "yarn/4.18.1 npm/? node/v24.0.0 linux x64";
  create(["app", "-t", "web", "-r", "node", "-p", "yarn"], { userAgent });
  assert.is(readFileSync(join(folder, "app/.yarnrc.yml"), "utf8"), "nodeLinker: node-modules\n");
  const { packageManager } = JSON.parse(readFileSync(join(folder, "app/package.json"), "utf8"));
  assert.is(packageManager, "yarn@4.18.1");
  assert.match(
    readFileSync(join(folder, "app/Dockerfile"), "utf8"),
    "COPY package.json .yarnrc.yml yarn.lock ./\n",
  );
});

test("the version of whoever started it is nobody else's", () => {
  const userAgent = "npm/11.0.0 node/v24.0.0 linux x64";
  create(["app", "-t", "web", "-r", "node", "-p", "yarn"], { userAgent });
  const manifest = JSON.parse(readFileSync(join(folder, "app/package.json"), "utf8"));
  assert.not("packageManager" in manifest);
});

test("what the guide Docker says of package managers is what they get", () => {
  const guide = readFileSync(new URL("../../docs/docker.md", import.meta.url), "utf8");
  for (const packageManager of ["pnpm", "yarn", "bun"]) {
    create([packageManager, "-t", "web", "-r", "node", "-p", packageManager]);
    const dockerfile = readFileSync(join(folder, packageManager, "Dockerfile"), "utf8");
    const [, installs = ""] = /^RUN (.*)$/m.exec(dockerfile)!;
    assert.match(guide, `\`${installs}\``);
  }
});

test("a folder that is not empty is refused before anything is asked, and left as it is", () => {
  mkdirSync(join(folder, "full"));
  writeFileSync(join(folder, "full/notes.txt"), "mine");
  const { status, stderr } = create(["full", ...flags]);
  assert.is(status, 1);
  assert.match(stderr, /full is not empty: there is notes\.txt/);
  assert.equal(files("full"), ["notes.txt"]);
});

test("a new repository is an empty folder; so is the one where one is", () => {
  mkdirSync(join(folder, ".git"));
  const { status, stdout } = create([".", ...flags]);
  assert.is(status, 0);
  assert.match(stdout, "Next:\n\n  npm install\n  npm run start\n");
});

test("a file of that name is refused", () => {
  writeFileSync(join(folder, "file"), "mine");
  const { status, stderr } = create(["file", ...flags]);
  assert.is(status, 1);
  assert.match(stderr, "a file of that name");
});

for (
  const [args, message] of [
    [
      ["app", "--template", "api"],
      '--template is one of worker, web, jobs, not "api"',
    ],
    [
      ["app", "--runtime", "Node"],
      '--runtime is one of node, deno, bun, not "Node"',
    ],
    [
      ["app", "-p", "pip"],
      '--package-manager is one of npm, pnpm, yarn, bun, deno, not "pip"',
    ],
    [
      ["app", "-r", "deno", "-p", "npm"],
      "With --runtime deno the package manager is deno, not npm",
    ],
    [["app", "--colour"], "Unknown option '--colour'"],
    [["one", "two"], "One folder, not 2"],
    [
      ["app"],
      "nobody can be asked: give --template, --runtime, --package-manager, or --yes",
    ],
    [
      ["-t", "web", "-r", "bun"],
      "nobody can be asked: give the folder, or --yes",
    ],
  ] as const
) {
  test(`refused: ${args.join(" ")}`, () => {
    const { status, stdout, stderr } = create(args);
    assert.is(status, 1);
    assert.match(stderr, message);
    assert.not.match(stderr, "at file:", "a stack is for bugs");
    assert.is(stdout, "");
    assert.equal(readdirSync(folder), []);
  });
}

test("--help names each option and all it takes; --version says which", () => {
  const { stdout } = create(["--help"]);
  for (
    const word of [
      "--template",
      "--runtime",
      "--package-manager",
      "--yes",
      "worker",
      "pnpm",
    ]
  ) {
    assert.match(stdout, word);
  }
  const { version } = JSON.parse(
    readFileSync(new URL("../../create/package.json", import.meta.url), "utf8"),
  );
  assert.is(create(["--version"]).stdout, `${version}\n`);
});

/** The command in a terminal, answered key by key. */
class Terminal {
  output = "";
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcess;
  #changed: () => void = () => {};
  #ended = false;
  #read = 0;

  constructor() {
    const line = `stty cols 100 rows 40; exec '${process.execPath}' '${command}'`;
    this.#child = spawn("script", ["-qec", line, "/dev/null"], {
      cwd: folder,
      env: environment("npm/11.0.0"),
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (chunk) => {
      this.output += chunk;
      this.#changed();
    });
    this.exit = new Promise((resolve) => {
      this.#child.once("close", (code) => {
        this.#ended = true;
        this.#changed();
        resolve(code);
      });
    });
  }

  /** Waits for a question that was not answered yet, and answers it. */
  async answer(question: string, keys: string): Promise<void> {
    while (!this.output.includes(question, this.#read)) {
      if (this.#ended) {
        throw new Error(`Not asked: ${question}\n${this.output}`);
      }
      await new Promise<void>((resolve) => this.#changed = resolve);
    }
    this.#read = this.output.length;
    this.#child.stdin!.write(keys);
  }
}

const [enter, down, interrupt] = ["\r", "\x1b[B", "\x03"];
const terminal = present("the questions of create-runhost", "script") &&
  process.platform === "linux";

(terminal ? test : test.skip)("in a terminal it asks for the rest", async () => {
  const person = new Terminal();
  await person.answer("Where?", `shop${enter}`);
  await person.answer("What is it?", `${down}${enter}`);
  await person.answer("What runs it?", enter);
  await person.answer("What installs its packages?", `${down}${enter}`);
  assert.is(await person.exit, 0, person.output);
  assert.match(person.output, "cd shop && pnpm install");
  assert.ok(existsSync(join(folder, "shop/app.ts")));
});

(terminal ? test : test.skip)("Ctrl+C leaves nothing behind", async () => {
  const person = new Terminal();
  await person.answer("Where?", enter);
  await person.answer("What is it?", interrupt);
  assert.is(await person.exit, 1, person.output);
  assert.match(person.output, "Nothing was made");
  assert.equal(readdirSync(folder), []);
});

test.run();
