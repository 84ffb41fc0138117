import Systemic from "systemic";
import { drive, services } from "./_drive.mjs";

await drive((kind, count, tally) => {
  const system = Systemic();
  for (const [index, service] of services(kind, count, tally).entries()) {
    // It calls hooks without their object, and counts their parameters.
    system.add(`service${index}`, {
      start: () => service.start(),
      stop: () => service.stop(),
    });
  }
  return system;
});
