/** Lints the documentation of every entry; run by `deno task doc:lint`. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import manifest from "../deno.json" with { type: "json" };

// The types of a peer are documented by the peer, which is why a module of Node stands for each.
const imports = Object.fromEntries(
  Object.keys(manifest.imports).map((name) => [name, "node:process"]),
);
const importMap = `data:application/json,${encodeURIComponent(JSON.stringify({ imports }))}`;

// Without a package.json in sight, because Deno would warn about each file of @types/node.
const { status } = spawnSync(
  process.execPath,
  ["doc", "--lint", `--import-map=${importMap}`, ...Object.values(manifest.exports)],
  { stdio: "inherit", env: { ...process.env, DENO_NO_PACKAGE_JSON: "1" } },
);
process.exitCode = status ?? 1;
