/** What is streamed, on every runtime, and how it ends well when the host stops. */
import { every, type Host, onAbort } from "@runhost/host";
import { hostContext, type HostEnv } from "@runhost/host/hono";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";

/** Server-sent events at `/events`: ticks, until the client goes or the host closes its intake. */
export function events(host: Host): Hono<HostEnv> {
  const app = new Hono<HostEnv>();
  app.use(hostContext(host));
  app.get("/events", (c) => {
    const signal = c.var.requestSignal();
    return streamSSE(c, async (stream) => {
      for await (const _ of every(1_000, { signal, immediate: true })) {
        await stream.writeSSE({ event: "tick", data: new Date().toISOString() });
      }
      await stream.writeSSE({ event: "bye", data: "Come back soon" });
    });
  });
  return app;
}

/** What the WebSockets of all runtimes have. */
export interface Socket {
  send(text: string): unknown;
  close(code: number, reason: string): unknown;
}

/**
 * Greets a WebSocket, and closes it when the host closes its intake: on `lifetime.stopping` clients
 * would come back during a `drainDelay`, to a host that leaves.
 */
export function welcome(socket: Socket, { lifetime }: Host): () => void {
  socket.send("Welcome");
  // 1001, "going away": clients take it for a reason to connect again.
  return onAbort(lifetime.closing, () => socket.close(1001, "Come back soon"));
}
