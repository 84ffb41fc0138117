/** The storages that a dashboard is looked at with. */
import { execSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { JobStorage } from "../../src/jobs/mod.ts";
import { sqlite } from "../../src/jobs/sqlite/mod.ts";
import { storeAt } from "../crash/_store.ts";
import { find } from "../engines/servers/_server.ts";
import { postgres } from "../engines/servers/postgres.ts";

/** An empty storage, and what ends it. */
export interface Store {
  readonly name: string;
  readonly storage: JobStorage;
  remove(): Promise<void>;
}

/** A SQLite file and, where there is one, a database of a private PostgreSQL. */
export async function openStores(): Promise<Store[]> {
  const folder = mkdtempSync(join(tmpdir(), "runhost-dashboard-"));
  const inFile: Store = {
    name: "SQLite",
    storage: sqlite(join(folder, "jobs.db")),
    remove: async () => rmSync(folder, { recursive: true }),
  };
  if (!postgres.commands.every(find)) {
    const hint = `apt-get install ${postgres.packages.join(" ")}`;
    console.log(`NOT TESTED: the dashboard on PostgreSQL, which is not here: ${hint}`);
    return [inFile];
  }
  const cwd = fileURLToPath(new URL("../engines/", import.meta.url)); // where the client is installed
  if (!existsSync(join(cwd, "node_modules"))) execSync("npm ci --no-audit --no-fund", { cwd });
  const server = await postgres.create();
  process.once("exit", () => void server.kill());
  await server.start();
  return [
    inFile,
    { name: "PostgreSQL", storage: await storeAt(server.url), remove: () => server.remove() },
  ];
}
