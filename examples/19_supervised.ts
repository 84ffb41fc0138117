/** Shows a feed that breaks off, and is connected again while the rest of the process goes on. */
import { EventEmitter, once } from "node:events";
import { backgroundService, delay, every, runHost } from "@runhost/host/node";
import { supervised } from "@runhost/host/supervision";

/** Stands for a client of somebody else: sends a price now and then, and breaks off after the third. */
class Feed extends EventEmitter {
  #prices = 0;
  readonly #timer = setInterval(() => {
    if (++this.#prices <= 3) this.emit("price", 100 + this.#prices);
    else this.emit("error", new Error("The feed broke off"));
  }, 5);

  close(): void {
    clearInterval(this.#timer);
  }
}

let connections = 0;
let prices = 0;

// All that a connection needs is made in its incarnation, and ends with it.
const feed = supervised("feed", {
  restart: { delay: 20, attempts: 2 },
  make: () => {
    let feed: Feed;
    return backgroundService("feed", {
      start: () => {
        feed = new Feed();
        console.log(`connection ${++connections}`);
      },
      async execute(signal) {
        feed.on("price", () => prices++);
        await once(feed, "error", { signal }).then(([error]) => Promise.reject(error));
      },
      stop: () => {
        feed.close();
        console.log(`closed after ${prices} prices in all`);
      },
    });
  },
});

// The rest of the process does not notice.
const beats = backgroundService("beats", async (signal) => {
  for await (const _ of every(1, { signal })) await delay(0, { signal });
});

const onEvent = (event: { readonly type: string; readonly attempt?: number }): void => {
  if (event.type === "serviceRestarting") console.log(`restart ${event.attempt}`);
};

try {
  await runHost([beats, feed], { logger: false, onEvent });
} catch (error) {
  console.log(`given up: ${(error as Error).message}`); // the exit code is 1
}
