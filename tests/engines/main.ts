/**
 * Runs the entries for engines against real servers, on Node, Deno and Bun; run by `npm run test:engines`:
 *
 *     npm run test:engines                   what this machine has servers for
 *     npm run test:engines -- --required     fails if one is missing
 *     npm run test:engines -- redis          files whose path contains a word
 *
 * Without a word it ends with the short form of `npm run test:drills`, on servers of their own.
 *
 * Servers are started privately, each on a free port of 127.0.0.1 and in a folder of its own, and end with
 * this program, however that ends. `REDIS_URL`, `AMQP_URL`, `POSTGRES_URL` and `KAFKA_BROKERS` name servers that
 * run already. `scripts/install_servers.sh` installs what is missing.
 */
import { execSync, spawn } from "node:child_process";
import { existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { backgroundService, hostedService, runHost } from "../../src/runtime/node.ts";
import { bun, deno } from "../../scripts/runtimes.ts";
import { type Engine, engines, find } from "./servers/mod.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const flags = process.argv.slice(2).filter((it) => it.startsWith("--"));
const words = process.argv.slice(2).filter((it) => !it.startsWith("--"));
const required = flags.includes("--required");

let passed = 0;
let failed = 0;

const runtimes = [
  { name: "Node", command: ["npx", "tsx"] },
  { name: "Deno", command: [deno, "run", "-A"] },
  { name: "Bun", command: [bun] },
];

/** Says what was not tested, and how it would be. */
function miss({ name, packages }: Engine): void {
  console.log(
    `\nNOT TESTED: ${name}: not on this machine. Install it: apt-get install ${
      packages.join(" ")
    }\n`,
  );
  if (required) failed++;
}

const available = engines.filter((engine) => {
  const { commands, files = [] } = engine;
  const isThere = process.env[engine.variable] || commands.every(find) && files.every(existsSync);
  if (!isThere) miss(engine);
  return isThere;
});

/** A private server of one engine, unless the environment names one. */
const servers = available.filter(({ variable }) => !process.env[variable]).map((engine) => {
  let remove = async (): Promise<void> => {};
  return hostedService(engine.name, {
    async start() {
      const server = await engine.create();
      remove = server.remove;
      await server.start();
      process.env[engine.variable] = server.url;
    },
    stopTimeout: 20_000,
    stop: () => remove(),
  });
});

const tests = backgroundService("tests", async (signal) => {
  count(await run(["npx", "tsc", "-p", "tests/engines/types"], signal), "types");
  for (const { name, command } of runtimes) {
    const filters = words.length ? words.map((word) => `engines/${word}`) : ["engines/"];
    count(await run([...command, "tests/run.ts", ...filters], signal), name);
  }
  if (words.length > 0) return;
  count(await run(["npx", "tsx", "tests/engines/drills/main.ts", "--short"], signal), "drills");
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function run([command, ...args]: readonly string[], signal: AbortSignal): Promise<Ended> {
  const child = spawn(command!, args, { stdio: ["ignore", "pipe", "inherit"], signal });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

/** Adds up what a command has counted; one that counts nothing is one check. */
function count({ code, output }: Ended, what: string): void {
  const [, ok = 0, bad = 0] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ??
    ["", +(code === 0), +(code !== 0)];
  passed += Number(ok);
  failed += Number(bad);
  if (code !== 0 && Number(bad) === 0) failed++;
  console.log(`\n=== ${what}: ${ok} passed, ${bad} failed ===\n`);
}

execSync("npm ci --no-audit --no-fund", { cwd: here, stdio: "inherit" });
// The recipes find their clients there, without being in this folder.
const recipes = fileURLToPath(new URL("../../examples/engines/node_modules", import.meta.url));
rmSync(recipes, { recursive: true, force: true });
symlinkSync(join(here, "node_modules"), recipes, "junction");
// One after the other: PgBouncer asks where PostgreSQL is.
await runHost([...servers, tests], { stopWhenIdle: true, shutdownTimeout: 60_000 });
console.log(`${passed} passed, ${failed} failed`);
if (failed) process.exitCode = 1;
