/** What the example needs of Bun: `runHost`, and a server. */
import type { Fetch, Listener } from "../web_server.ts";

export { runHost } from "@runhost/host/bun";

/** What is used of Bun, so that every runtime's tools can check this file. */
interface BunNamespace {
  serve(options: { port: number; fetch: Fetch }): {
    readonly port: number;
    stop(closeActiveConnections?: boolean): Promise<void>;
  };
}

export async function listen(port: number, fetch: Fetch): Promise<Listener> {
  const { Bun } = globalThis as unknown as { readonly Bun: BunNamespace };
  const server = Bun.serve({ port, fetch });
  return {
    port: server.port,
    close: () => server.stop(),
    cut: () => void server.stop(true),
  };
}
