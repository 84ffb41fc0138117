/** A value that is bound to a `?` of a statement. */
export type SqliteValue = string | number | null;

/** A statement that is prepared; what is used of those of the drivers. */
export interface SqliteStatement {
  /** Runs it. */
  run(...values: SqliteValue[]): unknown;
  /** Runs it, and gives the first row: nothing, or `null`, if there is none. */
  get(...values: SqliteValue[]): unknown;
  /** Runs it, and gives all rows. */
  all(...values: SqliteValue[]): unknown[];
}

/**
 * A connection to a SQLite file, as the caller has opened it: a `DatabaseSync` of `node:sqlite`, a `Database` of
 * `bun:sqlite`, `libsql` or `better-sqlite3`.
 */
export interface SqliteConnection {
  /** Prepares a statement. */
  prepare(sql: string): SqliteStatement;
}

/** A connection of ours. */
export interface OwnConnection extends SqliteConnection {
  /** Runs statements that need no values. */
  exec(sql: string): unknown;
  close(): void;
}
