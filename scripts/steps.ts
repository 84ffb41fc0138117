/** What `npm test` runs, and in which order. */
import { existsSync } from "node:fs";

/** One command, as one would type it in the root of the repository. */
export interface Step {
  readonly name: string;
  readonly command: string;
  /** Whether it reads `dist/`, so that `npm test -- <name>` builds it first. */
  readonly built?: boolean;
}

/** The steps of one phase may run at the same time; the next phase waits for all of them. */
export const phases: readonly (readonly Step[])[] = [
  [
    { name: "manifests", command: "tsx scripts/manifests.ts" },
    { name: "types", command: "tsc" },
    { name: "types-bun", command: "tsc -p tests/package/tsconfig.bun.json" },
    { name: "deno-check", command: "deno task check" },
    { name: "deno-lint", command: "deno lint" },
    { name: "deno-fmt", command: "deno fmt --check" },
    { name: "doc-lint", command: "deno task doc:lint" },
    { name: "docs-api", command: "tsx scripts/api_docs.ts" },
    { name: "doc-test", command: "deno task doc:test" },
    { name: "publish-jsr", command: "deno publish --dry-run --allow-dirty" },
    { name: "size", command: "tsx scripts/size.ts" },
    {
      name: "create",
      command: "npm ci --prefix create && tsc -p create/tsconfig.json && tsx tests/run.ts create/",
    },
    // The newest Node, for the process tests and for the packed tarball.
    { name: "tools", command: "npm ci --prefix tests/package/tools" },
  ],
  [
    { name: "unit-node", command: "tsx tests/run.ts" },
    { name: "unit-deno", command: "deno task unit" },
    { name: "unit-bun", command: "bun tests/run.ts" },
    ...existing("tests/workerd", { name: "workerd", command: "tsx tests/run.ts workerd" }),
  ],
  // Real signals at real moments: nothing else may take the processor meanwhile.
  existing("tests/process", { name: "process", command: "tsx tests/run.ts process" }),
  existing("tests/load", { name: "load", command: "tsx tests/run.ts load/" }),
  existing("tests/examples", { name: "examples", command: "tsx tests/run.ts examples" }),
  [{ name: "build", command: "npm run build" }],
  [
    { name: "tarball", command: "tsx tests/run.ts package", built: true },
    { name: "runners", command: "tsx tests/run.ts runners/", built: true },
    { name: "publint", command: "publint --strict", built: true },
    { name: "attw", command: "attw --pack --profile esm-only", built: true },
    {
      name: "bench",
      command: "npm ci --prefix bench && tsx bench/main.ts --smoke",
      built: true,
    },
  ],
];

/** The step, once its folder is there. */
function existing(folder: string, step: Step): Step[] {
  return existsSync(folder) ? [step] : [];
}
