/**
 * Jobs in PostgreSQL: a storage for `jobServer` and `jobClient` of `@runhost/host/jobs`, shared by any number of machines.
 *
 * @module
 */

export type { Query, Queryable, QueryResult } from "../../postgres/query.ts";
export type { Listen, Listening, ListeningClient } from "./_wakes.ts";
export { postgres, type PostgresOptions } from "./postgres_storage.ts";
