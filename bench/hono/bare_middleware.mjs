import { Hono } from "hono";
import { drive, routes } from "./_drive.mjs";

const place = { port: 0, hostname: "127.0.0.1" };

await drive(async () => {
  const app = new Hono();
  app.use(async (c, next) => {
    c.set("value", 1);
    await next();
  });
  const { fetch } = routes(app);
  if ("Deno" in globalThis) {
    return globalThis.Deno.serve({ ...place, onListen() {} }, fetch).addr.port;
  }
  if ("Bun" in globalThis) {
    return globalThis.Bun.serve({ ...place, fetch }).port;
  }
  const { serve } = await import("@hono/node-server");
  return new Promise((resolve) => serve({ ...place, fetch }, ({ port }) => resolve(port)));
});
