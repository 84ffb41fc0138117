import { check, checkNames } from "../_check.ts";
import { checkClient, type RedisClient } from "./client.ts";
import { sender } from "./_send.ts";
import type { Lease, Term } from "../supervision/lease.ts";

/** Options of {@linkcode redisLease}. */
export interface RedisLeaseOptions {
  /** A client of `ioredis` or `redis`. */
  readonly client: RedisClient;
  /** What the lease is for: the same in all processes of which one leads. */
  readonly name: string;
  /**
   * What its two keys begin with; a part in braces, which keeps them in one slot of a cluster, is added.
   *
   * @default {"runhost:lease:"}
   */
  readonly prefix?: string | undefined;
}

/** KEYS: the lease, the last token. ARGV: holder, milliseconds. Answers the token, or nothing. */
const acquire = `
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1] + 1) ~= ARGV[1] .. ' ' then return nil end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. token, 'PX', ARGV[2])
return token`;

/** KEYS: the lease. ARGV: holder and token, milliseconds. */
const renew = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** KEYS: the lease. ARGV: holder and token. */
const release = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/**
 * A lease in Redis, for `leader`: a key that runs out, and a second one that counts its terms, so that each
 * has a higher token than the one before. By the server's clock.
 *
 * It is as safe as that one server: one that comes back without its last writes, and a replica that takes
 * over without having had them, may give the lease a second time, and even a token. Whoever cannot bear that
 * takes `postgresLease`. The keys must not be evicted (`maxmemory-policy noeviction`).
 *
 * @throws {TypeError} If an option is missing or has the wrong type.
 *
 * @example One process of several
 * ```ts ignore
 * import { backgroundService, runHost } from "@runhost/host/node";
 * import { redisLease } from "@runhost/host/redis";
 * import { leader } from "@runhost/host/supervision";
 * import { Redis } from "ioredis";
 *
 * const lease = redisLease({ client: new Redis(), name: "nightly" });
 * await runHost([leader("nightly", { lease, make: () => backgroundService("nightly", report) })]);
 * ```
 */
export function redisLease(options: RedisLeaseOptions): Lease {
  const label = "redisLease options";
  check(label, options, { name: "" });
  checkNames(label, options, ["client", "name", "prefix"]);
  const { client, name, prefix = "runhost:lease:" } = options;
  checkClient(`${label}.client`, client);
  check(`${label}.prefix`, prefix, "");
  const send = sender(client);
  const key = `${prefix}{${name}}`;

  const term = (token: number, held: string): Term => ({
    token,
    async renew(signal, { duration }) {
      signal.throwIfAborted();
      return await send(["EVAL", renew, 1, key, held, Math.ceil(duration)]) === 1;
    },
    release: () => send(["EVAL", release, 1, key, held]),
  });

  return {
    async acquire(signal, { holder, duration }) {
      signal.throwIfAborted();
      const answer = await send([
        "EVAL",
        acquire,
        2,
        key,
        `${key}:token`,
        holder,
        Math.ceil(duration),
      ]);
      if (answer === null || answer === undefined) return undefined;
      const token = Number(answer);
      return term(token, `${holder} ${token}`);
    },
  };
}
