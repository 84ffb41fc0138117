import { loadBuiltin } from "../../_builtin.ts";
import type { OwnConnection } from "./connection.ts";

/** What is used of `node:sqlite`. */
interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => OwnConnection;
}

/** Opens files with what Node has since 22.13, and Deno since 2.2. */
export async function nodeSqlite(): Promise<(path: string) => OwnConnection> {
  const { DatabaseSync } = await loadBuiltin("node:sqlite") as NodeSqlite;
  return (path) => new DatabaseSync(path);
}
