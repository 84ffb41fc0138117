import { onAbort } from "../../on_abort.ts";
import { healthHandler } from "../../health/health_handler.ts";
import { define, hostedService } from "../../hosted_service.ts";
import type { HostedService, ServiceContext } from "../../types.ts";
import { lastOnConnection } from "./_fetch.ts";
import {
  announce,
  checkPort,
  checkServer,
  type Listener,
  type ServerOptions,
} from "./_http_server.ts";

/**
 * Options of `probeServer`, and all settings and hooks of a hosted service. What `starting` does is
 * done before it listens.
 */
export interface ProbeServerOptions extends ServerOptions {
  /** Where it listens: a whole number up to 65535, 0 for any port. */
  readonly port: number;
}

/** A server for probes as a service: `listen` opens it. */
export function createProbeServer(
  name: string,
  options: ProbeServerOptions,
  listen: (
    fetch: (request: Request) => Promise<Response>,
    context: ServiceContext,
    signal: AbortSignal,
  ) => Promise<Listener>,
): HostedService {
  checkPort(`${checkServer(name, options, [])}.port`, options.port);
  let listener: Listener | undefined;

  const service = hostedService(name, {
    get details() {
      return listener && { url: listener.url };
    },

    async starting(signal, context) {
      const { host, lifetime, waitUntil } = context;
      const answer = healthHandler(host);
      const opened = await listen(
        async (request) => lastOnConnection(await answer(request)),
        context,
        signal,
      );
      listener = opened;
      announce(context, opened.url);
      // Fires after every start, also a failed one: then no `stopped` of this service is called.
      onAbort(lifetime.stopped, () => {
        waitUntil(opened.close());
        opened.cut();
        listener = undefined;
      });
    },
  });
  return define(service, name, options);
}
