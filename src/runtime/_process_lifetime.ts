/**
 * What the hosts of one process share: signals, the exit code, the end of the process.
 *
 * There is one object for each process, on `globalThis`, because copies of this package from npm and
 * JSR, or in two versions, may meet in one program. What passes between it and the copies is plain
 * data and functions, and they are only added to.
 *
 * @module
 */

import { nothing } from "../_check.ts";
import { exitCodeOf } from "./_stop_signals.ts";

/** What a program that runs in a console needs of its runtime. */
export interface Platform {
  /** Throws where the runtime is another one. */
  check(): void;
  /** Whether this thread is the one that gets signals. */
  mainThread(): boolean;
  /** The signals that mean stop, where they exist. */
  signals(): readonly string[];
  /** Calls back at a signal, or at `exit`, whoever ends the process; throws where a signal does not exist. */
  on(event: string, handler: () => void): void;
  off(event: string, handler: () => void): void;
  /** Whether a human watches. */
  interactive(): boolean | undefined;
  /** The code the process will end with so far. */
  exitCode(): unknown;
  setExitCode(code: number | undefined): void;
  /** Ends the process now. */
  exit(code: number): void;
  /** Calls back later if something else still keeps the process alive; returns what ends that. */
  startUnheldTimer(callback: () => void, ms: number): () => void;
  /** The kinds of what keeps the process alive, where the runtime tells. */
  resources(): readonly string[];
  /** Whether it is meant to stay when nothing is left to do, and wait for a change of its files. */
  watching?(): boolean;
}

/** A host, as the process sees it. */
export interface RegisteredHost {
  /** The signals that ask it to stop, and those that end its grace. */
  readonly signals: readonly string[];
  readonly forceSignals: readonly string[];
  /** Milliseconds that the process may outlive it, after a stop that a signal or a failure caused. */
  readonly exitAfter: number;
  /** Asks it to stop; `late` if it registered after the signal came. */
  ask(signal: string, late: boolean): void;
  /** Ends its grace. */
  force(signal: string): void;
  /** Writes what its stop waits for. */
  remind(signal: string): void;
  /** What of it still runs, or has not been stopped. */
  left(): readonly string[];

  // What the process notes of it.

  asked?: boolean;
  forced?: boolean;
  stopping?: boolean;
  /**
   * Whether a clean end of this host may set the exit code back to 0 that an earlier one has left: not where both ran
   * at the same time, nor where it came too late to run.
   */
  recovers?: boolean;
}

/** How the run of a host ended. */
export interface RunOutcome {
  /** What the process should end with because of it. */
  readonly code: number;
  /** Whether it started, or somebody asked it to stop before that. */
  readonly complete: boolean;
  /** What of it was given up, and may still run. */
  readonly abandoned: readonly string[];
}

/** Owns the signals, the exit code and the end of the process. */
export interface ProcessLifetime {
  /** Grows with each addition. */
  readonly version: number;
  /** A host waits for its start. */
  register(host: RegisteredHost): void;
  /** Its stop begins. */
  stopping(host: RegisteredHost): void;
  /** It has stopped. */
  ended(host: RegisteredHost, outcome: RunOutcome): void;
  /**
   * Takes back what stays after a stop, for tests, which drop this object then: handlers, timers, the
   * exit code. Hosts that run still hear their signals.
   */
  forget(): void;
}

/** What this copy needs of the object it finds. */
const version = 1;

/** Where it finds it. */
const key = Symbol.for("@runhost/host/process");

/**
 * Milliseconds in which whatever comes after a signal that counted is an echo of it. (Workaround:
 * shell-echo)
 */
const quietWindow = 500;

/** Milliseconds between two lines that say what a stop waits for. */
const reminderPeriod = 1_000;

/** Milliseconds after the last stop in which only a person ends the process by a signal. */
const lastWords = 5_000;

/** The longest delay of a platform's timer. */
const longest = 2 ** 31 - 1;

/** The object of a copy that cannot use the process's. */
let own: ProcessLifetime | undefined;

/** The one object of this process, made on the platform of whoever asks first. */
export function processLifetime(platform: Platform): ProcessLifetime {
  const shared = globalThis as { [key]?: ProcessLifetime };
  const found = shared[key] ??= createProcessLifetime(platform);
  if (found.version >= version) return found;
  if (!own) {
    own = createProcessLifetime(platform);
    console.warn("Two versions of @runhost/host run in this process: each hears its signals alone");
  }
  return own;
}

/** What stays when hosts have stopped because of a signal or a failure. */
interface Remains {
  /** The signals that end the process at once. */
  readonly forceSignals: Set<string>;
  exitAfter: number;
}

