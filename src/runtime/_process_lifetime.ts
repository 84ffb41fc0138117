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
import { ForcedStopError, type UnsettledHook } from "../errors.ts";
import { exitCodeOf } from "./_signals.ts";

/** What a program that runs in a console needs of its runtime. */
export interface Platform {
  /** Throws where the runtime is another one. */
  check(): void;
  /** Whether this thread is the one that gets signals. */
  mainThread(): boolean;
  /** The signals that mean stop, where they exist. */
  signals(): readonly string[];
  /** May throw where a signal does not exist. */
  on(signal: string, handler: () => void): void;
  off(signal: string, handler: () => void): void;
  /** Whether a human watches. */
  interactive(): boolean | undefined;
  /** The code the process will end with so far. */
  exitCode(): unknown;
  setExitCode(code: number | undefined): void;
  /** Ends the process now. */
  exit(code: number): void;
  /** Calls back when the process exits, whoever ends it; returns what ends that. */
  onExit(callback: () => void): () => void;
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
  /** What has not ended, with what a forced stop has given up. */
  running(): readonly UnsettledHook[];
  /** The services that its stop has not come to. */
  untouched(): readonly string[];
}

/** How the run of a host ended. */
export interface RunOutcome {
  /** What the process should end with because of it. */
  readonly code: number;
  /** Whether it started, or somebody asked it to stop before that. */
  readonly complete: boolean;
  /** Whether anything of it was given up, and may still run. */
  readonly abandoned: boolean;
  /** What still ran when its grace was ended by force. */
  readonly forced: readonly UnsettledHook[];
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
  /** Forgets every signal and every stop so far, for tests. */
  forget(): void;
}

/** What this copy needs of the object it finds. */
const version = 1;

/** Where it finds it. */
const key = Symbol.for("@runhost/host/process");

/** Milliseconds in which whatever comes after a signal that counted is an echo of it. */
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
    console.warn(
      "Two versions of @runhost/host that cannot share the signals run in this process: each hears them for itself",
    );
  }
  return own;
}

/** Begins anew, as if no host had run in this process: for tests that stand in for a process. */
export function renewProcessLifetime(): void {
  const shared = globalThis as { [key]?: ProcessLifetime };
  shared[key]?.forget();
  delete shared[key];
}

/** What the process knows of a registered host. */
interface Standing {
  /** The moment of its registration. */
  readonly begun: number;
  asked: boolean;
  /** Whether it was asked because it came after the signal. */
  late: boolean;
  forced: boolean;
  stopping: boolean;
}

