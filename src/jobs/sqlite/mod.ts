/**
 * A storage of jobs in a SQLite file.
 *
 * @module
 */

export { sqlite, type SqliteOptions } from "./sqlite_storage.ts";
export type { SqliteConnection, SqliteStatement, SqliteValue } from "./connection.ts";
