/** The engines that are drilled; a further one is a file here, and a line. */
import type { DrillEngine } from "./_engine.ts";
import { kafka } from "./kafka.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";

export { type DrillEngine, type Feeder, holdTimeout, type Place } from "./_engine.ts";

export const drillEngines: readonly DrillEngine[] = [redis, rabbitmq, kafka];