/** No host has registered, and no signal has come. */
function createProcessLifetime(platform: Platform): ProcessLifetime {
  const hosts = new Map<RegisteredHost, Standing>();
  /** The signals that are handled, with what ends that. */
  const handled = new Map<string, () => void>();
  /** Counts registrations and failures, to tell what came before what. */
  let moment = 0;
  let failedAt = 0;
  /** The exit code that we have set. */
  let codeSet: number | undefined;
  /** What asked the process to stop, and when the signal came that counted last. */
  let request: string | undefined;
  let countedAt = -Infinity;
  let remindedAt = -Infinity;
  /** What a forced stop will exit with, and what it left running. */
  let forcedCode: number | undefined;
  let forced: UnsettledHook[] = [];
  /** What is left of hosts that a signal or a failure has stopped. */
  let outlived: Remains | undefined;
  let stoppedAt = 0;
  let timers: (() => void)[] = [];
  let unhook: (() => void) | undefined;

  /** Handles what somebody is to hear, and no more. */
  const listen = (): void => {
    const wanted = new Set(outlived?.signals);
    let stopping = false;
    for (const [host, standing] of hosts) {
      for (const signal of heard(host, standing)) wanted.add(signal);
      stopping ||= standing.stopping;
    }
    for (const signal of wanted) {
      if (!handled.has(signal)) handled.set(signal, handle(signal));
    }
    for (const [signal, off] of handled) {
      if (wanted.has(signal)) continue;
      off();
      handled.delete(signal);
    }
    if (stopping) unhook ??= platform.onExit(tellOfExit);
    else leaveExit();
  };

  const handle = (signal: string): () => void => {
    const handler = (): void => received(signal);
    try {
      platform.on(signal, handler);
      return () => platform.off(signal, handler);
    } catch {
      return nothing; // not every signal exists everywhere
    }
  };

  const received = (signal: string): void => {
    const now = performance.now();
    if (now - countedAt < quietWindow) return;
    if (!hosts.size) return receivedAfterAll(signal, now);
    const all = [...hosts];
    const asks = all.filter(([host, { asked }]) => !asked && host.signals.includes(signal));
    const forces = all.filter(([host, { asked }]) => asked && host.forceSignals.includes(signal));
    if (!asks.length && !forces.length) return remind(signal, now);
    countedAt = now;
    request ??= signal;
    for (const [host, standing] of asks) ask(host, standing, signal, false);
    if (!forces.length) return;
    const unforced = forces.filter(([, { forced }]) => !forced);
    if (!unforced.length) return exitAtOnce(exitCodeOf(signal));
    forcedCode = exitCodeOf(signal);
    for (const [host, standing] of unforced) {
      standing.forced = true;
      host.force(signal);
    }
  };

  const receivedAfterAll = (signal: string, now: number): void => {
    if (outlived?.forceSignals.has(signal) || now - stoppedAt >= lastWords) {
      return platform.exit(exitCodeOf(signal));
    }
    countedAt = now;
    request ??= signal; // for a host that comes after it
  };

  const ask = (
    host: RegisteredHost,
    standing: Standing,
    signal: string,
    late: boolean,
  ): void => {
    standing.asked = true;
    standing.late = late;
    listen();
    host.ask(signal, late);
  };

  const remind = (signal: string, now: number): void => {
    if (now - remindedAt < reminderPeriod) return;
    remindedAt = now;
    for (const [host, { asked }] of [...hosts]) if (asked) host.remind(signal);
  };

  const exitAtOnce = (code: number): void => {
    leaveExit();
    const running = [...hosts.keys()].flatMap((host) => host.running());
    console.error(new ForcedStopError([...forced, ...running]).message);
    platform.exit(code);
  };

  const leaveExit = (): void => {
    unhook?.();
    unhook = undefined;
  };

  /** Somebody called `exit`, or nothing was left that keeps the process alive. */
  const tellOfExit = (): void => {
    for (const [host, { stopping }] of hosts) {
      if (!stopping) continue;
      const running = host.running().map((it) => `"${it.service}" (${it.phase}, ${it.elapsed} ms)`);
      const untouched = host.untouched().map((name) => `"${name}"`);
      console.error(
        `The process exits in the middle of the stop: still running: ${
          running.join(", ") || "nothing"
        }; not stopped: ${untouched.join(", ") || "nothing"}`,
      );
    }
  };

  const setCode = (code: number): void => {
    if (platform.exitCode()) return; // it says already that something failed
    platform.setExitCode(code);
    codeSet = code;
  };

  const takeCodeBack = (): void => {
    if (codeSet !== undefined && platform.exitCode() === codeSet) platform.setExitCode(undefined);
    codeSet = undefined;
  };

  /** All have stopped, and the process is to end; if it does not, it says why. */
  const watchTheEnd = ({ exitAfter, abandoned }: Remains): void => {
    stoppedAt = performance.now();
    if (platform.watching?.()) return;
    if (exitAfter <= longest) {
      const exit = (): void =>
        leave(
          `Exiting: ${
            seconds(exitAfter)
          } after the stop the process was still kept alive by ${holders()}`,
        );
      timers.push(platform.startUnheldTimer(exit, exitAfter));
    }
    const say = (): void => {
      console.warn(
        `The process is still there ${
          seconds(lastWords)
        } after the stop, kept alive by ${holders()}`,
      );
      if (abandoned) leave("Exiting: abandoned work still runs");
    };
    if (exitAfter > lastWords) timers.push(platform.startUnheldTimer(say, lastWords));
  };

  const leave = (line: string): void => {
    console.error(line);
    platform.exit(Number(platform.exitCode()) || 0);
  };

  const holders = (): string => {
    const counts = new Map<string, number>();
    for (const kind of platform.resources()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const kinds = [...counts].map(([kind, count]) => `${count} ${kind}`);
    return kinds.join(", ") || "a timer, a socket or something else that was not closed";
  };

  const clearTimers = (): void => {
    for (const clear of timers) clear();
    timers = [];
  };

  return {
    version,

    register(host) {
      clearTimers();
      const standing: Standing = {
        begun: ++moment,
        asked: false,
        late: false,
        forced: false,
        stopping: false,
      };
      hosts.set(host, standing);
      listen();
      if (request && host.signals.includes(request)) ask(host, standing, request, true);
    },

    stopping(host) {
      const standing = hosts.get(host);
      if (!standing) return;
      standing.stopping = true;
      listen();
    },

    ended(host, outcome) {
      const standing = hosts.get(host);
      if (!standing) return;
      hosts.delete(host);
      forced.push(...outcome.forced);
      // One that came too late did nothing, so it makes nothing good.
      const recovered = !outcome.code && outcome.complete && !standing.late &&
        standing.begun > failedAt;
      if (recovered) takeCodeBack();
      if (outcome.code) {
        failedAt = ++moment;
        setCode(outcome.code);
      }
      if (outcome.code || standing.asked) {
        outlive(outlived ??= newRemains(), host, standing, outcome);
      } else if (recovered && !request && !outlived?.abandoned) outlived = undefined;
      listen();
      if (hosts.size) return;
      if (forcedCode !== undefined) {
        console.error(new ForcedStopError(forced).message);
        platform.exit(forcedCode);
      } else if (outlived) {
        watchTheEnd(outlived);
      }
    },

    forget() {
      clearTimers();
      request = forcedCode = codeSet = undefined;
      countedAt = remindedAt = -Infinity;
      forced = [];
      outlived = undefined;
      listen();
    },
  };
}

/** What stays when hosts have stopped because of a signal or a failure. */
interface Remains {
  /** What is still handled, so that the process does not become deaf. */
  readonly signals: Set<string>;
  /** Those of them that end it at once. */
  readonly forceSignals: Set<string>;
  exitAfter: number;
  /** Whether they gave anything up. */
  abandoned: boolean;
}

function newRemains(): Remains {
  return { signals: new Set(), forceSignals: new Set(), exitAfter: Infinity, abandoned: false };
}

function outlive(
  remains: Remains,
  host: RegisteredHost,
  standing: Standing,
  { abandoned }: RunOutcome,
): void {
  for (const signal of heard(host, standing)) remains.signals.add(signal);
  for (const signal of host.forceSignals) remains.forceSignals.add(signal);
  remains.exitAfter = Math.min(remains.exitAfter, host.exitAfter);
  remains.abandoned ||= abandoned;
}

/** Before anybody asked it to stop, a signal that could only end its grace does what it always does. */
function heard(
  { signals, forceSignals }: RegisteredHost,
  { asked }: Standing,
): readonly string[] {
  return asked ? [...signals, ...forceSignals] : signals;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
