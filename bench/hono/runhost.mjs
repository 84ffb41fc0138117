import { Hono } from "hono";
import { library, runtimeEntry } from "../library.mjs";
import { drive, routes } from "./_drive.mjs";

await drive(async () => {
  const { createHost, httpServer } = await library(runtimeEntry);
  const { hostContext } = await library("src/hono/mod");
  const app = new Hono();
  const place = { port: 0, hostname: "127.0.0.1" };
  const server = "Deno" in globalThis || "Bun" in globalThis
    ? { fetch: app.fetch }
    : { server: (await import("@hono/node-server")).createAdaptorServer(app) };
  const host = createHost([httpServer("web", { ...place, ...server })]);
  routes(app.use(hostContext(host)));
  const listening = new Promise((resolve) => {
    host.subscribe((event) => {
      if (event.type === "serviceListening") resolve(new URL(event.url).port);
    });
  });
  await host.start();
  return listening;
});
