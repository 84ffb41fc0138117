/**
 * Hosted services and background services, started in order, stopped in reverse, shut down
 * gracefully: the .NET Generic Host model on nothing but web standards.
 *
 * This is the core. A program that should stop on Ctrl+C imports the same names from
 * `@runhost/host/node`, `@runhost/host/deno` or `@runhost/host/bun`, which add the signals of
 * their runtime.
 *
 * ```ts
 * import { BackgroundService, every, runHost } from "@runhost/host";
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

export * from "./src/core.ts";
export { runHost } from "./src/host.ts";
export type { RunHostOptions } from "./src/types.ts";
