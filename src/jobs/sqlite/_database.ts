import type { SqliteConnection, SqliteStatement, SqliteValue } from "./connection.ts";

/** A row, by the names of its columns. */
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

/** What a statement may be given: SQLite has neither `undefined` nor `boolean`. */
export type Given = SqliteValue | boolean | undefined;

/** A connection with its statements, each of which is prepared once. */
export class Database {
  readonly #connection: SqliteConnection;
  readonly #statements: Map<string, SqliteStatement> = new Map();

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  /** Runs a statement that gives no rows. */
  run(sql: string, ...values: Given[]): void {
    this.#prepared(sql).run(...values.map(bound));
  }

  /** Gives the first row. */
  get(sql: string, ...values: Given[]): SqliteRow | undefined {
    return (this.#prepared(sql).get(...values.map(bound)) ?? undefined) as SqliteRow | undefined;
  }

  /** Gives all rows. */
  all(sql: string, ...values: Given[]): readonly SqliteRow[] {
    return this.#prepared(sql).all(...values.map(bound)) as readonly SqliteRow[];
  }

  #prepared(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#connection.prepare(sql));
    return statement;
  }
}

function bound(value: Given): SqliteValue {
  return typeof value === "boolean" ? Number(value) : value ?? null;
}
