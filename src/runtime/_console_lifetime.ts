import { AbortError, link } from "../_abort.ts";
import { check, checkNames } from "../_check.ts";
import { linkOf } from "../_host/host_link.ts";
import { log } from "../_log.ts";
import type { UnsettledHook } from "../errors.ts";
import type { Host, HostLifetime, HostOptions } from "../types.ts";
import { type Platform, processLifetime, type RegisteredHost } from "./_process_lifetime.ts";
import { checkSignalNames, exitCodeOf, keyboardSignals } from "./_signals.ts";

/** A platform whose hosts may need more than signals. */
export interface ConsolePlatform extends Platform {
  /** Called with a host before it starts, which waits for it. */
  hostBegins?(host: Host): Promise<void>;
  /** Called when it has stopped, because of a signal or not. */
  hostEnded?(host: Host, signalled: boolean): void;
}

/** Options of `consoleLifetime`. */
export interface ConsoleLifetimeOptions {
  /**
   * The signals that stop the host. One that this platform does not have is left out.
   *
   * @default {SIGINT, SIGTERM and SIGQUIT; on Windows SIGINT, SIGTERM, SIGBREAK and SIGHUP}
   */
  readonly signals?: readonly string[] | undefined;

  /**
   * The signals that a person sends: one of them, at least 500 ms after the signal that asked for
   * the stop, ends the grace of the host, and a third ends the process at once. Before the stop
   * was asked for, one that is not in `signals` does what it always does.
   *
   * @default {["SIGINT", "SIGQUIT", "SIGBREAK"]}
   */
  readonly forceSignals?: readonly string[] | undefined;

  /**
   * Milliseconds that the process may stay after a stop that a signal or a failure caused. Then it
   * is ended by force, with a line that says so. It counts from the end of the last host.
   *
   * @default {Infinity}
   */
  readonly exitAfter?: number | undefined;
}

/** The options of a host that hears signals unless it is told not to. */
export function withConsoleLifetime<T extends HostOptions>(
  platform: ConsolePlatform,
  options: T,
): T {
  check("options", options, {});
  if (options.hostLifetime !== undefined) return options;
  const hostLifetime = createConsoleLifetime(platform);
  return { ...options, hostLifetime: platform.mainThread() ? hostLifetime : false };
}

/** Registers a host with the process for as long as it lives. */
export function createConsoleLifetime(
  platform: ConsolePlatform,
  options: ConsoleLifetimeOptions = {},
): HostLifetime {
  platform.check();
  check("consoleLifetime", options, {});
  checkNames("consoleLifetime", options, ["signals", "forceSignals", "exitAfter"]);
  const { signals = platform.signals(), forceSignals = keyboardSignals, exitAfter = Infinity } =
    options;
  checkSignalNames("consoleLifetime.signals", signals);
  checkSignalNames("consoleLifetime.forceSignals", forceSignals);
  check("consoleLifetime.exitAfter", exitAfter, 0);

  /** What is to be done at the end of each host that has begun. */
  const ends = new Map<Host, (error: unknown) => void>();
  return {
    waitForStart(_signal, host) {
      if (!platform.mainThread()) return;
      ends.set(host, begin(platform, host, { signals, forceSignals, exitAfter }));
      return platform.hostBegins?.(host);
    },

    stop(_signal, host) {
      const end = ends.get(host);
      if (!end) return;
      ends.delete(host);
      host.subscribe((event) => {
        if (event.type === "hostStopped") end(event.error);
      });
    },
  };
}

/** Registers a host; what it returns is called with the outcome when that has stopped. */
function begin(
  platform: ConsolePlatform,
  host: Host,
  settings: Pick<RegisteredHost, "signals" | "forceSignals" | "exitAfter">,
): (error: unknown) => void {
  const { lifetime } = host;
  const linked = linkOf(host);
  const { clock, logger } = linked;
  const owner = processLifetime(platform);
  const forced: UnsettledHook[] = [];
  let signalled = 0;
  /** When the stop began, or will have begun at the latest. */
  let since = Infinity;

  const pending = (): UnsettledHook[] =>
    linked.pending().map(({ member, phase, begun }) => ({
      service: member.name,
      phase,
      elapsed: Math.round(clock.now() - begun),
    }));

  /** Milliseconds that the stop may still take. */
  const left = (): number =>
    Math.max(since + linked.shutdownTimeout + linked.abandonTimeout - clock.now(), 0);

  const registered: RegisteredHost = {
    ...settings,
    running: () => [...forced, ...pending()],

    ask(signal, late) {
      const reason = new AbortError(`Received ${signal}`);
      if (late) log(logger, "warn", `Stopping at once: ${signal} came before this host`);
      // Nobody routes requests to what somebody runs by hand.
      if (signal === "SIGINT" && platform.interactive()) linked.skipDrainDelay();
      if (!linked.awaited() && !lifetime.closing.aborted) join();
      lifetime.stopApplication(reason);
      if (lifetime.stopping.reason === reason) signalled = exitCodeOf(signal);
    },

    force(signal) {
      host.subscribe((event) => {
        if (event.type !== "serviceAbandoned") return;
        forced.push({ ...event, elapsed: Math.round(event.duration) });
      });
      host.abort(new AbortError(`Received ${signal}`));
    },

    remind(signal) {
      const hooks = pending().map((it) => `"${it.service}" (${it.phase}, ${it.elapsed} ms)`);
      const ms = left();
      const limit = ms < Infinity ? `at most ${Math.ceil(ms / 1_000)} s more` : "without a limit";
      const what = hooks.join(", ") || "the end of its drainDelay";
      log(logger, "warn", `Received ${signal} again: the stop waits for ${what}, ${limit}`);
    },

    untouched: () =>
      linked.members()
        .filter(({ startFulfilled, state }) => startFulfilled && /^(started|completed)/.test(state))
        .map(({ name }) => name),
  };

  /** Nobody runs the host, so somebody has to wait for its stop. */
  const join = (): void => {
    host.waitForShutdown().catch((error) =>
      log(logger, "error", "The host has failed, and nobody waited for it", { error })
    );
  };

  let requested = false;
  const stops = (): void => {
    requested ||= !lifetime.closing.aborted; // a stop that nobody asked for closes first
    const rollsBack = !lifetime.started.aborted && !lifetime.closing.aborted;
    since = Math.min(since, clock.now() + (rollsBack ? linked.abandonTimeout : 0));
    owner.stopping(registered);
  };
  link(lifetime.stopping, stops);
  link(lifetime.closing, stops);
  owner.register(registered);

  return (error) => {
    owner.ended(registered, {
      code: linked.failed() ? 1 : linked.stopWhenIdle ? signalled : 0,
      complete: lifetime.started.aborted || requested,
      abandoned: linked.members().some(({ state }) => state === "abandoned") || gaveUp(error),
      forced,
    });
    platform.hostEnded?.(host, signalled > 0);
  };
}

/** Whether an outcome tells of something that outlived its limits. */
function gaveUp(error: unknown): boolean {
  const { code, errors } = (error ?? {}) as { readonly code?: unknown; readonly errors?: unknown };
  if (Array.isArray(errors)) return errors.some(gaveUp);
  return code === "ERR_SERVICE_TIMEOUT" || code === "ERR_FORCED_STOP";
}
