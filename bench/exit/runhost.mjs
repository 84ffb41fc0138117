import { createServer } from "node:http";
import { library, runtimeEntry } from "../library.mjs";
import { drive } from "./_drive.mjs";

await drive(async ({ listening, closed }) => {
  const { hostedService, httpServer, runHost } = await library(runtimeEntry);
  const place = { port: 0, hostname: "127.0.0.1" };
  const handler = "Deno" in globalThis || "Bun" in globalThis
    ? { fetch: () => new Response("Hello") }
    : { server: createServer((_, response) => response.end("Hello")) };
  const resource = hostedService("resource", { stop: closed });
  await runHost([resource, httpServer("web", { ...handler, ...place })], {
    onEvent(event) {
      if (event.type === "serviceListening") listening(new URL(event.url).port);
    },
  });
});
