/** Compiles the package to `dist/`; run by `npm run build`. */
import { execSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

rmSync("dist", { recursive: true, force: true });
execSync("tsc -p tsconfig.build.json", { stdio: "inherit" });

// In declarations tsc leaves `./x.ts` as it is. That is legal
// (microsoft/TypeScript#61037), but upsets tools that load declarations as modules.
const specifier = /((?:\bfrom|\bimport) ?\(?")(\.[^"]+)\.ts"/g;
for (const path of filesOf("dist", ".d.ts")) {
  writeFileSync(path, readFileSync(path, "utf8").replace(specifier, '$1$2.js"'));
}

// Each file costs the start of a program, on Bun half a millisecond. So the core is one file, with the
// health that the servers of all runtimes look at, and all entries share it: there is never a second
// copy of it. What else they share is in chunks of esbuild's. A runtime's entry is three files by that.
const core = "dist/src/core.js";
const placeholder = "runhost:core";
const options = {
  bundle: true,
  packages: "external",
  format: "esm",
  target: "es2022",
  sourcemap: true,
  sourcesContent: false, // the sources are in the package
} as const;

const parts = ["src", "src/_host", "src/_time", "src/health"].flatMap((folder) =>
  readdirSync(folder).filter((file) => file.endsWith(".ts") && file !== "mod.ts").map((file) =>
    `./${folder}/${file}`
  )
);
await build({
  ...options,
  stdin: { contents: parts.map((part) => `export * from "${part}";`).join("\n"), resolveDir: "." },
  outfile: core,
});

/** Takes whatever is of the core from the one file. */
const takeCore: Plugin = {
  name: "core",
  setup({ onResolve }) {
    const files = new Set(parts.map((part) => resolve(part)));
    onResolve(
      { filter: /^\./ },
      ({ path, resolveDir }) =>
        files.has(resolve(resolveDir, path)) ? { path: placeholder, external: true } : undefined,
    );
  },
};
const { exports } = JSON.parse(readFileSync("deno.json", "utf8"));
await build({
  ...options,
  entryPoints: Object.values<string>(exports),
  outdir: "dist",
  outbase: ".",
  splitting: true,
  chunkNames: "src/shared-[hash]",
  plugins: [takeCore],
});
for (const path of filesOf("dist", ".js")) {
  const [from, to] = [dirname(path), relative(dirname(path), core)];
  const module = from === dirname(core) ? `./${to}` : to.startsWith(".") ? to : `./${to}`;
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(`"${placeholder}"`, `"${module}"`));
}

function filesOf(folder: string, extension: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(extension))
    .map((file) => join(folder, file));
}
