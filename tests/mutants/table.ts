/** Every fault that the tests have to see. */
import { channels } from "./channels.ts";
import { consumers } from "./consumers.ts";
import { core } from "./core.ts";
import { health } from "./health.ts";
import { hono } from "./hono.ts";
import { jobs } from "./jobs.ts";
import type { Mutant } from "./mutant.ts";
import { process } from "./process.ts";
import { queue } from "./queue.ts";
import { schedules } from "./schedules.ts";
import { servers } from "./servers.ts";
import { supervision } from "./supervision.ts";
import { systemd } from "./systemd.ts";
import { testing } from "./testing.ts";

export const mutants: readonly Mutant[] = [
  ...core,
  ...channels,
  ...consumers,
  ...queue,
  ...health,
  ...hono,
  ...jobs,
  ...schedules,
  ...servers,
  ...process,
  ...supervision,
  ...systemd,
  ...testing,
];
