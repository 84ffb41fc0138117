/**
 * Makes each template for each runtime, and lives with it, run by `npm run test:templates`: builds the
 * package, and installs the package managers beside this file. Each argument chooses those whose name has
 * it: `npm run test:templates -- jobs "web node npm"`.
 */
import { execSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const tools = fileURLToPath(new URL("../package/tools/", import.meta.url));

process.env["TEMPLATES"] = process.argv.slice(2).join(",");
process.argv.splice(2);
try {
  execSync("npm ci --no-audit --no-fund", { cwd: here, stdio: "inherit" });
  // A Node that is new enough, where this one is not.
  execSync("npm ci --no-audit --no-fund", { cwd: tools, stdio: "inherit" });
} catch {
  console.error("NOT TESTED with pnpm and Yarn: npm ci failed in tests/templates");
  console.log("0 passed, 1 failed");
  process.exit(1);
}
execSync("npm run build", { stdio: "inherit" });
process.argv.push("templates/");
await import("../run.ts");
