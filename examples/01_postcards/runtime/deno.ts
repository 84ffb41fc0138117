/** What the example needs of Deno: `runHost`, and a server. */
import type { Fetch, Listener } from "../web_server.ts";

export { runHost } from "@runhost/host/deno";

/** What is used of Deno, so that every runtime's tools can check this file. */
interface DenoNamespace {
  serve(
    options: { port: number; signal: AbortSignal; onListen: () => void },
    fetch: Fetch,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
}

export async function listen(port: number, fetch: Fetch): Promise<Listener> {
  const { Deno } = globalThis as unknown as { readonly Deno: DenoNamespace };
  const controller = new AbortController();
  const server = Deno.serve({ port, signal: controller.signal, onListen() {} }, fetch);
  return {
    port: server.addr.port,
    close: () => server.shutdown(),
    cut: () => controller.abort(),
  };
}
