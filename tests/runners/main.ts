/**
 * Runs the guide's tests with every test runner that it speaks of, run by `npm run test:runners`:
 * builds the package, and installs those that are not in the repository's own packages.
 */
import { execSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

try {
  execSync("npm ci --no-audit --no-fund", { cwd: here, stdio: "inherit" });
} catch {
  console.error("NOT TESTED with vitest, jest and sinon: npm ci failed in tests/runners");
  console.log("0 passed, 1 failed");
  process.exit(1);
}
execSync("npm run build", { stdio: "inherit" });
process.env["RUNNERS"] = "all";
process.argv.push("runners/");
await import("../run.ts");
