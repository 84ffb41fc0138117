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

export { createHost } from "./src/host.ts";
export { runHost } from "./src/run_host.ts";
export { BackgroundService } from "./src/background_service.ts";
export {
  backgroundService,
  type BackgroundServiceDefinition,
  type Execute,
  hostedService,
} from "./src/hosted_service.ts";

export { delay, type DelayOptions } from "./src/delay.ts";
export { every, type EveryOptions } from "./src/every.ts";
export {
  type ScheduleDefinition,
  type ScheduleDetails,
  type ScheduledRun,
  type ScheduledService,
  type ScheduledWork,
  timed,
  type TimedDefinition,
} from "./src/timed.ts";
export { PeriodicTimer, type PeriodicTimerOptions } from "./src/periodic_timer.ts";
export { aborted, onAbort, type OnAbortOptions } from "./src/on_abort.ts";

export {
  ForcedStopError,
  HostStateError,
  ServiceTimeoutError,
  type UnsettledHook,
} from "./src/errors.ts";
export {
  formatEvent,
  type GraceEndedEvent,
  type HostDrainingEvent,
  type HostEvent,
  type HostEventBase,
  type HostStartedEvent,
  type HostStartFailedEvent,
  type HostStartingEvent,
  type HostStoppedEvent,
  type HostStoppingEvent,
  type Phase,
  type ServiceAbandonedEvent,
  type ServiceBeganEvent,
  type ServiceDoneEvent,
  type ServiceEventBase,
  type ServiceFailedEvent,
  type ServiceFaultedEvent,
  type ServiceLateEvent,
  type ServiceListeningEvent,
  type StopRequestedEvent,
} from "./src/events.ts";

export type {
  ApplicationLifetime,
  BackgroundServiceExceptionBehavior,
  Clock,
  Host,
  HostContext,
  HostedLifecycleService,
  HostedService,
  HostedServiceHooks,
  HostLifetime,
  HostOptions,
  HostState,
  Logger,
  RunHostOptions,
  ServiceContext,
  ServiceFactory,
  ServiceOrFactory,
  Services,
  ServiceState,
  ServiceStatus,
} from "./src/types.ts";