/** No host has registered, and no signal has come. */
function createProcessLifetime(platform: Platform): ProcessLifetime {
  const hosts = new Set<RegisteredHost>();
  /** The signals, and the exit, that are handled, with what ends that. */
  const handled = new Map<string, () => void>();
  /** What asked the process to stop, and when the signal came that counted last. */
  const requests = new Set<string>();
  let countedAt = -Infinity;
  let remindedAt = -Infinity;
  /** The exit code that we have set, and the one that a forced stop will exit with. */
  let codeSet: number | undefined;
  let forcedCode: number | undefined;
  /** What hosts that have ended gave up. */
  const abandoned: string[] = [];
  let remains: Remains | undefined;
  let stoppedAt = 0;
  let timers: (() => void)[] = [];

  /** Handles what a host is to hear, and no more; while something remains, signals that one heard, too. */
  const listen = (): void => {
    const wanted = new Set<string>();
    for (const { signals, forceSignals, asked, stopping } of hosts) {
      // Before the request, a signal that could only end the grace does what it always does.
      for (const signal of asked ? [...signals, ...forceSignals] : signals) wanted.add(signal);
      if (stopping) wanted.add("exit");
    }
    for (const event of wanted) {
      if (!handled.has(event)) handled.set(event, handle(event));
    }
    for (const [event, off] of handled) {
      if (wanted.has(event) || remains && event !== "exit") continue;
      off();
      handled.delete(event);
    }
  };

  const handle = (event: string): () => void => {
    const handler = (): void => event === "exit" ? tellOfExit() : received(event);
    try {
      platform.on(event, handler);
      return () => platform.off(event, handler);
    } catch {
      return nothing; // not every signal exists everywhere
    }
  };

  const received = (signal: string): void => {
    const now = performance.now();
    const echo = now - countedAt < quietWindow;
    const asks = [...hosts].filter((it) => !it.asked && it.signals.includes(signal));
    const forces = [...hosts].filter((it) => it.asked && it.forceSignals.includes(signal));
    // A repeated SIGTERM does not count: a stream of them would keep a person from forcing.
    if (asks.length || !requests.size) countedAt = now;
    requests.add(signal);
    for (const host of asks) ask(host, signal, false);
    if (echo) return;
    if (forces.length) return force(forces, signal);
    if (!hosts.size && (remains?.forceSignals.has(signal) || now - stoppedAt >= lastWords)) {
      return platform.exit(exitCodeOf(signal));
    }
    if (asks.length || now - remindedAt < reminderPeriod) return;
    remindedAt = now;
    for (const host of hosts) if (host.asked) host.remind(signal);
  };

  const ask = (host: RegisteredHost, signal: string, late: boolean): void => {
    host.asked = true;
    listen();
    host.ask(signal, late);
  };

  /** Ends the grace of some hosts; of those that have none any more the process is ended. */
  const force = (some: readonly RegisteredHost[], signal: string): void => {
    countedAt = performance.now();
    forcedCode = exitCodeOf(signal);
    if (some.every(({ forced }) => forced)) return platform.exit(forcedCode);
    for (const host of some) {
      if (!host.forced) host.force(signal);
      host.forced = true;
    }
  };

  const report = (why: string, left: readonly string[] = []): void =>
    console.error(`${why}: still running: ${[...abandoned, ...left].join(", ") || "nothing"}`);

  /** Somebody calls `exit`, or nothing is left that keeps the process alive. */
  const tellOfExit = (): void => {
    report(
      "The process exits in the middle of the stop",
      [...hosts].flatMap((host) => host.left()),
    );
  };

  /** The process was to end long ago: says what keeps it alive, and ends it where that is allowed. */
  const tellOfStay = (ms: number, exitAfter: number): void => {
    const kinds = [...new Set(platform.resources())].join(", ") || "something that was not closed";
    const line = `The process is still there ${
      ms / 1_000
    } s after the stop, kept alive by ${kinds}`;
    if (abandoned.length) report(`${line}; exiting`);
    else if (ms < exitAfter) return console.warn(line);
    else console.error(`${line}; exiting: exitAfter is over`);
    platform.exit(Number(platform.exitCode()) || 0);
  };

  /** The process is to end by itself. */
  const allEnded = (): void => {
    stoppedAt = performance.now();
    if (forcedCode !== undefined) {
      report("Forced to stop");
      return platform.exit(forcedCode);
    }
    if (!remains || platform.watching?.()) return;
    const { exitAfter } = remains;
    for (const ms of [lastWords, exitAfter]) {
      if (ms > longest) continue;
      timers.push(platform.startUnheldTimer(() => tellOfStay(ms, exitAfter), ms));
    }
  };

  /** Takes the exit code back, if it is still ours. */
  const takeCodeBack = (): void => {
    if (codeSet && platform.exitCode() === codeSet) platform.setExitCode(undefined);
    codeSet = undefined;
  };

  const clearTimers = (): void => {
    for (const clear of timers) clear();
    timers = [];
  };

  return {
    version,

    register(host) {
      clearTimers();
      hosts.add(host);
      listen();
      const request = host.signals.find((it) => requests.has(it));
      host.recovers = !request;
      if (request) ask(host, request, true);
    },

    stopping(host) {
      host.stopping = true;
      listen();
    },

    ended(host, outcome) {
      const { code, complete } = outcome;
      const recovered = !code && complete && host.recovers;
      hosts.delete(host);
      abandoned.push(...outcome.abandoned);
      if (code) {
        for (const other of hosts) other.recovers = false;
        if (!platform.exitCode()) platform.setExitCode(codeSet = code); // else it says already that something failed
      }
      if (recovered) takeCodeBack();
      if (code || host.asked) {
        remains ??= { forceSignals: new Set(), exitAfter: Infinity };
        for (const signal of host.forceSignals) remains.forceSignals.add(signal);
        remains.exitAfter = Math.min(remains.exitAfter, host.exitAfter);
      } else if (recovered && !requests.size && !abandoned.length) {
        remains = undefined;
      }
      listen();
      if (!hosts.size) allEnded();
    },

    forget() {
      clearTimers();
      takeCodeBack();
      remains = undefined;
      listen();
    },
  };
}
