import { drive, services } from "./_drive.mjs";

await drive((kind, count, tally) => {
  const all = services(kind, count, tally);
  return {
    async start() {
      for (const service of all) await service.start();
    },
    async stop() {
      for (const service of [...all].reverse()) await service.stop();
    },
  };
});
