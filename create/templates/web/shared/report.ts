import { type BackgroundService, backgroundService, every } from "@runhost/host";
import type { Visits } from "./visits.ts";

/** A worker that tells each minute how many visitors there were. */
export function report(visits: Visits): BackgroundService {
  return backgroundService("report", {
    heartbeat: 180_000, // without a beat for so long it is not alive: `/livez` says so
    async execute(signal, { clock, logger, beat }) {
      let told = 0;
      for await (const _ of every(60_000, { signal, clock })) {
        logger.info(`${visits.total - told} visitors in the last minute`);
        told = visits.total;
        beat();
      }
    },
  });
}
