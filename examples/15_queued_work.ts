/** Shows requests that are answered at once, and the work they queued: finished before the end. */
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { TaskQueue } from "@runhost/host/consumers";
import { backgroundService, delay, httpServer, runHost } from "@runhost/host/node";
import { Hono } from "hono";

let plugIn!: () => void;
/** The mail server is down at first. */
const mailServer = new Promise<void>((resolve) => (plugIn = resolve));

const mails = new TaskQueue("mails", { capacity: 2 });

const app = new Hono().post("/orders/:id", (c) => {
  const id = c.req.param("id");
  const queued = mails.tryEnqueue(async (signal) => {
    await mailServer;
    await delay(50, { signal }); // the end of the grace would cut it
    console.log(`mails: order ${id} is confirmed`);
  });
  if (queued) return c.text("Thank you", 202);
  return c.text("Too many orders", 503, { "Retry-After": "60" }); // better than a queue without end
});

const server = createAdaptorServer({ fetch: app.fetch });

/** The only customer; the example ends with it. */
const customer = backgroundService("customer", async (_signal, { lifetime }) => {
  const { port } = server.address() as AddressInfo;
  for (const id of [1, 2, 3, 4]) {
    const { status } = await fetch(`http://localhost:${port}/orders/${id}`, { method: "POST" });
    console.log(`customer: order ${id}, answer ${status}`);
  }
  plugIn();
  lifetime.stopApplication("enough orders");
});

// The queue comes before the server, so it stops after it: when no request can queue any more.
await runHost([mails, httpServer("web", { server, port: 0 }), customer]);
console.log(`mails: ${mails.details.done} done, ${mails.unfinished.length} left`);
