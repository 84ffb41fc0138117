/** Bundles the small programs of a tool: `bundle.mjs measure quick effect`. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, program } from "../program.mjs";

/** What the programs print; each tool has those it is for. */
const jobs = {
  services: "a starts\nb starts\nb stops\na stops\n",
  queue: "1\n2\n3\n",
  server: "closed\n",
};
const name = process.argv.at(-1);

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));
const alias = {
  "@runhost/host": `${dist}mod.js`,
  "@runhost/host/node": `${dist}src/runtime/node.js`,
  "@runhost/host/consumers": `${dist}src/consumers/mod.js`,
};
/** What NestJS looks for and does without. */
const external = [
  "@nestjs/microservices",
  "@nestjs/platform-express",
  "@nestjs/websockets",
  "class-transformer",
  "class-validator",
];

await program(
  async () => {
    await forEachJob((job, _contents, path) => {
      // Not how it ended: terminus ends by the signal.
      expect(
        job,
        spawnSync(process.execPath, [path], { encoding: "utf8" }).stdout,
        jobs[job],
      );
    });
    return "they print what they should";
  },
  async () => {
    const sizes = {};
    await forEachJob((
      job,
      contents,
    ) => (sizes[job] = gzipSync(contents, { level: 9 }).length));
    return sizes;
  },
);

/** Bundles each of the tool's programs, in a folder that is removed in the end. */
async function forEachJob(done) {
  const folder = mkdtempSync(join(tmpdir(), "bundle-"));
  try {
    for (const job of Object.keys(jobs)) {
      const entry = fileURLToPath(
        new URL(`${job}/${name}.mjs`, import.meta.url),
      );
      if (!existsSync(entry)) continue;
      const outfile = join(folder, `${job}.cjs`);
      const options = {
        bundle: true,
        minify: true,
        platform: "node",
        format: "cjs",
      };
      await build({
        entryPoints: [entry],
        outfile,
        alias,
        external,
        logLevel: "error",
        ...options,
      });
      done(job, readFileSync(outfile), outfile);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
