import { AbortError, link } from "../_abort.ts";
import { check, checkNames, nothing } from "../_check.ts";
import { hostLink } from "../_host/host_link.ts";
import { log } from "../_log.ts";
import type { Host, HostLifetime, HostOptions } from "../types.ts";
import { type Platform, processLifetime, type RegisteredHost } from "./_process_lifetime.ts";
import { checkSignalNames, exitCodeOf, keyboardSignals } from "./_stop_signals.ts";

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
  return { ...options, hostLifetime: createConsoleLifetime(platform) };
}

/** Registers each host with the process for as long as it lives. */
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

  return {
    waitForStart(_signal, host) {
      if (!platform.mainThread()) return;
      register(platform, host, { signals, forceSignals, exitAfter });
      return platform.hostBegins?.(host);
    },
    stop: nothing, // it is registered until it has stopped
  };
}

function register(
  platform: ConsolePlatform,
  host: Host,
  settings: Pick<RegisteredHost, "signals" | "forceSignals" | "exitAfter">,
): void {
  const { lifetime } = host;
  const linked = hostLink(host);
  const { clock, logger } = linked;
  const owner = processLifetime(platform);
  /** What the stop has given up. */
  const abandoned: string[] = [];
  /** What the process ends with because a signal has asked for the stop. */
  let signalled = 0;
  /** When the stop began, or will have begun at the latest. */
  let since = Infinity;

  const pending = (): string[] =>
    linked.pending().map(({ member, phase, begun }) =>
      naming(member.name, phase, clock.now() - begun)
    );

  const those = (state: RegExp): string[] =>
    linked.members().filter((it) => state.test(it.state)).map(({ name }) => name);

  const registered: RegisteredHost = {
    ...settings,

    ask(signal, late) {
      const reason = new AbortError(`Received ${signal}`);
      if (late) log(logger, "warn", `Stopping at once: ${signal} came before this host`);
      // Nobody routes requests to what somebody runs by hand.
      if (signal === "SIGINT" && platform.interactive()) linked.skipDrainDelay();
      if (!linked.awaited() && !lifetime.closing.aborted) join();
      lifetime.stopApplication(reason);
      if (lifetime.stopping.reason === reason) signalled = exitCodeOf(signal);
    },

    force: (signal) => host.abort(new AbortError(`Received ${signal}`)),

    remind(signal) {
      const ms = since + linked.shutdownTimeout + linked.abandonTimeout - clock.now();
      const limit = ms < Infinity
        ? `at most ${Math.max(Math.ceil(ms / 1_000), 0)} s more`
        : "without a limit";
      const what = pending().join(", ") || "the end of its drainDelay";
      log(logger, "warn", `Received ${signal} again: the stop waits for ${what}, ${limit}`);
    },

    left: () => [
      ...abandoned,
      ...pending(),
      ...those(/^(started|completed)$/).map((name) => `"${name}" (not stopped)`),
    ],
  };

  /** Nobody runs the host, so somebody has to wait for its stop. */
  const join = (): void => {
    since = clock.now();
    host.waitForShutdown().catch((error) =>
      log(logger, "error", "The host has failed, and nobody waited for it", { error })
    );
  };

  const stops = (): void => {
    if (registered.stopping) return;
    const requested = !lifetime.closing.aborted; // a stop that nobody asked for closes first
    const rollsBack = requested && !lifetime.started.aborted;
    since = clock.now() + (rollsBack ? linked.abandonTimeout : 0);
    owner.stopping(registered);
    host.subscribe((event) => {
      if (event.type === "serviceAbandoned") {
        abandoned.push(naming(event.service, event.phase, event.duration));
      }
      if (event.type !== "hostStopped") return;
      // What was given up before the stop began, nobody has told.
      if (!abandoned.length) abandoned.push(...those(/^abandoned$/).map((name) => `"${name}"`));
      owner.ended(registered, {
        code: linked.failed() ? 1 : linked.stopWhenIdle ? signalled : 0,
        complete: lifetime.started.aborted || requested,
        abandoned,
      });
      platform.hostEnded?.(host, signalled > 0);
    });
  };
  link(lifetime.stopping, stops);
  link(lifetime.closing, stops);
  owner.register(registered);
}

/** A hook, as a line of ours names it. */
function naming(service: string, phase: string, ms: number): string {
  return `"${service}" (${phase}, ${Math.round(ms)} ms)`;
}
