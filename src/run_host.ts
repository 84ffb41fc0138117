import { createHost } from "./host.ts";
import type { RunHostOptions, Services } from "./types.ts";

/**
 * Creates a host and runs it until it is asked to stop: `createHost(services, options).run(signal)`
 * in one line.
 *
 * This one knows no operating system signals: import `runHost` from `@runhost/host/node`, `/deno`
 * or `/bun` for a program that stops on Ctrl+C.
 *
 * @returns Resolves after a clean stop; rejects with what failed in the start, the stop, or the
 * background work.
 *
 * @example Run until a signal of your own
 * ```ts
 * import { backgroundService, every, runHost } from "@runhost/host";
 *
 * const controller = new AbortController();
 * const worker = backgroundService("worker", async (signal) => {
 *   for await (const _ of every(1, { signal })) controller.abort();
 * });
 *
 * await runHost([worker], { signal: controller.signal });
 * ```
 */
export async function runHost(services: Services, options: RunHostOptions = {}): Promise<void> {
  await createHost(services, options).run(options.signal);
}
