/** Compiled, never run: the clients are what the entry writes down of them. */
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import postgres from "postgres";
import { postgresLease } from "@runhost/host/postgres";

postgresLease({ query: new pg.Pool(), name: "nightly" });
postgresLease({ query: new pg.Client(), name: "nightly" });
postgresLease({ query: new PGlite(), name: "nightly" });
const sql = postgres();
postgresLease({ query: (text, values) => sql.unsafe(text, values as never[]), name: "nightly" });

// @ts-expect-error -- an address is nothing to query
postgresLease({ query: "postgres://localhost", name: "nightly" });
