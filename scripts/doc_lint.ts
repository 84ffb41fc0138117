/** Lints the documentation of every entry; run by `deno task doc:lint`. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import manifest from "../deno.json" with { type: "json" };
import { documentationImports } from "./documentation.ts";

// Without a package.json in sight, because Deno would warn about each file of @types/node.
const { status } = spawnSync(
  process.execPath,
  ["doc", "--lint", `--import-map=${documentationImports}`, ...Object.values(manifest.exports)],
  { stdio: "inherit", env: { ...process.env, DENO_NO_PACKAGE_JSON: "1" } },
);
process.exitCode = status ?? 1;
