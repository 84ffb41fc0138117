/**
 * Runs what docs/frameworks.md shows of Koa, NestJS and Next.js, run by `npm run test:frameworks`: builds the
 * package, and installs the frameworks beside this file.
 */
import { execSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

try {
  execSync("npm ci --no-audit --no-fund", { cwd: here, stdio: "inherit" });
} catch {
  console.error("NOT TESTED with Koa, NestJS and Next.js: npm ci failed in tests/frameworks");
  console.log("0 passed, 1 failed");
  process.exit(1);
}
execSync("npm run build", { stdio: "inherit" });
process.argv.push("frameworks/");
await import("../run.ts");
