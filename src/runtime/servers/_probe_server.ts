import { check, checkNames } from "../../_check.ts";
import { onAbort } from "../../on_abort.ts";
import { healthHandler } from "../../health/mod.ts";
import { hostedService } from "../../hosted_service.ts";
import type { HostedService, ServiceContext } from "../../types.ts";
import { lastOnConnection } from "./_fetch.ts";
import { announce, checkHostname, checkPort, type Listener } from "./_http_server.ts";

/** Options of `probeServer`. */
export interface ProbeServerOptions {
  /** Where it listens: a whole number up to 65535, 0 for any port. */
  readonly port: number;
  /**
   * The address it listens on.
   *
   * @default {all of this machine}
   */
  readonly hostname?: string | undefined;
  /**
   * What the host calls it.
   *
   * @default {"probes"}
   */
  readonly name?: string | undefined;
}

/** A server for probes as a service: `listen` opens it. */
export function createProbeServer(
  options: ProbeServerOptions,
  listen: (
    fetch: (request: Request) => Promise<Response>,
    context: ServiceContext,
    signal: AbortSignal,
  ) => Promise<Listener>,
): HostedService {
  check("the options of probeServer", options, {});
  const { name = "probes", port, hostname = "" } = options;
  check("the name of a service", name, "");
  const label = `service "${name}"`;
  checkNames(label, options, ["port", "hostname", "name"]);
  checkPort(`${label}.port`, port);
  checkHostname(`${label}.hostname`, hostname);
  let listener: Listener | undefined;

  return hostedService(name, {
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
}
