import { backgroundService, every } from "@runhost/host";

/** Works once a second, until the host is asked to stop. */
export const worker = backgroundService("worker", {
  heartbeat: 30_000, // without a beat for so long it is not alive: `/livez` says so
  async execute(signal, { clock, logger, beat }) {
    for await (const _ of every(1_000, { signal, clock })) {
      logger.info("Working");
      beat();
    }
  },
});
