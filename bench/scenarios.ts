/** All scenarios, in the order of the results page. */
import type { Scenario } from "./_scenario.ts";
import { bundle } from "./bundle/scenario.ts";
import { channel } from "./channel/scenario.ts";
import { delay } from "./delay/scenario.ts";
import { exit } from "./exit/scenario.ts";
import { growth } from "./growth/scenario.ts";
import { history } from "./history/scenario.ts";
import { hono } from "./hono/scenario.ts";
import { idle } from "./idle/scenario.ts";
import { imports } from "./import/scenario.ts";
import { jobs } from "./jobs/scenario.ts";
import { lifecycle } from "./lifecycle/scenario.ts";
import { memory } from "./memory/scenario.ts";
import { pickup } from "./pickup/scenario.ts";
import { queue } from "./queue/scenario.ts";
import { scale } from "./scale/scenario.ts";
import { steady } from "./steady/scenario.ts";
import { telemetry } from "./telemetry/scenario.ts";
import { ticks } from "./ticks/scenario.ts";

export const scenarios: readonly Scenario[] = [
  lifecycle,
  queue,
  channel,
  delay,
  ticks,
  steady,
  memory,
  bundle,
  imports,
  exit,
  hono,
  telemetry,
  jobs,
  pickup,
  idle,
  growth,
  history,
  scale,
];
