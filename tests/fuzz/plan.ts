/**
 * What one run of the fuzzer does, as data: all that is random is decided here.
 *
 * @module
 */

import { Random } from "./random.ts";

/** How a hook, or background work, behaves. Each act may first make a call of its own. */
export type Act =
  & { readonly first?: InnerCall }
  & (
    /** Returns a value, no promise. */
    | { readonly do: "return" }
    | { readonly do: "throw" }
    /** Takes that long and never looks at its signal. */
    | { readonly do: "resolve" | "reject"; readonly after: number }
    /** Rejects with an `AbortError` nobody asked for. */
    | { readonly do: "cancel"; readonly after: number }
    /** Takes that long, unless its signal aborts: then it ends in one of these ways. */
    | {
      readonly do: "sleep";
      readonly after: number;
      readonly onAbort: "return" | "throwReason" | "throwAbortError" | "throwError";
    }
    | { readonly do: "hang" }
  );

/** What a hook may ask of its host before it does anything else. Nothing waits for the answer. */
export type InnerCall = "stopApplication" | "stop" | "start" | "abort" | "fail" | "awaitStop";

/** One service. */
export interface ServicePlan {
  readonly name: string;
  /** Services in a row with the same number are one list in the list, if there is a number. */
  readonly list?: number;
  readonly kind: "plain" | "lifecycle" | "background";
  readonly made: "by the caller" | "by a factory" | "by a factory that throws";
  readonly hooks: Readonly<Partial<Record<HookPhase, Act>>>;
  /** Whether an overriding `stop` of a background service calls the base's. */
  readonly callsSuper: boolean;
  /** Whether its hooks declare no parameters. */
  readonly blind: boolean;
  readonly stopTimeout?: number;
  readonly exceptionBehavior?: "stopHost" | "ignore";
  /** Calls `context.fail` so long after its start was called. */
  readonly failsAfter?: number;
  readonly disposal?: "async" | "sync";
}

/** A hook of a service, its work, or its disposal. */
export type HookPhase =
  | "starting"
  | "start"
  | "started"
  | "execute"
  | "stopping"
  | "stop"
  | "stopped"
  | "dispose";

/** One call on the host. */
export interface CommandPlan {
  readonly at: number;
  readonly do:
    | "start"
    | "stop"
    | "run"
    | "waitForShutdown"
    | "stopApplication"
    | "abort"
    | "dispose";
  /** Its signal aborts so long after the call; 0: before it. */
  readonly signalAfter?: number;
}

/** The options a run may vary. */
export interface OptionsPlan {
  readonly servicesStartConcurrently: boolean;
  readonly servicesStopConcurrently: boolean;
  readonly startupTimeout: number;
  readonly shutdownTimeout: number;
  readonly drainDelay: number;
  readonly abandonTimeout: number;
  readonly backgroundServiceExceptionBehavior: "stopHost" | "ignore";
  readonly stopWhenIdle: boolean;
}

/** One run. */
export interface Plan {
  readonly seed: number;
  readonly options: OptionsPlan;
  readonly services: readonly ServicePlan[];
  readonly lifetime?: { readonly waitForStart: Act; readonly stop: Act };
  readonly commands: readonly CommandPlan[];
  /** Whether an observer and the logger throw at everything they are told. */
  readonly hostileObservers: boolean;
  /** When somebody stops the host for good. */
  readonly rescue: number;
}

const times = [0, 1, 5, 20, 50, 50, 100, 150, 300, 1_000] as const;

/** Makes the plan a seed stands for. */
export function makePlan(seed: number): Plan {
  const random = new Random(seed);
  // Half of the runs are nearly peaceful: among too many disasters no healthy service is left.
  const malice = random.pick([0, 0.15, 0.4, 1]);
  const commands = makeCommands(random);
  const last = Math.max(...commands.map(({ at }) => at));
  return {
    seed,
    options: {
      servicesStartConcurrently: random.chance(0.4),
      servicesStopConcurrently: random.chance(0.4),
      startupTimeout: random.pick([Infinity, Infinity, Infinity, 0, 20, 100, 500]),
      shutdownTimeout: random.pick([Infinity, 0, 20, 100, 500, 25_000]),
      abandonTimeout: random.pick([Infinity, 0, 1, 20, 100, 500, 2_000, 2_000]),
      backgroundServiceExceptionBehavior: random.chance(0.7) ? "stopHost" : "ignore",
      stopWhenIdle: random.chance(0.2),
      drainDelay: random.pick([0, 0, 0, 5, 50, 150, Infinity]),
    },
    services: inLists(
      random,
      Array.from(
        { length: random.pick([0, 1, 2, 3, 4, 6]) },
        (_, index) => makeService(random, `s${index}`, malice),
      ),
    ),
    ...(random.chance(0.5) && {
      lifetime: { waitForStart: makeAct(random, malice / 3), stop: makeAct(random, malice / 3) },
    }),
    commands,
    hostileObservers: random.chance(0.2),
    rescue: last + random.pick([0, 100, 1_000, 5_000]),
  };
}

