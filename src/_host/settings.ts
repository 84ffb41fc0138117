import { check, checkNames, checkWord, nothing } from "../_check.ts";
import { globalClock } from "../_time/timer.ts";
import type {
  BackgroundServiceExceptionBehavior,
  HostLifetime,
  HostOptions,
  Logger,
} from "../types.ts";

/** Every option of a host, with its default. */
export type Settings =
  & { readonly [K in keyof HostOptions]-?: Exclude<HostOptions[K], undefined | false> }
  & { readonly logger: Logger; readonly hostLifetime: HostLifetime | undefined };

const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const noLifetime: HostLifetime = { waitForStart: nothing, stop: nothing };

/** Checks every option; a mistake names it. */
export function readSettings(options: HostOptions): Settings {
  check("options", options, {});
  const result: Record<string, unknown> = {
    servicesStartConcurrently: false,
    servicesStopConcurrently: false,
    startupTimeout: Infinity,
    shutdownTimeout: 25_000,
    drainDelay: 0,
    abandonTimeout: 2_000,
    backgroundServiceExceptionBehavior: "stopHost",
    stopWhenIdle: false,
    logger: silent,
    onEvent: nothing,
    hostLifetime: noLifetime,
    clock: globalClock,
  };
  const { logger, hostLifetime } = options;
  const names = Object.keys(result);
  for (const key of names) {
    const value = options[key as keyof HostOptions];
    if (value === undefined || (value === false && (key === "logger" || key === "hostLifetime"))) {
      continue;
    }
    check(key, value, result[key]);
    result[key] = value;
  }
  checkBehavior("", options);
  if (logger === undefined) result["logger"] = console;
  checkNames("options", options, names, result["logger"] as Logger);
  if (!hostLifetime) result["hostLifetime"] = undefined;
  return result as unknown as Settings;
}

/** Checks the exception behaviour of a host, or of one service. */
export function checkBehavior(
  label: string,
  { backgroundServiceExceptionBehavior: value }: {
    readonly backgroundServiceExceptionBehavior?: BackgroundServiceExceptionBehavior | undefined;
  },
): void {
  if (value === undefined) return;
  checkWord(`${label}backgroundServiceExceptionBehavior`, value, ["stopHost", "ignore"]);
}
