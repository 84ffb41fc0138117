/** The application: the same on every runtime. */
import { delay, type Host } from "@runhost/host";
import { hostContext, type HostEnv, probeHandler } from "@runhost/host/hono";
import { Hono } from "hono";

export function application(host: Host): Hono<HostEnv> {
  const app = new Hono<HostEnv>();
  app.get("/:probe{livez|startupz|readyz}", probeHandler(host));
  app.use(hostContext(host));

  app.get("/", (c) => c.text(`Hello from a host that has ${c.var.host.state}`));

  // Answers at once; the stop waits for the mail.
  app.post("/orders", (c) => {
    c.var.waitUntil(sendMail());
    return c.text("Thank you", 202);
  });

  return app;
}

async function sendMail(): Promise<void> {
  await delay(500);
  console.log("The mail is sent");
}
