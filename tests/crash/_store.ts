import type { JobStorage } from "../../src/jobs/mod.ts";
import { postgres } from "../../src/jobs/postgres/mod.ts";
import { sqlite } from "../../src/jobs/sqlite/mod.ts";
import { load } from "../engines/_client.ts";

/** The storage that an address names: `postgres://...`, or the path of a SQLite file. */
export async function storeAt(address: string): Promise<JobStorage> {
  if (!address.startsWith("postgres:")) return sqlite(address);
  const { default: pg } = await load("pg");
  const pool = new pg.Pool({ connectionString: address, max: 10, allowExitOnIdle: true });
  pool.on("error", () => {}); // that a connection has ended, the next call tells
  return postgres({
    query: pool,
    listen: () => new pg.Client({ connectionString: address }),
  });
}
