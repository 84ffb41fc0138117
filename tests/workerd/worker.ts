/** A Worker that makes a host in its global scope and runs it inside a request. */
import { BackgroundService, createHost, every, hostedService } from "@runhost/host";

const log: string[] = [];

class Ticker extends BackgroundService {
  override async execute(signal: AbortSignal): Promise<void> {
    for await (const _ of every(5, { signal })) log.push("tick");
  }
}

// Nothing here may start a timer, read a clock or ask for randomness.
const host = createHost([
  hostedService("pool", { start: () => log.push("open"), stop: () => log.push("close") }),
  new Ticker(),
]);

export default {
  async fetch(): Promise<Response> {
    await host.start();
    while (!log.includes("tick")) await new Promise((resolve) => setTimeout(resolve, 5));
    await host.stop();
    const states = host.services.map(({ name, state }) => `${name} ${state}`);
    return Response.json({ log: [...new Set(log)], states });
  },
};
