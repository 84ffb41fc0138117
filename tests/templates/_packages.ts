/**
 * Both packages as they would be published, packed into a folder of their own.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where the packed packages are. */
export interface Packages {
  /** The folder that has all of it, to be removed at the end. */
  readonly folder: string;
  /** The tarball of `@runhost/host`, as npm has it. */
  readonly host: string;
  /** The folder of `@runhost/host`, as JSR has it. */
  readonly jsr: string;
  /** The file of the command `create-runhost`, installed from its tarball. */
  readonly create: string;
}

/** Packs both; needs `dist/`. */
export function pack(): Packages {
  const folder = mkdtempSync(join(tmpdir(), "runhost-packed-"));
  const tarball = (source: string, target: string): string => {
    const path = join(folder, target);
    mkdirSync(path);
    // Without `prepack`: what is packed is what was built.
    run(source, "npm", "pack", "--ignore-scripts", "--pack-destination", path);
    return join(path, readdirSync(path)[0]!);
  };
  const host = tarball(root, "host");
  const created = tarball(join(root, "create"), "create");

  const consumer = join(folder, "consumer");
  mkdirSync(consumer);
  writeFileSync(join(consumer, "package.json"), `{ "private": true }`);
  run(consumer, "npm", "install", "--no-audit", "--no-fund", created);

  return {
    folder,
    host,
    jsr: jsrPackage(join(folder, "jsr")),
    // By the link that package managers make of its name.
    create: realpathSync(join(consumer, "node_modules/.bin/create-runhost")),
  };
}

/** What `deno.json` publishes, with what of its imports the sources import. */
function jsrPackage(folder: string): string {
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
  cpSync(join(root, "mod.ts"), join(folder, "mod.ts"));
  const { name, version, exports, imports, compilerOptions } = JSON.parse(
    readFileSync(join(root, "deno.json"), "utf8"),
  );
  const { peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const peers = Object.keys(peerDependencies);
  const used = Object.fromEntries(
    Object.entries(imports).filter(([key]) =>
      peers.some((peer) => key === peer || key.startsWith(`${peer}/`))
    ),
  );
  const manifest = { name, version, exports, imports: used, compilerOptions };
  writeFileSync(join(folder, "deno.json"), JSON.stringify(manifest));
  return folder;
}

function run(folder: string, ...[program, ...args]: [string, ...string[]]): void {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: 180_000,
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    throw new Error(`${program} ${args.join(" ")}: ${status}\n${stdout}${stderr}`);
  }
}
