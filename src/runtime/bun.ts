/**
 * The core for Bun: everything of `@runhost/host`, with a `runHost` that stops on Ctrl+C.
 *
 * Under `bun --hot` a reload stops the host before it; for that, do not await `runHost` at the top
 * level, since Bun reloads no module that still waits.
 *
 * ```ts
 * import { BackgroundService, every, runHost } from "@runhost/host/bun";
 *
 * class Worker extends BackgroundService {
 *   override async execute(signal: AbortSignal): Promise<void> {
 *     for await (const _ of every(10, { signal })) console.log("Working...");
 *   }
 * }
 *
 * await runHost([new Worker()], { signal: AbortSignal.timeout(50) });
 * ```
 *
 * @module
 */

import { nothing } from "../_check.ts";
import {
  type ConsoleLifetimeOptions,
  createConsoleLifetime,
  type Platform,
} from "./_console_lifetime.ts";
import { currentProcess, processPlatform } from "./_process.ts";
import { runOn } from "./_run.ts";
import type { Host, HostLifetime, RunHostOptions, Services } from "../types.ts";

export * from "../../mod.ts";
export type { ConsoleLifetimeOptions };
export type { ExecutionContext, FetchResult } from "./servers/_fetch.ts";
export {
  type BunServer,
  httpServer,
  type HttpServerOptions,
  probeServer,
  type SrvxServer,
} from "./servers/_bun_server.ts";
export { type Cut, type CutRequests, RequestsCutError } from "./servers/_http_server.ts";
export type { ProbeServerOptions } from "./servers/_probe_server.ts";

/** Where a reloaded module finds the host of the version before it. */
interface HotRegistry {
  "~runhost"?: Host;
}

const bunPlatform: Platform = {
  ...processPlatform,

  /** `bun --hot` runs the new module beside all that the old one left running. */
  async hostBegins(host: Host): Promise<void> {
    if (!runsWith(/--hot/)) return;
    const registry = globalThis as HotRegistry;
    const previous = registry["~runhost"];
    registry["~runhost"] = host;
    await previous?.stop().catch(nothing); // its own run() rejects with it
  },

  /** A watching Bun waits for changes when there is nothing left to do. */
  hostEnded(signalled: boolean): void {
    const process = currentProcess();
    if (!signalled || !runsWith(/--(hot|watch)/)) return;
    process.on("beforeExit", () => process.exit(process.exitCode));
  },
};

function runsWith(flag: RegExp): boolean {
  return flag.test(currentProcess().execArgv.join());
}

/**
 * What makes a host stop when the process is told to: SIGINT, SIGTERM and SIGQUIT (on Windows
 * SIGINT, SIGTERM, SIGBREAK and SIGHUP).
 *
 * The first signal asks for the stop. Others within 500 ms are echoes of it; a later one forces
 * the end: `host.abort()`, a report of what was still running, exit code 128 + n. The handlers
 * are there from the begin of the start to the end of the stop. For `createHost`; `runHost` has
 * one already.
 *
 * @example A host that stops on Ctrl+C
 * ```ts
 * import { backgroundService, consoleLifetime, createHost } from "@runhost/host/bun";
 *
 * const worker = backgroundService("worker", async () => {});
 * const host = createHost([worker], { hostLifetime: consoleLifetime(), stopWhenIdle: true });
 * await host.run();
 * ```
 */
export function consoleLifetime(options: ConsoleLifetimeOptions = {}): HostLifetime {
  return createConsoleLifetime(bunPlatform, options);
}

/**
 * Creates a host and runs it until the process is told to stop, with the exit code that says how
 * it went: 0 after a clean stop, 1 after any failure (set before the rejection), 128 + n when a
 * second signal forced the end, or when a signal interrupted a `stopWhenIdle` batch.
 *
 * @returns Resolves after a clean stop; rejects with what failed in the start, the stop, or the
 * background work.
 *
 * @example A batch
 * ```ts
 * import { backgroundService, runHost } from "@runhost/host/bun";
 *
 * await runHost([backgroundService("import", async () => {})], { stopWhenIdle: true });
 * ```
 */
export async function runHost(services: Services, options: RunHostOptions = {}): Promise<void> {
  await runOn(bunPlatform, services, options);
}
