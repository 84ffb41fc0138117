/** The loop of ../ticks/bare.mjs. */
import { drive } from "./_drive.mjs";

await drive(async function* (period, signal, clock) {
  while (!signal.aborted) {
    await new Promise((resolve) => {
      const end = () => {
        clock.clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = clock.setTimeout(end, period);
      signal.addEventListener("abort", end);
    });
    if (!signal.aborted) yield;
  }
});
