/**
 * Services that do what a script says: the vocabulary of `tests/conformance`.
 *
 * @module
 */

import {
  BackgroundService,
  type Clock,
  type HostedLifecycleService,
  type HostedService,
  type ServiceContext,
} from "../mod.ts";

/** One thing a script does. */
export type Step =
  /** Takes that long, whatever its signal says. */
  | { readonly op: "wait"; readonly ms: number }
  /** Takes that long, and rejects with a cancellation when its signal aborts. */
  | { readonly op: "sleep"; readonly ms: number }
  /** Throws from the call itself, if it comes first. */
  | { readonly op: "throwSync"; readonly name: string }
  /** Rejects. */
  | { readonly op: "throw"; readonly name: string }
  /** Rejects with a cancellation nobody asked for. */
  | { readonly op: "throwCanceled" }
  /** Returns when its signal aborts. */
  | { readonly op: "untilAborted" }
  /** Never settles. */
  | { readonly op: "hang" }
  /** Returns at once, but not synchronously. */
  | { readonly op: "yield" }
  /** Asks the host to stop. */
  | { readonly op: "requestStop" };

/** The steps of one hook, one after the other. */
export type Script = readonly Step[];

/** The hooks of a service in the order in which a host calls them. */
export type HookName = "starting" | "start" | "started" | "stopping" | "stop" | "stopped";

/** A service as data. A hook without a script does nothing. */
export interface ScriptedService extends Readonly<Partial<Record<HookName | "execute", Script>>> {
  readonly name: string;
  readonly kind: "hosted" | "lifecycle" | "background";
}

/** What the scripts are played on. */
export interface Stage {
  readonly clock: Clock;
  /** Told what happens, in the words of `tests/conformance`. */
  readonly record: (event: string) => void;
  /** Does the step `requestStop`. */
  readonly requestStop: () => void;
}

/** An error of a script: told apart by its name. */
export class ScriptedError extends Error {
  override readonly name: string;

  constructor(name: string) {
    super(`Scripted: ${name}`);
    this.name = name;
  }
}

/** Makes the service a script describes. */
export function scriptedService(script: ScriptedService, stage: Stage): HostedService {
  if (script.kind === "background") return new ScriptedBackgroundService(script, stage);
  const hook = (name: HookName) => (signal: AbortSignal): unknown =>
    playRecorded(`${script.name}.${name}`, script[name], signal, stage);
  const service = { name: script.name, start: hook("start"), stop: hook("stop") };
  if (script.kind === "hosted") return service;
  const lifecycle: HostedLifecycleService = {
    ...service,
    starting: hook("starting"),
    started: hook("started"),
    stopping: hook("stopping"),
    stopped: hook("stopped"),
  };
  return lifecycle;
}

/** Plays a script as a hook called `label`, recording how it begins and ends. */
export function playRecorded(
  label: string,
  script: Script | undefined,
  signal: AbortSignal,
  stage: Stage,
): unknown {
  const { record } = stage;
  const onAbort = (): void => record(`${label} signal`);
  signal.addEventListener("abort", onAbort);
  const unlink = (): void => signal.removeEventListener("abort", onAbort);
  return recorded(label, signal, record, () => playScript(script ?? [], signal, stage), unlink);
}

class ScriptedBackgroundService extends BackgroundService {
  readonly name: string;
  readonly #script: ScriptedService;
  readonly #stage: Stage;

  constructor(script: ScriptedService, stage: Stage) {
    super();
    this.name = script.name;
    this.#script = script;
    this.#stage = stage;
  }

  override start(signal: AbortSignal, context: ServiceContext): Promise<void> {
    const { record } = this.#stage;
    return recorded(`${this.name}.start`, signal, record, () => super.start(signal, context));
  }

  override stop(signal: AbortSignal, context: ServiceContext): Promise<void> {
    const { record } = this.#stage;
    return recorded(`${this.name}.stop`, signal, record, () => super.stop(signal, context));
  }

  override execute(signal: AbortSignal): Promise<void> {
    const label = `${this.name}.execute`;
    return playRecorded(label, this.#script.execute, signal, this.#stage) as Promise<void>;
  }
}

/** Records how a call begins and ends. Throws synchronously if `call` does. */
function recorded(
  label: string,
  signal: AbortSignal,
  record: (event: string) => void,
  call: () => Promise<void>,
  ended: () => void = () => {},
): Promise<void> {
  record(`${label} enter${signal.aborted ? " aborted" : ""}`);
  const returned = (): void => {
    ended();
    record(`${label} return`);
  };
  const failed = (error: unknown): never => {
    ended();
    record(`${label} ${error instanceof ScriptedError ? `throw ${error.name}` : "canceled"}`);
    throw error;
  };
  let result: Promise<void>;
  try {
    result = call();
  } catch (error) {
    return failed(error);
  }
  return result.then(returned, failed);
}

function playScript(script: Script, signal: AbortSignal, stage: Stage): Promise<void> {
  const first = script[0];
  if (first?.op === "throwSync") throw new ScriptedError(first.name);
  return playSteps(script, signal, stage);
}

async function playSteps(script: Script, signal: AbortSignal, stage: Stage): Promise<void> {
  for (const step of script) {
    switch (step.op) {
      case "wait":
        await wait(step.ms, stage.clock);
        break;
      case "sleep":
        await sleep(step.ms, signal, stage.clock);
        break;
      case "throwSync":
      case "throw":
        throw new ScriptedError(step.name);
      case "throwCanceled":
        throw new DOMException("Scripted: canceled", "AbortError");
      case "untilAborted":
        await untilAborted(signal);
        break;
      case "hang":
        await new Promise<never>(() => {});
        break;
      case "yield":
        await undefined;
        break;
      case "requestStop":
        stage.requestStop();
        break;
      default:
        // A fixture may hold a step this player does not know: that must not pass for a no-op.
        throw new TypeError(`Cannot play step ${JSON.stringify(step satisfies never)}`);
    }
  }
}

function wait(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, ms));
}

function sleep(ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clock.clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = clock.setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
