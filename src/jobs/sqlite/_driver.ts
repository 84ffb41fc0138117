import { bunSqlite } from "./_bun_sqlite.ts";
import { libsql } from "./_libsql.ts";
import { nodeSqlite } from "./_node_sqlite.ts";
import type { OwnConnection } from "./connection.ts";

/** Opens a file, and makes it if there is none. */
export type Driver = (path: string) => OwnConnection;

/** Bun has `node:sqlite`, too, in newer versions: its own comes first. */
const drivers: readonly (() => Promise<Driver>)[] = [bunSqlite, nodeSqlite, libsql];

/** Gives the first driver that this runtime has. */
export async function loadDriver(): Promise<Driver> {
  let cause: unknown;
  for (const load of drivers) {
    try {
      return await load();
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(
    "Cannot open a SQLite file: this runtime has no SQLite. Node has it from 22.13 on, Deno from 2.2 on; on an older Node, install the package libsql",
    { cause },
  );
}
