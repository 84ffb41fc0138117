/**
 * Lets the time pass from run to run of a recorded cron pattern.
 *
 * @module
 */

import { createHost } from "../../mod.ts";
import { cron } from "../../src/cron/mod.ts";
import { FakeClock, quiet } from "../../src/testing/mod.ts";
import type { CronGolden } from "./fixture.ts";

/** Runs it as often as was recorded; returns what is wrong with the first run that disagrees. */
export async function replayCron(golden: CronGolden): Promise<string | undefined> {
  const { pattern, timeZone, from, next } = golden;
  const clock = new FakeClock();
  let wall = from;
  const runs: (number | undefined)[] = [];
  const now = (): number => wall;
  const work = (): unknown => runs.push(wall);
  const job = cron("job", { pattern, timeZone, now, work });
  const host = createHost([job], { clock, logger: false });
  await host.start();
  await quiet();
  for (let run = 0; run < next.length; run++) {
    const due = job.details.nextRun;
    if (!due) break;
    wall = due.getTime();
    await clock.advance(60_000); // it looks at the wall clock once a minute
  }
  await host.stop();
  const index = next.findIndex((time, run) => time !== runs[run]);
  if (index < 0) return undefined;
  return `run ${index}: expected ${text(next[index])}; got ${text(runs[index])}`;
}

function text(time: number | undefined): string {
  return time === undefined ? "none" : new Date(time).toISOString();
}