/** Puts neighbours into lists, in a third of the plans. */
function inLists(random: Random, services: readonly ServicePlan[]): readonly ServicePlan[] {
  if (!random.chance(0.33)) return services;
  let list = 0;
  return services.map((service) => {
    if (random.chance(0.4)) list++;
    return random.chance(0.8) ? { ...service, list } : service;
  });
}

function makeService(random: Random, name: string, malice: number): ServicePlan {
  const kind = random.pick(["plain", "lifecycle", "background"]);
  const made = random.chance(0.3)
    ? random.chance(malice * 0.1) ? "by a factory that throws" : "by a factory"
    : "by the caller";
  const lifecycle = kind === "lifecycle" || random.chance(0.2);
  const some = (): Act | undefined => random.chance(0.7) ? makeAct(random, malice) : undefined;
  const hooks: Partial<Record<HookPhase, Act | undefined>> = {
    start: makeAct(random, malice),
    stop: makeAct(random, malice),
    ...(lifecycle && { starting: some(), started: some(), stopping: some(), stopped: some() }),
    ...(kind === "background" && { execute: makeWork(random, malice) }),
    ...(random.chance(0.4) && { dispose: makeAct(random, malice / 2) }),
  };
  return {
    name,
    kind,
    made,
    hooks: Object.fromEntries(Object.entries(hooks).filter(([, act]) => act)),
    callsSuper: random.chance(0.8),
    blind: random.chance(0.1),
    ...(random.chance(0.25) && { stopTimeout: random.pick([0, 5, 50, 300, Infinity]) }),
    ...(random.chance(0.15) && { exceptionBehavior: random.pick(["stopHost", "ignore"]) }),
    ...(random.chance(malice * 0.2) && { failsAfter: random.pick(times) }),
    ...(hooks.dispose && { disposal: random.pick(["async", "sync"]) }),
  };
}

function makeAct(random: Random, malice: number): Act {
  const first = random.chance(malice * 0.12)
    ? {
      first: random.pick<InnerCall>([
        "stopApplication",
        "stop",
        "start",
        "abort",
        "fail",
        "awaitStop",
      ]),
    }
    : {};
  const after = random.pick(times);
  if (!random.chance(malice)) {
    const harmless = random.pick(["return", "return", "resolve", "sleep"]);
    if (harmless === "return") return { ...first, do: "return" };
    if (harmless === "resolve") return { ...first, do: "resolve", after };
    return { ...first, do: "sleep", after, onAbort: random.pick(["return", "throwReason"]) };
  }
  const act = random.pick(["throw", "resolve", "reject", "cancel", "sleep", "hang", "late"]);
  switch (act) {
    case "throw":
    case "hang":
      return { ...first, do: act };
    case "late":
      return { ...first, do: random.pick(["resolve", "reject"]), after: 10_000 };
    case "sleep": {
      const onAbort = random.pick(["return", "throwReason", "throwAbortError", "throwError"]);
      return { ...first, do: act, after, onAbort };
    }
    default:
      return { ...first, do: act, after };
  }
}

/** Work mostly runs until it is told to end. */
function makeWork(random: Random, malice: number): Act {
  if (random.chance(0.4)) return makeAct(random, malice);
  return { do: "sleep", after: 100_000, onAbort: random.pick(["return", "throwReason"]) };
}

function makeCommands(random: Random): CommandPlan[] {
  const commands: CommandPlan[] = [];
  const add = (command: CommandPlan["do"]): void => {
    commands.push({
      at: random.pick([0, 0, 0, 1, 50, 100, 200, 500, 1_500]),
      do: command,
      ...(random.chance(0.3) && { signalAfter: random.pick(times) }),
    });
  };
  if (random.chance(0.95)) add(random.pick(["start", "run"]));
  const more = random.pick([0, 0, 1, 1, 2, 3, 5]);
  for (let i = 0; i < more; i++) {
    add(random.pick([
      "start",
      "stop",
      "stop",
      "run",
      "waitForShutdown",
      "stopApplication",
      "stopApplication",
      "abort",
      "dispose",
    ]));
  }
  if (commands.length === 0) add("stop");
  return commands.sort((a, b) => a.at - b.at);
}
