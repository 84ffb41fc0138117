/**
 * The core for Node.js: everything of `@runhost/host`, with a `runHost` that stops on Ctrl+C.
 *
 * Needs Node 20 or newer.
 *
 * ```ts
 * import { BackgroundService, every, runHost } from "@runhost/host/node";
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

import { type ConsoleLifetimeOptions, createConsoleLifetime } from "./_console_lifetime.ts";
import { processPlatform } from "./_process.ts";
import { runOn } from "./_run.ts";
import type { HostLifetime, RunHostOptions, Services } from "../types.ts";

export * from "../../mod.ts";
export type { ConsoleLifetimeOptions };
export {
  type HttpServer,
  httpServer,
  type HttpServerOptions,
  probeServer,
  type SrvxServer,
} from "./servers/_node_server.ts";
export { type Cut, type CutRequests, RequestsCutError } from "./servers/_http_server.ts";
export type { ProbeServerOptions } from "./servers/_probe_server.ts";

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
 * import { backgroundService, consoleLifetime, createHost } from "@runhost/host/node";
 *
 * const worker = backgroundService("worker", async () => {});
 * const host = createHost([worker], { hostLifetime: consoleLifetime(), stopWhenIdle: true });
 * await host.run();
 * ```
 */
export function consoleLifetime(options: ConsoleLifetimeOptions = {}): HostLifetime {
  return createConsoleLifetime(processPlatform, options);
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
 * import { backgroundService, runHost } from "@runhost/host/node";
 *
 * await runHost([backgroundService("import", async () => {})], { stopWhenIdle: true });
 * ```
 */
export async function runHost(services: Services, options: RunHostOptions = {}): Promise<void> {
  await runOn(processPlatform, services, options);
}
