/**
 * A process that leads, or stands by: it writes to a store, with its token, as long as it believes to lead.
 *
 *     leader_worker.ts {"engine": "Redis", "url": "redis://...", "lease": "drill", "store": "http://...", "who": "a"}
 */
import process from "node:process";
import { backgroundService, delay, hostedService } from "../../../src/runtime/node.ts";
import { postgresLease } from "../../../src/postgres/mod.ts";
import { redisLease } from "../../../src/redis/mod.ts";
import { leader, type Lease } from "../../../src/supervision/mod.ts";
import { load } from "../_client.ts";
import { runDrilled } from "./_host.ts";
import { times } from "./leader_times.ts";

/** What it is told. */
export interface Orders {
  readonly engine: string;
  readonly url: string;
  readonly lease: string;
  readonly store: string;
  readonly who: string;
}

/** A lease, and how what it needs is closed. */
async function open(
  { engine, url, lease: name }: Orders,
): Promise<readonly [Lease, () => unknown]> {
  if (engine === "Redis") {
    const { Redis } = await load("ioredis");
    const client = new Redis(url, { maxRetriesPerRequest: null });
    client.on("error", () => {}); // the leader tells of it
    return [redisLease({ client, name }), () => client.disconnect()];
  }
  const { default: pg } = await load("pg");
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 1_000 });
  pool.on("error", () => {}); // an idle connection that breaks would end the process
  return [postgresLease({ query: pool, name }), () => pool.end()];
}

for (const event of ["unhandledRejection", "uncaughtException"] as const) {
  process.on(event, (error) => console.log("unhandled", error));
}
const orders: Orders = JSON.parse(process.argv[2]!);
const { store, who } = orders;
const [lease, close] = await open(orders);
const writer = leader("writer", {
  lease,
  ...times,
  make: (_context, { token, leading }) =>
    backgroundService("writer", async (signal) => {
      console.log(`leads ${token}`);
      while (leading() && !signal.aborted) {
        // Work that does not look up: who is stopped in the middle of it writes all the same.
        await delay(20);
        await fetch(store, { method: "POST", body: JSON.stringify({ token, who }) });
      }
    }),
});
await runDrilled([hostedService("client", { stop: close }), writer]);
