/** What one writes by hand: a loop around an abortable setTimeout, without catching up. */
import { drive } from "./_drive.mjs";

await drive(async function* (period, signal) {
  while (!signal.aborted) {
    await new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, period);
      signal.addEventListener("abort", end);
    });
    if (!signal.aborted) yield;
  }
});
