/** The server of each runtime, on any port. */
import { once } from "node:events";
import { createServer } from "node:http";

/** A server as `node:http` has it, which all runtimes have. */
export async function nodeServer() {
  const server = createServer((_, response) => response.end("Hello"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** A server as the runtime has it: its port, and how to close it. */
export async function nativeServer() {
  const place = { port: 0, hostname: "127.0.0.1" };
  const fetch = () => new Response("Hello");
  if ("Deno" in globalThis) {
    const server = globalThis.Deno.serve({ ...place, onListen() {} }, fetch);
    return { port: server.addr.port, close: () => server.shutdown() };
  }
  if ("Bun" in globalThis) {
    const server = globalThis.Bun.serve({ ...place, fetch });
    return { port: server.port, close: () => server.stop() };
  }
  const server = await nodeServer();
  const close = () => new Promise((resolve) => server.close(resolve));
  return { port: server.address().port, close };
}
