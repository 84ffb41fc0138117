/** The engines that tests run against, in the order in which they are started. */
import type { Engine } from "./_server.ts";
import { kafka } from "./kafka.ts";
import { pgbouncer } from "./pgbouncer.ts";
import { postgres } from "./postgres.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";

export { type Engine, type EngineServer, find } from "./_server.ts";

export const engines: readonly Engine[] = [redis, postgres, pgbouncer, rabbitmq, kafka];
