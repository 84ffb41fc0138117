/** Shows a timed worker: a fixed rate, no overlap, and an end in the middle of a wait. */
import { BackgroundService, every, runHost, type ServiceContext } from "@runhost/host/node";

class Heartbeat extends BackgroundService {
  #beats = 0;

  override async execute(signal: AbortSignal, { clock, lifetime }: ServiceContext): Promise<void> {
    for await (const _ of every(100, { signal, clock, immediate: true })) {
      console.log(`beat ${++this.#beats}`);
      if (this.#beats === 3) lifetime.stopApplication("enough");
    }
    console.log("the signal has ended the loop");
  }
}

await runHost([new Heartbeat()]);
