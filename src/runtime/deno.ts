/**
 * The core for Deno: everything of `@runhost/host`, with hosts that stop on Ctrl+C.
 *
 * Needs no permission.
 *
 * ```ts
 * import { BackgroundService, every, runHost } from "@runhost/host/deno";
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

import { createHost as createCoreHost } from "../host.ts";
import {
  type ConsoleLifetimeOptions,
  type ConsolePlatform,
  createConsoleLifetime,
  withConsoleLifetime,
} from "./_console_lifetime.ts";
import { processPlatform } from "./_process.ts";
import { checkRuntime, inMainThread } from "./_runtime.ts";
import { stopSignals } from "./_stop_signals.ts";
import { currentDeno } from "./types/deno.ts";
import type { Host, HostLifetime, HostOptions, RunHostOptions, Services } from "../types.ts";

export * from "../core.ts";
export type { ConsoleLifetimeOptions, RunHostOptions };
export type { ServeInfo } from "./types/deno.ts";
export type { FetchResult, ServerContext } from "./servers/_fetch.ts";
export {
  type DenoServerOptions as HttpServerOptions,
  httpServer,
  probeServer,
} from "./servers/_deno_server.ts";
export {
  type CutRequests,
  RequestsCutError,
  type ServerOptions,
  type SrvxServer,
} from "./servers/_http_server.ts";
export type { ProbeServerOptions } from "./servers/_probe_server.ts";

const denoPlatform: ConsolePlatform = {
  check: () => checkRuntime("deno"),
  mainThread: inMainThread,
  signals: () => stopSignals(currentDeno().build.os === "windows"),
  on: (event, handler) =>
    event === "exit"
      ? addEventListener("unload", handler)
      : currentDeno().addSignalListener(event, handler),
  off: (event, handler) =>
    event === "exit"
      ? removeEventListener("unload", handler)
      : currentDeno().removeSignalListener(event, handler),
  interactive: () => currentDeno().stdout.isTerminal(),
  exitCode: () => currentDeno().exitCode,
  setExitCode(code: number | undefined): void {
    currentDeno().exitCode = code ?? 0;
  },
  exit: (code) => currentDeno().exit(code),
  startUnheldTimer(callback: () => void, ms: number): () => void {
    const timer = setTimeout(callback, ms);
    currentDeno().unrefTimer(timer);
    return () => clearTimeout(timer);
  },
  resources: processPlatform.resources,
};

/**
 * What makes a host stop when the process is told to: SIGINT, SIGTERM and SIGQUIT (on Windows
 * SIGINT, SIGTERM, SIGBREAK and SIGHUP). `createHost` and `runHost` have one already; give one
 * with options of your own, or `hostLifetime: false` to a host inside another.
 *
 * The first signal asks every host of the process for its stop, and a host that comes later at
 * once. What follows within 500 ms is its echo. Only a person forces the end: a second Ctrl+C is
 * `host.abort()`, an exit with 128 + n when all hosts have stopped, and a report of what was still
 * running; a third one exits at once. A further SIGTERM, which machines send, writes a line that
 * says what the stop waits for.
 *
 * The handlers are there from the begin of the start to the end of the stop; after a stop that a
 * signal or a failure caused they stay, so that the process never becomes deaf. If it is still
 * there 5 s later, a line says what keeps it alive. In a worker thread this does nothing.
 *
 * @throws {TypeError} If an option has the wrong type, or a name is no signal that a program can
 * hear on any platform; the message names it.
 * @throws {RangeError} If `exitAfter` is negative or `NaN`.
 *
 * @example A host that has 10 s to leave after its stop
 * ```ts
 * import { backgroundService, consoleLifetime, createHost } from "@runhost/host/deno";
 *
 * const worker = backgroundService("worker", async () => {});
 * const hostLifetime = consoleLifetime({ exitAfter: 10_000 });
 * await createHost([worker], { hostLifetime, stopWhenIdle: true }).run();
 * ```
 */
export function consoleLifetime(options: ConsoleLifetimeOptions = {}): HostLifetime {
  return createConsoleLifetime(denoPlatform, options);
}

/**
 * The core's `createHost` with a {@linkcode consoleLifetime}, unless `options.hostLifetime` says
 * otherwise: the host stops on Ctrl+C and SIGTERM, and the exit code says how it went.
 *
 * @param services What to run, in order of start.
 * @throws {TypeError} If a service or an option has the wrong type; the message names it.
 * @throws {RangeError} If a time limit is negative or `NaN`.
 *
 * @example Run until the process is told to stop
 * ```ts
 * import { backgroundService, createHost } from "@runhost/host/deno";
 *
 * const worker = backgroundService("worker", async () => {});
 * await createHost([worker], { stopWhenIdle: true }).run();
 * ```
 */
export function createHost(services: Services, options: HostOptions = {}): Host {
  return createCoreHost(services, withConsoleLifetime(denoPlatform, options));
}

/**
 * Creates a host and runs it until the process is told to stop:
 * `createHost(services, options).run(options.signal)` in one line.
 *
 * The exit code says how it went: 0 after a clean stop, 1 after any failure (set before the
 * rejection, taken back when a later host runs and stops cleanly), 128 + n when signal n forced
 * the end, or interrupted a `stopWhenIdle` batch.
 *
 * @returns Resolves after a clean stop; rejects with what failed in the start, the stop, or the
 * background work.
 *
 * @example A batch
 * ```ts
 * import { backgroundService, runHost } from "@runhost/host/deno";
 *
 * await runHost([backgroundService("import", async () => {})], { stopWhenIdle: true });
 * ```
 */
export async function runHost(services: Services, options: RunHostOptions = {}): Promise<void> {
  await createHost(services, options).run(options.signal);
}
