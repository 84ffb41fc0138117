/** Compiled, never run: the clients are what the entry writes down of them. */
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis-5";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis-5";
import type { Source } from "@runhost/host/consumers";
import { redisLease, type StreamFields, streamSource } from "@runhost/host/redis";

const names = { stream: "orders", group: "mails" };

for (const client of [new Redis(), new Redis5()]) streamSource({ client, ...names });
streamSource({ client: createClient(), ...names });
streamSource({ client: createClient5(), ...names });
redisLease({ client: new Redis(), name: "nightly" });
redisLease({ client: createClient(), name: "nightly" });

streamSource({ client: new Redis(), ...names }) satisfies Source<StreamFields>;
streamSource({ client: new Redis(), ...names, field: "order" }) satisfies Source<string>;

// @ts-expect-error -- a group is needed
streamSource({ client: new Redis(), stream: "orders" });
// @ts-expect-error -- an address is no client
streamSource({ client: "redis://localhost", ...names });
