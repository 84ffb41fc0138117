/**
 * The loop of bare.mjs with what a host cannot do without: a signal for the hooks of the start and one
 * for those of the stop, and a record of what happened: who, when, how long, with which error.
 */
import { drive, services } from "./_drive.mjs";

await drive((kind, count, tally) => {
  const all = services(kind, count, tally);
  const calls = [];
  const call = async (service, phase, signal) => {
    const record = {
      service,
      phase,
      begun: performance.now(),
      duration: 0,
      error: undefined,
    };
    calls.push(record);
    try {
      await service[phase](signal);
    } catch (error) {
      record.error = error;
    }
    record.duration = performance.now() - record.begun;
  };
  return {
    async start() {
      const { signal } = new AbortController();
      for (const service of all) await call(service, "start", signal);
    },
    async stop() {
      const { signal } = new AbortController();
      for (const service of [...all].reverse()) {
        await call(service, "stop", signal);
      }
    },
  };
});
