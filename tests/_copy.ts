/**
 * A second copy of the package, as one program gets it that has it from npm and from JSR.
 *
 * @module
 */

import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = mkdtempSync(join(realpathSync(tmpdir()), "runhost-copy-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

const root = fileURLToPath(new URL("..", import.meta.url));
cpSync(join(root, "mod.ts"), join(folder, "mod.ts"));
cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');

/** Imports a file of the copy by its path in the repository. */
export async function fromCopy<T>(file: string): Promise<T> {
  return await import(pathToFileURL(join(folder, file)).href);
}
