import { refuse } from "../_check.ts";

/** What a query answers: the rows, or an object that has them. */
export type QueryResult = readonly unknown[] | { readonly rows: readonly unknown[] };

/** Runs one statement, with values for `$1`, `$2` and so on. */
export type Query = (text: string, values: unknown[]) => PromiseLike<QueryResult>;

/**
 * A function that queries, or something that has one: a `Pool` or `Client` of `pg`, a `PGlite`, or a function
 * around the `unsafe` of `postgres`. It stays the caller's, and is closed by nobody here.
 */
export type Queryable = Query | {
  query(text: string, values: unknown[]): PromiseLike<QueryResult>;
};

/** Checks what is to be queried, and gives the rows of what it answers. */
export function queryOf(
  label: string,
  given: Queryable,
): (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]> {
  const { query } = Object(given) as { readonly query?: Query };
  if (typeof given !== "function" && typeof query !== "function") {
    refuse(label, "a function that queries, or an object with one", given);
  }
  const call: Query = typeof given === "function"
    ? given
    : (text, values) => given.query(text, values);
  return async (text, values = []) => {
    const result = await call(text, values);
    const rows = "rows" in result ? result.rows : result;
    return [...rows] as Record<string, unknown>[];
  };
}

/** The SQLSTATE of what PostgreSQL refuses, or the code of what keeps a client from it; empty if there is none. */
export function codeOf(error: unknown): string {
  return `${(Object(error) as { readonly code?: unknown }).code ?? ""}`;
}
