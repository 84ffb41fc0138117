import { loadBuiltin } from "../../_builtin.ts";
import type { OwnConnection } from "./connection.ts";

/** What is used of `libsql`. */
interface Libsql {
  readonly default: new (path: string) => OwnConnection;
}

/** Opens files with the package `libsql`, for a Node that has no SQLite of its own. */
export async function libsql(): Promise<(path: string) => OwnConnection> {
  const { default: Database } = await loadBuiltin("libsql") as Libsql;
  return (path) => new Database(path);
}
