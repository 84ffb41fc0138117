/**
 * The core for platforms that run nothing but events: Cloudflare Workers, and others that have a
 * `waitUntil`; AWS Lambda and Azure Functions, too. Everything of `@runhost/host` but `runHost`, which
 * waits for the end of a process, with a host that starts inside the first event.
 *
 * Where there is a process, import `@runhost/host/node`, `/deno` or `/bun` instead.
 *
 * ```ts
 * import { exportedHandler, hostedService, lazyHost } from "@runhost/host/workers";
 *
 * const host = lazyHost(() => [
 *   hostedService("settings", { start: () => console.log("Reading the settings...") }),
 * ]);
 *
 * export default exportedHandler(host, {
 *   fetch: () => new Response("Hello"),
 *   scheduled: { "0 3 * * *": () => console.log("It is three o'clock") },
 *   queue: { mails: { handle: ({ body }) => console.log(`A mail to ${body.to}`) } },
 * });
 * ```
 *
 * Who is given what: a factory a {@linkcode HostContext}, the hooks of a service a
 * {@linkcode ServiceContext}, as on every runtime; what runs inside one event an
 * {@linkcode EventContext}, which a handler of {@linkcode exportedHandler} has as a
 * {@linkcode WorkerContext}, with what Cloudflare gave: its {@linkcode ExecutionContext} and `env`,
 * the bindings.
 *
 * @module
 */

export * from "../core.ts";
export type { BackoffOptions } from "../_time/backoff.ts";
export { AlarmHost, type AlarmHostOptions, type AlarmState } from "./workers/_alarm_host.ts";
export { BackgroundObject } from "./workers/_background_object.ts";
export { type BatchFailure, type BatchOptions, handleBatch } from "./workers/_batch.ts";
export {
  type ExecutionContext,
  type ExportedHandler,
  exportedHandler,
  type ExportedHandlerOptions,
  type QueueBatch,
  type QueueHandler,
  type QueueMessage,
  type ScheduledController,
  type ScheduledJob,
  type WorkerContext,
  type WorkerHandlers,
} from "./workers/_exported_handler.ts";
export {
  type LazyHost,
  lazyHost,
  type LazyHostOptions,
  type MakeServices,
} from "./workers/_lazy_host.ts";
export type { EventContext, PlatformEvent } from "./workers/_platform_event.ts";
