/**
 * What every entry for a runtime has of the core: all of it but `runHost`, of which an entry for a
 * process has its own, and one for a platform that runs events has none.
 *
 * @module
 */

export { createHost } from "./host.ts";
export { BackgroundService } from "./background_service.ts";
export {
  backgroundService,
  type BackgroundServiceDefinition,
  type Execute,
  hostedService,
} from "./hosted_service.ts";

export { delay, type DelayOptions } from "./delay.ts";
export { every, type EveryOptions } from "./every.ts";
export {
  type ScheduleDefinition,
  type ScheduleDetails,
  type ScheduledRun,
  type ScheduledService,
  type ScheduledWork,
  timed,
  type TimedDefinition,
} from "./timed.ts";
export { PeriodicTimer, type PeriodicTimerOptions } from "./periodic_timer.ts";
export { aborted, onAbort, type OnAbortOptions } from "./on_abort.ts";

export {
  ForcedStopError,
  HostStateError,
  ServiceTimeoutError,
  type UnsettledHook,
} from "./errors.ts";
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
  type LeaderElectedEvent,
  type LeaderLostEvent,
  type Phase,
  type ServiceAbandonedEvent,
  type ServiceBeganEvent,
  type ServiceDoneEvent,
  type ServiceEventBase,
  type ServiceFailedEvent,
  type ServiceFaultedEvent,
  type ServiceLateEvent,
  type ServiceListeningEvent,
  type ServiceRestartingEvent,
  type StopRequestedEvent,
} from "./events.ts";

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
  ServiceContext,
  ServiceFactory,
  ServiceOrFactory,
  Services,
  ServiceState,
  ServiceStatus,
} from "./types.ts";
