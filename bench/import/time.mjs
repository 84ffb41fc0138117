/**
 * Times a program that imports something and ends: `time.mjs measure quick effect`; or the same as one
 * file: `time.mjs measure quick "runhost bundled"`.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { run } from "../_child.mjs";
import { program, sample } from "../program.mjs";

const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const [name, form] = process.argv.at(-1).split(" ");
const own = new URL(`${name}_${runtime}.mjs`, import.meta.url);
const file = existsSync(own) ? own : new URL(`${name}.mjs`, import.meta.url);

await (form === "bundled" ? asOneFile(answer) : answer(file));

function answer(url) {
  return program(
    async () => {
      await run(url);
      return "imported";
    },
    async (full) => ({
      "start to exit": await sample(() => run(url), full ? 800 : 200),
    }),
  );
}

/** What the program imports, as a file in a folder that is removed in the end. */
async function asOneFile(use) {
  const folder = mkdtempSync(join(tmpdir(), "import-"));
  try {
    const outfile = join(folder, "program.mjs");
    await build({
      entryPoints: [fileURLToPath(file)],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      logLevel: "error",
    });
    await use(pathToFileURL(outfile));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
