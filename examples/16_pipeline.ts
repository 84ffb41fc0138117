/** Shows a pipeline of three workers over channels: the slowest sets the pace, and nothing is lost. */
import { backgroundService, delay, type HostedService, runHost } from "@runhost/host/node";
import { Channel } from "@runhost/host/channels";

const capacity = 2;
const orders = new Channel<number>({ capacity });
const invoices = new Channel<string>({ capacity });

const reader = backgroundService("reader", async (signal) => {
  let order = 0;
  try {
    for (; !signal.aborted; order++) await orders.write(order + 1, signal);
  } finally {
    orders.complete(); // the stages after it end when they have read everything
    console.log(`reader: ${order} orders`);
  }
});

const clerk = stage("clerk", orders, async (order) => {
  await invoices.write(`invoice ${order}`);
}, () => invoices.complete());

let sent = 0;
const sender = stage("sender", invoices, async (invoice, stopApplication) => {
  await delay(20);
  console.log(`sender: ${invoice}`);
  if (++sent === 3) stopApplication();
}, () => console.log(`sender: ${sent} invoices`));

/** A worker that ends when its channel does, not when it is told to stop. */
function stage<T>(
  name: string,
  input: Channel<T>,
  work: (item: T, stopApplication: () => void) => Promise<void>,
  ended: () => void,
): HostedService {
  return backgroundService(name, async (_signal, { forced, lifetime }) => {
    try {
      for await (const item of input.readAll(forced)) await work(item, lifetime.stopApplication);
    } finally {
      ended();
    }
  });
}

// The last stage comes first: it is there before anything is sent to it, and until nothing is.
await runHost([sender, clerk, reader]);
