/** A Worker with lazy hosts: one takes 300 ms to start, one begins without a `waitUntil` and hangs. */
import {
  aborted,
  backgroundService,
  delay,
  type ExportedHandler,
  exportedHandler,
  hostedService,
  lazyHost,
  type WorkerContext,
} from "@runhost/host/workers";

interface Env {
  readonly TEXT?: string;
}

/** What has happened in this isolate. */
const log: string[] = [];
let fails = false;

const services = (name: string) => () => [
  hostedService("slow", {
    async start() {
      log.push(`${name} starting`);
      await delay(300);
      if (fails) throw new Error("Out of order");
      log.push(`${name} started`);
    },
    stop: () => log.push(`${name} stopped`),
  }),
];

const host = lazyHost<Env>(services("host"), {
  background: () => [
    backgroundService("ticker", async (signal) => {
      log.push("slice began");
      await aborted(signal);
      log.push("slice ended");
    }),
  ],
  logger: false,
});
const frail = lazyHost(() => [
  hostedService("frail", {
    async start() {
      log.push("frail starting");
      if (log.indexOf("frail starting") === log.length - 1) await delay(1_000_000); // the first
      log.push("frail started");
    },
  }),
], { logger: false, lostAfter: 200 });
const wrong = lazyHost(() => [backgroundService("worker", aborted)], { logger: false });

const worker: ExportedHandler<Env> = exportedHandler<Env>(host, {
  async fetch({ url }, _env, context) {
    if (url.endsWith("/work")) context.waitUntil(work(context));
    return Response.json(log);
  },
  scheduled: {
    "* * * * *": (_signal, { controller }) => log.push(`cron ${controller.cron}`),
    "0 3 * * *": backgroundService("nightly", async () => log.push("nightly")),
    "0 4 * * *": async () => {
      throw new Error("No night is long enough");
    },
  },
  queue: {
    mails: {
      concurrency: 2,
      retry: { delay: 3_000, jitter: 0 },
      handle({ body }) {
        if (body === "spam") throw new Error("No spam");
        log.push(`mail ${body}`);
      },
    },
  },
}, { fetchLimit: 1_000, eventLimit: 4_000 });

/** Goes on after the answer for as long as it may. */
async function work({ signal }: WorkerContext): Promise<void> {
  const began = Date.now();
  await aborted(signal);
  log.push(`work ended ${Date.now() - began < 1_000 ? "in time" : "too late"}`);
}

const entry: ExportedHandler<Env> = {
  ...worker,

  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === "/log") return Response.json(log);
    if (pathname === "/fail") return Response.json(fails = true);
    if (pathname === "/mend") return Response.json(fails = false);
    try {
      if (pathname === "/frail") await frail.ready();
      else if (pathname === "/wrong") await wrong.ready(context);
      else if (pathname === "/stop") await host.stop();
      else if (pathname === "/ask-for-stop") host.host?.lifetime.stopApplication();
      else return await worker.fetch(request, env, context);
      return Response.json(log);
    } catch (error) {
      return Response.json(String(error));
    }
  },
};

export default entry;
