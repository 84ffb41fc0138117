import { AbortError, link } from "../_abort.ts";
import { check, checkNames } from "../_check.ts";
import { linkOf } from "../_host_link.ts";
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
  const ends = new Map<Host, () => void>();
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
      host.subscribe(({ type }) => {
        if (type === "hostStopped") end();
      });
    },
  };
}

/** Registers a host; what it returns is called when that has stopped. */
function begin(
  platform: ConsolePlatform,
  host: Host,
  settings: Pick<RegisteredHost, "signals" | "forceSignals" | "exitAfter">,
): () => void {
  const { lifetime } = host;
  const { clock, logger, settings: limits, ...linked } = linkOf(host);
  const owner = processLifetime(platform);
  const forced: UnsettledHook[] = [];
  let signalled = 0;
  let stoppingSince: number | undefined;
  let forcedSince = Infinity;

  const running = (): UnsettledHook[] =>
    linked.open().map(({ member, phase, begun }) => ({
      service: member.name,
      phase,
      elapsed: Math.round(clock.now() - begun),
    }));

  /** Milliseconds that the stop may still take. */
  const left = (): number => {
    const { shutdownTimeout, abandonTimeout } = limits;
    const grace = Math.min((stoppingSince ?? clock.now()) + shutdownTimeout, forcedSince);
    return Math.max(grace + abandonTimeout - clock.now(), 0);
  };

  const registered: RegisteredHost = {
    ...settings,
    running,

    ask(signal, late) {
      const reason = new AbortError(`Received ${signal}`);
      if (late) log(logger, "warn", `Stopping at once: ${signal} came before this host`);
      // Nobody routes requests to what somebody runs by hand.
      if (signal === "SIGINT" && platform.interactive()) linked.skipDrainDelay();
      if (!linked.awaited()) join();
      lifetime.stopApplication(reason);
      if (lifetime.stopping.reason === reason) signalled = exitCodeOf(signal);
    },

    force(signal) {
      forcedSince = clock.now();
      host.subscribe((event) => {
        if (event.type !== "serviceAbandoned") return;
        forced.push({ ...event, elapsed: Math.round(event.duration) });
      });
      host.abort(new AbortError(`Received ${signal}`));
    },

    remind(signal) {
      const hooks = running().map((it) => `"${it.service}" (${it.phase}, ${it.elapsed} ms)`);
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

  link(lifetime.stopping, () => {
    stoppingSince ??= clock.now();
    owner.stopping(registered);
  });
  owner.register(registered);

  return () => {
    const everybody = [...linked.members(), linked.self];
    owner.ended(registered, {
      code: linked.failed() ? 1 : limits.stopWhenIdle ? signalled : 0,
      started: lifetime.started.aborted,
      abandoned: everybody.some(({ state }) => state === "abandoned"),
      forced,
    });
    platform.hostEnded?.(host, signalled > 0);
  };
}
