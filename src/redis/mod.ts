/**
 * Redis: a source over a consumer group of a stream, and a lease for a `leader`. The client is yours: one of
 * `ioredis` or of `redis`.
 *
 * ```ts ignore
 * import { runHost } from "@runhost/host/node";
 * import { consumer } from "@runhost/host/consumers";
 * import { streamSource } from "@runhost/host/redis";
 * import { Redis } from "ioredis";
 *
 * const source = streamSource({ client: new Redis(), stream: "orders", group: "mails" });
 * await runHost([consumer("mails", { source, handle: ({ to }) => console.log(to) })]);
 * ```
 *
 * @module
 */

export type { IoRedisClient, NodeRedisClient, RedisClient } from "./client.ts";
export { redisLease, type RedisLeaseOptions } from "./redis_lease.ts";
export {
  type StreamDelivery,
  type StreamFields,
  streamSource,
  type StreamSourceOptions,
} from "./stream_source.ts";
