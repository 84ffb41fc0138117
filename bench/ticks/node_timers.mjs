import { setInterval } from "node:timers/promises";
import { drive } from "./_drive.mjs";

await drive(async function* (period, signal) {
  try {
    yield* setInterval(period, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
});
