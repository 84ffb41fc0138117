/** The core in a page. */
import {
  BackgroundService,
  createHost,
  every,
  hostedService,
  runHost,
  ServiceTimeoutError,
} from "@runhost/host";

class Ticker extends BackgroundService {
  ticks = 0;

  override async execute(signal: AbortSignal): Promise<void> {
    for await (const _ of every(5, { signal })) this.ticks++;
  }
}

/** What the test calls. */
const page = {
  async life(): Promise<unknown> {
    const log: string[] = [];
    const ticker = new Ticker();
    const host = createHost([
      hostedService("pool", { start: () => log.push("open"), stop: () => log.push("close") }),
      ticker,
    ]);
    await host.start();
    while (ticker.ticks < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    await host.stop();
    return { log, states: host.services.map(({ name, state }) => `${name} ${state}`) };
  },

  async signal(): Promise<string> {
    const controller = new AbortController();
    const running = runHost([new Ticker()], { signal: controller.signal });
    controller.abort();
    await running;
    return "resolved";
  },

  async failure(): Promise<unknown> {
    const broken = hostedService("broken", {
      start: () => Promise.reject(new Error("Out of order")),
    });
    const log: string[] = [];
    const pool = hostedService("pool", { stop: () => log.push("rolled back") });
    return await createHost([pool, broken], { logger: false }).start()
      .catch((error) => [...log, error.message]);
  },

  async hang(): Promise<unknown> {
    const deaf = hostedService("deaf", { stop: () => new Promise(() => {}) });
    const limits = { shutdownTimeout: 10, abandonTimeout: 10, logger: false } as const;
    const host = createHost([deaf], limits);
    await host.start();
    return await host.stop().catch((error) =>
      error instanceof ServiceTimeoutError && error.message
    );
  },

  /** As the guide has it: what is done without waiting is done when the page goes. */
  async untilHidden(): Promise<void> {
    const host = createHost([
      hostedService("draft", { stop: () => localStorage.setItem("draft", "saved") }),
    ]);
    addEventListener("pagehide", () => void host.stop());
    await host.start();
  },
};

export type PageUnderTest = typeof page;

Object.assign(globalThis, { page });
