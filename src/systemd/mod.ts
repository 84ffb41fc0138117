/**
 * Tells systemd what a host does: started, stopping, alive, and what it waits for.
 *
 * ```ts
 * import { backgroundService, runHost } from "@runhost/host";
 * import { systemd } from "@runhost/host/systemd";
 *
 * const worker = backgroundService("worker", async () => {});
 *
 * await runHost([systemd(), worker], { stopWhenIdle: true });
 * ```
 *
 * The unit has `Type=notify` and, where `systemd-notify` is used, `NotifyAccess=all`. Everywhere
 * else it does nothing.
 *
 * @module
 */

import { check, checkNames, nothing } from "../_check.ts";
import { createMessages } from "./_messages.ts";
import { report } from "./_report.ts";
import { hostLink } from "../_host/host_link.ts";
import { hostedService } from "../hosted_service.ts";
import { isOwnProcess, notifyThrough, takeSocket, variable } from "./_notify.ts";
import type { ServiceFactory } from "../types.ts";

/** Options of {@linkcode systemd}. */
export interface SystemdOptions {
  /**
   * Sends one message to the socket that `NOTIFY_SOCKET` names, such as `"READY=1\nSTATUS=Running"`:
   * for a native addon that can. The variable is set while this is called, and not after that. The
   * next message waits for what it returns; a failure is one warning, and stops nothing.
   *
   * @default {a datagram on Deno with `--unstable-net`, else the program `systemd-notify`}
   */
  readonly notify?: ((state: string, signal: AbortSignal) => unknown) | undefined;
}

/**
 * A service that tells systemd what its host does, in the words of sd_notify(3):
 *
 * - `READY=1` when the host has started;
 * - `STOPPING=1` when the stop is asked for;
 * - `STATUS=` in between: which services are starting or stopping now, and in the end what failed;
 * - `EXTEND_TIMEOUT_USEC=` while the host starts or stops, so that it is the host's limits that
 *   count, and not `TimeoutStartSec=` and `TimeoutStopSec=`; a blocked event loop extends nothing;
 * - `WATCHDOG=1` twice in each `WatchdogSec=` while the host runs and is alive: no service that has
 *   a `heartbeat` has missed it.
 *
 * Put it first: the host makes it before any hook of a service runs, and disposes it last, which
 * waits up to a second for the last message. It does nothing (no process, timer or observer)
 * unless the environment has a `NOTIFY_SOCKET`, which on Deno takes the permission to read it; it
 * does not ask for that.
 *
 * It speaks for the process: from its start to the end of its disposal the variable is out of the
 * environment, so that neither a child process nor another host is taken for the service. It does
 * nothing in a worker of `node:cluster`: put it into the primary.
 *
 * @throws {TypeError} If `notify` is not a function.
 *
 * @example Beside `runHost` of any runtime
 * ```ts
 * import { createHost, hostedService } from "@runhost/host";
 * import { systemd } from "@runhost/host/systemd";
 * import { deepEqual } from "node:assert/strict";
 *
 * const pool = hostedService("pool", {});
 * const host = createHost([systemd(), pool]);
 * await host.start();
 * await host.stop();
 *
 * deepEqual(host.services.map(({ name }) => name), ["systemd", "pool"]);
 * ```
 */
export function systemd(options: SystemdOptions = {}): ServiceFactory {
  const label = 'service "systemd"';
  check(label, options, {});
  checkNames(label, options, ["notify"]);
  const { notify } = options;
  if (notify !== undefined) check(`${label}.notify`, notify, nothing);

  return function systemd({ host, clock, logger }) {
    hostLink(host); // a host that cannot be looked at fails here, not when the watchdog is due
    const service = hostedService("systemd", {});
    const socket = takeSocket();
    if (!socket) return service;
    const send = notify ? socket.lend(notify) : notifyThrough(socket.name);
    const messages = createMessages({ clock, logger, notify: send });
    const end = report({ host, clock, messages, watchdog: watchdog() });
    return Object.assign(service, {
      async [Symbol.asyncDispose](): Promise<void> {
        await end();
        socket.giveBack();
      },
    });
  };
}

/** How often systemd wants a sign of life of this very process, in milliseconds. */
function watchdog(): number {
  const pid = variable("WATCHDOG_PID");
  if (pid && !isOwnProcess(pid)) return Infinity;
  const microseconds = Number(variable("WATCHDOG_USEC"));
  return microseconds > 0 ? microseconds / 1_000 : Infinity;
}
