/**
 * PostgreSQL: a lease for a `leader`. The pool is yours.
 *
 * ```ts ignore
 * import { backgroundService, runHost } from "@runhost/host/node";
 * import { postgresLease } from "@runhost/host/postgres";
 * import { leader } from "@runhost/host/supervision";
 * import { Pool } from "pg";
 *
 * const lease = postgresLease({ query: new Pool(), name: "nightly" });
 * await runHost([leader("nightly", { lease, make: () => backgroundService("nightly", report) })]);
 * ```
 *
 * @module
 */

export { postgresLease, type PostgresLeaseOptions } from "./postgres_lease.ts";
export type { Query, Queryable, QueryResult } from "./query.ts";
