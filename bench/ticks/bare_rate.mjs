/** The loop of bare.mjs, which keeps its rate: it waits for the next moment of a grid. */
import { drive } from "./_drive.mjs";

await drive(async function* (period, signal) {
  let due = performance.now() + period;
  while (!signal.aborted) {
    const left = due - performance.now();
    if (left > 0) {
      await new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, Math.ceil(left));
        signal.addEventListener("abort", end);
      });
      continue;
    }
    due += (Math.floor(-left / period) + 1) * period;
    if (!signal.aborted) yield;
  }
});
