import { delay } from "@runhost/host";
import { defineJob, type Job } from "@runhost/host/jobs";
import { landscape } from "./landscape.ts";

/** Milliseconds a layer of paint takes to dry. */
const drying = 400;

/** What is asked for. */
export interface Greeting {
  readonly text: string;
}

/** Paints a postcard. Its progress is the number of layers that have dried; the next attempt goes on from there. */
export const paint: Job<Greeting, void> = defineJob("paint", {
  queue: "easel",
  retry: { delay: 500 },
  async execute({ text }: Greeting, signal, { lastProgress, progress, log }) {
    const layers = landscape(text);
    const dry = typeof lastProgress === "number" ? lastProgress : 0;
    for (let layer = dry + 1; layer <= layers.length; layer++) {
      // The stop of the host lets it finish; this signal says: put down the brush.
      await delay(drying, { signal });
      progress(layer);
      log(`layer ${layer} of ${layers.length} is dry`);
    }
  },
});
