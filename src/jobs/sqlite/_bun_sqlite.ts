import { loadBuiltin } from "../../_builtin.ts";
import type { OwnConnection, SqliteStatement } from "./connection.ts";

/** What is used of `bun:sqlite`. */
interface BunSqlite {
  readonly Database: new (path: string) => Omit<OwnConnection, "prepare"> & {
    prepare(sql: string): SqliteStatement & { finalize(): void };
  };
}

/** Opens files with what Bun has. */
export async function bunSqlite(): Promise<(path: string) => OwnConnection> {
  const { Database } = await loadBuiltin("bun:sqlite") as BunSqlite;
  return (path) => {
    const database = new Database(path);
    const statements: { finalize(): void }[] = [];
    return {
      exec: (sql) => database.exec(sql),
      prepare(sql) {
        const statement = database.prepare(sql);
        statements.push(statement);
        return statement;
      },
      close() {
        // A connection whose statements are not finalized stays open until they are collected, and so does its file.
        for (const statement of statements) statement.finalize();
        database.close();
      },
    };
  };
}
