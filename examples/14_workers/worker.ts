/** Shows a Worker: a host that starts in the first event, a cron, a queue, and long work in an object. */
import {
  type ExportedHandler,
  exportedHandler,
  hostedService,
  lazyHost,
} from "@runhost/host/workers";
import type { Env } from "./env.ts";

export { Mailing } from "./mailing.ts";

/** What is loaded once in an isolate, not in each event. */
const templates = new Map<string, string>();

const host = lazyHost<Env>(({ SENDER }) => [
  hostedService("templates", {
    async start() {
      // From KV or R2, say.
      templates.set("welcome", `Welcome to the newsletter. Yours, ${SENDER}`);
    },
  }),
]);

/** Begins the mailing of a day, unless it is under way. */
async function mailing({ MAILINGS }: Env, day: string, request?: RequestInit): Promise<Response> {
  const object = MAILINGS.get(MAILINGS.idFromName(day));
  return await object.fetch("http://mailing/", request);
}

const worker: ExportedHandler<Env> = exportedHandler(host, {
  async fetch(request, env, { waitUntil }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") {
      waitUntil(Promise.resolve().then(() => console.log("A visitor"))); // the answer does not wait
      return new Response(templates.get("welcome"));
    }
    return await mailing(env, pathname.slice(1));
  },

  // As in wrangler.jsonc.
  scheduled: {
    async "0 3 * * *"(_signal, { env, controller }) {
      const day = new Date(controller.scheduledTime).toISOString().slice(0, 10);
      await mailing(env, day, { method: "POST" });
    },
  },

  queue: {
    subscriptions: {
      concurrency: 5,
      retry: { delay: 10_000 },
      handle({ body }) {
        if (!`${body.address}`.includes("@")) throw new Error(`Not an address: ${body.address}`);
        console.log(`To ${body.address}: ${templates.get("welcome")}`);
      },
    },
  },
});

export default worker;
