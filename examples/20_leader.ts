/** Shows three instances of which one works, and what happens when that ends. */
import { createHost, delay, every } from "@runhost/host";
import { backgroundService, type Host } from "@runhost/host/node";
import { leader } from "@runhost/host/supervision";
import { FakeLease } from "@runhost/host/testing";

// Stands for a row of PostgreSQL or a key of Redis, which processes share; these are all in one.
const lease = new FakeLease();

const newInstance = (name: string): Host =>
  createHost([
    leader("reports", {
      lease,
      duration: 600,
      renewDeadline: 400,
      retryPeriod: 50,
      make: (_context, { token, leading }) =>
        backgroundService("reports", async (signal) => {
          console.log(`${name} leads with token ${token}`);
          // A write elsewhere would carry the token: what is older is refused there.
          for await (const _ of every(10, { signal })) if (!leading()) break;
          console.log(`${name} leads no longer`);
        }),
    }),
  ], { hostLifetime: false, logger: false });

const [a, b, c] = [newInstance("a"), newInstance("b"), newInstance("c")];
await a.start();
await delay(20);
await b.start(); // stands by
await delay(100);
await a.stop(); // ends its work, then gives the lease back
await delay(100);
lease.steal("somebody else", 150); // as when the network is cut, and the lease has run out
await delay(100);
await b.stop();
await c.start();
await delay(150);
await c.stop();
