/**
 * Where the binaries of the npm packages `deno` and `bun` are.
 *
 * Not the commands in `node_modules/.bin`: Deno's is a script for Node that passes no signals on, and
 * Bun's is a stub where install scripts are forbidden.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join, resolve } from "node:path";
import process from "node:process";

const require = createRequire(import.meta.url);

/** The path of Deno's binary. */
export const deno: string = require("deno/install_api.cjs").runInstall();

/** The path of Bun's binary. */
export const bun: string = findBun();

function findBun(): string {
  const { optionalDependencies } = require("bun/package.json");
  for (const platform of Object.keys(optionalDependencies)) {
    const folder = join(dirname(require.resolve("bun/package.json")), "../", platform, "bin");
    const binary = join(folder, process.platform === "win32" ? "bun.exe" : "bun");
    if (existsSync(binary)) return binary;
  }
  // Bun's install script has moved it; the name is the same on every platform.
  return require.resolve("bun/bin/bun.exe");
}

/** Lets the programs that are run from here find both binaries, and the commands of our packages; without colours. */
export function prepareEnvironment(): void {
  const folders = [dirname(deno), dirname(bun), resolve("node_modules/.bin")];
  process.env["PATH"] = [...folders, process.env["PATH"]].join(delimiter);
  process.env["NO_COLOR"] = "1";
}
