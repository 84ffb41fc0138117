import { defSystem } from "@thi.ng/system";
import { drive, services } from "./_drive.mjs";

await drive((kind, count, tally) => {
  const components = services(kind, count, tally).map((service, index) => {
    // A hook that does not give `true` has failed.
    const start = async () => (await service.start(), true);
    const stop = async () => (await service.stop(), true);
    return [`service${index}`, { factory: () => ({ start, stop }) }];
  });
  return defSystem(Object.fromEntries(components));
});
