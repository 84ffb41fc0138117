/** Shows Fastify in a host: health routes, its own hooks, and a stop that finishes what is in flight. */
import process from "node:process";
import { getRequestListener } from "@hono/node-server";
import {
  delay,
  type HostContext,
  type HostedService,
  hostedService,
  httpServer,
  runHost,
} from "@runhost/host/node";
import { healthHandler } from "@runhost/host/health";
import Fastify from "fastify";

const app = Fastify();
app.addHook("onClose", () => console.log("Fastify has closed"));

app.get("/", async () => {
  console.log("Working...");
  await delay(500);
  return "Hello from Fastify";
});

/** Loads the plugins before the server listens, and closes them when it has drained. */
function fastify({ host }: HostContext): HostedService {
  const health = getRequestListener(healthHandler(host));
  for (const probe of ["/livez", "/readyz", "/startupz"]) {
    app.get(probe, (request, reply) => {
      reply.hijack();
      return health(request.raw, reply.raw);
    });
  }
  return hostedService("fastify", { start: () => app.ready(), stop: () => app.close() });
}

const port = Number(process.env["PORT"] ?? 3000);

await runHost([fastify, httpServer("web", { server: app.server, port })]);
