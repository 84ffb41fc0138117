/** Compiles the package to `dist/`; run by `npm run build`. */
import { execSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
execSync("tsc -p tsconfig.build.json", { stdio: "inherit" });

// In declarations tsc leaves `./x.ts` as it is. That is legal
// (microsoft/TypeScript#61037), but upsets tools that load declarations as modules.
const specifier = /((?:\bfrom|\bimport) ?\(?")(\.[^"]+)\.ts"/g;
for (const file of readdirSync("dist", { recursive: true, encoding: "utf8" })) {
  if (!file.endsWith(".d.ts")) continue;
  const path = join("dist", file);
  writeFileSync(path, readFileSync(path, "utf8").replace(specifier, '$1$2.js"'));
}

// Some thirty small modules take a third of the start of an empty program; an entry that is one
// module, but for what it shares with others, takes next to nothing.
const { exports } = JSON.parse(readFileSync("deno.json", "utf8"));
await build({
  entryPoints: Object.values<string>(exports),
  outdir: "dist",
  outbase: ".",
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  target: "es2022",
  chunkNames: "src/shared-[hash]",
  sourcemap: true,
  sourcesContent: false, // the sources are in the package
});
