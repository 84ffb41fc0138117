/** Shows jobs that follow one another: an order is charged, then two mails go out, then it is closed. */
import { backgroundService, runHost } from "@runhost/host/node";
import { defineJob, jobServer } from "@runhost/host/jobs";
import { sqlite } from "@runhost/host/jobs/sqlite";

interface Order {
  readonly id: number;
  readonly to: string;
}

const charge = defineJob("charge", {
  retry: { delay: 10 },
  execute: async ({ id }: Order, _signal, { attempt }) => {
    if (attempt === 1) throw new Error("The bank does not answer"); // it is tried again
    return `receipt ${id}`;
  },
});

const sendMail = defineJob("send-mail", {
  queue: "mails",
  execute: async ({ to, subject }: { readonly to: string; readonly subject: string }) => {
    console.log(`mail to ${to}: ${subject}`);
  },
});

const close = defineJob("close", {
  execute: async ({ id }: Order) => console.log(`order ${id} is closed`),
});

const jobs = jobServer("jobs", {
  storage: sqlite(":memory:"), // a path, for jobs that survive
  jobs: [charge, sendMail, close],
  queues: { mails: { concurrency: 1 } },
});

// Stands for a web server, in which a request makes an order.
const shop = backgroundService("shop", async (signal, { lifetime }) => {
  const order = { id: 7, to: "ada@example.com" };
  const charged = await jobs.enqueue(charge, order);
  const mails = await jobs.enqueueAll(sendMail, [
    { to: order.to, subject: "Thank you" },
    { to: "store@example.com", subject: "Pack order 7" },
  ], { after: charged });
  const closed = await jobs.enqueue(close, order, { after: mails });

  await jobs.result(closed, { signal });
  const { result, attempt } = (await jobs.get(charged))!;
  console.log(`${JSON.parse(result!)}, at attempt ${attempt}`);
  lifetime.stopApplication();
});

await runHost([jobs, shop], { logger: false });
