import { globalClock } from "./_timer.ts";
import type {
  BackgroundServiceExceptionBehavior,
  Clock,
  HostLifetime,
  HostOptions,
  Logger,
} from "./types.ts";

/** Every option of a host, checked and with its default. */
export interface Settings {
  readonly servicesStartConcurrently: boolean;
  readonly servicesStopConcurrently: boolean;
  readonly startupTimeout: number;
  readonly shutdownTimeout: number;
  readonly abandonTimeout: number;
  readonly backgroundServiceExceptionBehavior: BackgroundServiceExceptionBehavior;
  readonly stopWhenIdle: boolean;
  readonly logger: Logger;
  readonly onEvent: HostOptions["onEvent"];
  readonly hostLifetime: HostLifetime | undefined;
  readonly clock: Clock;
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Checks every option; a mistake names the option. */
export function settings(options: HostOptions): Settings {
  if (typeof options !== "object" || !options) throw mismatch("options", "an object", options);
  const { logger, onEvent, hostLifetime, clock } = options;
  if (onEvent !== undefined && typeof onEvent !== "function") {
    throw mismatch("onEvent", "a function", onEvent);
  }
  return {
    servicesStartConcurrently: flag(options, "servicesStartConcurrently"),
    servicesStopConcurrently: flag(options, "servicesStopConcurrently"),
    startupTimeout: timeout("startupTimeout", options.startupTimeout, Infinity),
    shutdownTimeout: timeout("shutdownTimeout", options.shutdownTimeout, 25_000),
    abandonTimeout: timeout("abandonTimeout", options.abandonTimeout, 2_000),
    backgroundServiceExceptionBehavior: exceptionBehavior("", options, "stopHost"),
    stopWhenIdle: flag(options, "stopWhenIdle"),
    logger: logger === false
      ? silent
      : methods("logger", logger === undefined ? console : logger, "debug", "info", "warn", "error"),
    onEvent,
    hostLifetime: hostLifetime === false || hostLifetime === undefined
      ? undefined
      : methods("hostLifetime", hostLifetime, "waitForStart", "stop"),
    clock: methods("clock", clock === undefined ? globalClock : clock, "now", "setTimeout", "clearTimeout"),
  };
}

/** Checks a time limit: 0, any positive number, or `Infinity`. */
export function timeout(label: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number") throw mismatch(label, "a number of milliseconds", value);
  if (!(value >= 0)) throw new RangeError(`Cannot use ${label}: ${value} is not 0 or more`);
  return value;
}

/** Checks the exception behaviour of a host, or of one service. */
export function exceptionBehavior(
  owner: string,
  { backgroundServiceExceptionBehavior: value }: HostOptions,
  fallback: BackgroundServiceExceptionBehavior,
): BackgroundServiceExceptionBehavior {
  if (value !== undefined && value !== "stopHost" && value !== "ignore") {
    const label = `backgroundServiceExceptionBehavior${owner}`;
    throw mismatch(label, '"stopHost" or "ignore"', value);
  }
  return value ?? fallback;
}

/** Checks that an object has the functions it is used for. */
export function methods<T extends object>(label: string, value: T, ...names: (keyof T)[]): T {
  for (const name of names) {
    if (typeof value?.[name] !== "function") {
      throw mismatch(label, `an object with the functions ${names.join(", ")}`, value);
    }
  }
  return value;
}

/** The error for a value of the wrong type. */
export function mismatch(label: string, wanted: string, value: unknown): TypeError {
  const got = typeof value === "string" ? `"${value}"` : value === null ? "null" : typeof value;
  return new TypeError(`Cannot use ${label}: expected ${wanted}, got ${got}`);
}

function flag(
  options: HostOptions,
  name: "servicesStartConcurrently" | "servicesStopConcurrently" | "stopWhenIdle",
): boolean {
  const value = options[name];
  if (value !== undefined && typeof value !== "boolean") throw mismatch(name, "a boolean", value);
  return value ?? false;
}
