/**
 * Carries out a plan under a fake clock and writes down all that happens.
 *
 * @module
 */

import {
  BackgroundService,
  createHost,
  type Host,
  type HostContext,
  type HostedService,
  type HostOptions,
  type Logger,
  onAbort,
  type ServiceContext,
  type ServiceFactory,
  type ServiceOrFactory,
} from "../../mod.ts";
import { FakeClock, quiet } from "../../src/testing/mod.ts";
import { ScriptedError } from "../_scripted_service.ts";
import { CallerSignal } from "./caller_signal.ts";
import type { AnyPhase, Call, Entry, Failure, Happening, History } from "./history.ts";
import type { Act, CommandPlan, InnerCall, Plan, ServicePlan } from "./plan.ts";

/** How often somebody insists on the end of a run before it counts as stuck. */
const PATIENCE = 200;

/** Carries out a plan. Whoever watches for what nobody handles adds it to `unhandled`. */
export async function carryOut(plan: Plan, unhandled: unknown[]): Promise<History> {
  const run = new Run(plan);
  await run.play();
  // Runtimes tell of an unhandled rejection when the macrotask has ended, or one later.
  for (let turn = 0; turn < 2; turn++) await quiet();
  return { ...run.history(), unhandled };
}

type Signal = AbortSignal | undefined;

class Run {
  readonly #plan: Plan;
  readonly #clock = new FakeClock();
  readonly #hostClock = this.#clock.apart();
  readonly #host: Host;
  readonly #entries: Entry[] = [];
  readonly #signals: CallerSignal[] = [];
  readonly #unsettled = new Set<Call>();
  #calls = 0;
  #timersOnceStopped: number | undefined;

  constructor(plan: Plan) {
    this.#plan = plan;
    const services: (ServiceOrFactory | ServiceOrFactory[])[] = [];
    for (const [index, it] of plan.services.entries()) {
      const before = plan.services[index - 1]?.list;
      if (it.list === undefined) services.push(this.#service(it));
      else if (it.list === before) (services.at(-1) as ServiceOrFactory[]).push(this.#service(it));
      else services.push([this.#service(it)]);
    }
    this.#host = createHost(services, this.#options());
    this.#host.subscribe((event) => this.#note({ type: "event", event }));
    for (const name of ["started", "stopping", "closing", "stopped"] as const) {
      const signal = this.#host.lifetime[name];
      onAbort(signal, (reason) => this.#note({ type: "lifetime", name, reason }));
      if (plan.hostileObservers) {
        onAbort(signal, () => this.#fail("hostile", name), { onError: () => {} });
      }
    }
  }

  async play(): Promise<void> {
    const { commands, rescue, options: { shutdownTimeout, abandonTimeout } } = this.#plan;
    for (const command of commands) {
      this.#clock.setTimeout(() => this.#command(command), command.at);
    }
    this.#clock.setTimeout(() => this.#command({ at: rescue, do: "stop" }), rescue);
    // Within its own limits if it has any, else when somebody insists; again, for each hung hook.
    const limits = shutdownTimeout + 2 * abandonTimeout;
    const end = rescue + (limits === Infinity ? 1_000 : limits) + 1;
    for (let attempt = 0; attempt < PATIENCE; attempt++) {
      this.#clock.setTimeout(() => {
        if (this.#host.state !== "stopped") this.#command({ at: end, do: "abort" });
      }, end + attempt);
    }
    await this.#clock.advance(0);
    // What is left in the end may be a timer that is always set again.
    const never = end + 1_000_000;
    for (let next; (next = this.#clock.next) !== undefined && next < never;) {
      await this.#clock.advanceTo(next);
      if (this.#host.state === "stopped") this.#timersOnceStopped ??= this.#hostClock.pending;
    }
  }

  history(): Omit<History, "unhandled"> {
    return {
      plan: this.#plan,
      entries: this.#entries,
      timersOnceStopped: this.#timersOnceStopped,
      left: {
        state: this.#host.state,
        timers: this.#clock.pending,
        listeners: this.#signals.reduce((sum, { listeners }) => sum + listeners, 0),
        unsettled: [...this.#unsettled],
      },
    };
  }

  #note(happening: Happening): void {
    const index = this.#entries.length;
    const at = this.#clock.now();
    this.#entries.push({ ...happening, index, at, state: this.#host.state });
  }

  #options(): HostOptions {
    const { options, lifetime, hostileObservers } = this.#plan;
    const hostile = (): never => this.#fail("hostile", "observer");
    const logger: Logger = { debug: hostile, info: hostile, warn: hostile, error: hostile };
    return {
      ...options,
      clock: this.#hostClock,
      logger: hostileObservers && logger,
      ...(hostileObservers && { onEvent: hostile }),
      ...(lifetime && {
        hostLifetime: {
          waitForStart: (signal) =>
            this.#perform("hostLifetime", "waitForStart", lifetime.waitForStart, signal),
          stop: (signal) => this.#perform("hostLifetime", "stop", lifetime.stop, signal),
        },
      }),
    };
  }

  // Services.

  #service(plan: ServicePlan): HostedService | ServiceFactory {
    const { name, made } = plan;
    if (made === "by the caller") return this.#make(plan);
    return (_context: HostContext) => {
      if (made === "by a factory") {
        this.#note({ type: "made", owner: name });
        return this.#make(plan);
      }
      const error = new ScriptedError(`${name}.factory`);
      this.#note({ type: "made", owner: name, failure: { error, clean: false } });
      throw error;
    };
  }

  #make(plan: ServicePlan): HostedService {
    const service = plan.kind === "background" ? this.#background(plan) : this.#plain(plan);
    for (const phase of ["starting", "started", "stopping", "stopped"] as const) {
      const act = plan.hooks[phase];
      if (act) Object.assign(service, { [phase]: this.#hook(plan, phase, act) });
    }
    const { dispose } = plan.hooks;
    if (dispose) {
      const symbol = plan.disposal === "sync" ? Symbol.dispose : Symbol.asyncDispose;
      Object.assign(service, { [symbol]: () => this.#perform(plan.name, "dispose", dispose) });
    }
    return Object.assign(service, {
      name: plan.name,
      stopTimeout: plan.stopTimeout,
      backgroundServiceExceptionBehavior: plan.exceptionBehavior,
    });
  }

  #plain(plan: ServicePlan): HostedService {
    const { start = { do: "return" }, stop = { do: "return" } } = plan.hooks;
    return { start: this.#hook(plan, "start", start), stop: this.#hook(plan, "stop", stop) };
  }

  #background(plan: ServicePlan): HostedService {
    const { name } = plan;
    const { start, stop, execute } = plan.hooks;
    /** In the middle of the synchronous part of the base's `start`. */
    let starting = false;
    return new Worker({
      execute: (...args) => {
        if (starting) this.#note({ type: "odd", what: `${name}.execute ran in its start` });
        return this.#perform(name, "execute", execute, ...args);
      },
      start: (args, base) =>
        this.#begin(plan, start, args, () => {
          starting = true;
          try {
            return base();
          } finally {
            starting = false;
          }
        }),
      stop: ([signal, context], base) =>
        this.#perform(name, "stop", stop, signal, context, plan.callsSuper ? base : undefined),
    });
  }

  /** One with parameters, or one that declares none: the host may treat them differently. */
  #hook(plan: ServicePlan, phase: "start" | AnyPhase, act: Act): HostedService["start"] {
    const play = (signal: Signal, context: ServiceContext | undefined): unknown =>
      phase === "start"
        ? this.#begin(plan, act, [signal, context])
        : this.#perform(plan.name, phase, act, signal, context);
    if (plan.blind) return (...args: [AbortSignal, ServiceContext]) => play(...args);
    return (signal, context) => play(signal, context);
  }

  /** A start, and the failure that may come some time after it. */
  #begin(
    plan: ServicePlan,
    act: Act | undefined,
    [signal, context]: HookArguments,
    then?: () => Promise<void>,
  ): unknown {
    const { name, failsAfter } = plan;
    if (failsAfter !== undefined && context) {
      const { fail } = context; // may be called detached
      this.#clock.setTimeout(() => this.#reportFailure(name, fail), failsAfter);
    }
    return this.#perform(name, "start", act, signal, context, then);
  }

  /** Plays a hook. `then` is what an override does in the end: the base's. */
  #perform(
    owner: string,
    phase: AnyPhase,
    act: Act = { do: "return" },
    signal?: Signal,
    context?: ServiceContext,
    then?: () => Promise<void>,
  ): unknown {
    if (phase === "stop" && context && !signal?.aborted && context.forced !== signal) {
      this.#note({ type: "odd", what: `${owner}.stop has another signal than context.forced` });
    }
    this.#note({ type: "enter", owner, phase, aborted: signal?.aborted });
    const onAbort = (): void =>
      this.#note({ type: "signal", owner, phase, reason: signal?.reason });
    signal?.addEventListener("abort", onAbort);
    const exit = (rejection?: { readonly error: unknown }): void => {
      // What a worker is told after its end is of interest too.
      if (phase !== "execute") signal?.removeEventListener("abort", onAbort);
      const failure = rejection && this.#judge(phase, rejection.error, signal, context);
      this.#note({ type: "exit", owner, phase, ...(failure && { failure }) });
    };
    try {
      const result = this.#act(owner, phase, act, signal, context, then);
      if (result instanceof Promise) {
        return result.then(() => exit(), (error) => {
          exit({ error });
          throw error;
        });
      }
      exit();
      return result;
    } catch (error) {
      exit({ error });
      throw error;
    }
  }

  #act(
    owner: string,
    phase: AnyPhase,
    act: Act,
    signal: Signal,
    context: ServiceContext | undefined,
    then: (() => Promise<void>) | undefined,
  ): unknown {
    const awaited = act.first && this.#innerCall(owner, act.first, context);
    if (!awaited && !then && act.do === "return") return owner;
    if (!awaited && act.do === "throw") this.#fail(owner, phase);
    const steps = async (): Promise<void> => {
      if (awaited) await awaited;
      // Without anything to wait for, an override calls the base at once.
      if (act.do !== "return") await this.#actAsync(owner, phase, act, signal);
      await then?.();
    };
    return steps();
  }

  #actAsync(owner: string, phase: AnyPhase, act: Act, signal: Signal): Promise<void> | void {
    switch (act.do) {
      case "return":
        return;
      case "throw":
        return this.#fail(owner, phase);
      case "hang":
        return new Promise(() => {});
      case "resolve":
        return this.#after(act.after, () => {});
      case "reject":
        return this.#after(act.after, () => this.#fail(owner, phase));
      case "cancel":
        return this.#later(act.after, () => {
          throw new DOMException(`${owner}.${phase} was not asked to`, "AbortError");
        });
      case "sleep":
        return this.#sleep(owner, phase, act, signal);
    }
  }

  async #after(ms: number, then: () => void): Promise<void> {
    // Sometimes no time at all passes, not even a macrotask.
    if (ms > 0) await this.#later(ms, () => {});
    then();
  }

  /**
   * In a macrotask of its own: whether an `AbortError` is a cancellation depends on what came
   * before, and within one macrotask the host cannot know.
   */
  async #later(ms: number, then: () => void): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, ms));
    then();
  }

  #sleep(
    owner: string,
    phase: AnyPhase,
    { after, onAbort }: Extract<Act, { do: "sleep" }>,
    signal: Signal,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(resolve, after);
      const aborted = (): void => {
        this.#clock.clearTimeout(timer);
        if (onAbort === "return") resolve();
        else if (onAbort === "throwReason") reject(signal?.reason);
        else if (onAbort === "throwError") reject(new ScriptedError(`${owner}.${phase}`));
        else reject(new DOMException(`${owner}.${phase} was asked to`, "AbortError"));
      };
      if (signal?.aborted) aborted();
      else signal?.addEventListener("abort", aborted, { once: true });
    });
  }

  /** Whether a rejection is clean: "Whose abort was it?" under "Signals" in docs/design.md. */
  #judge(phase: AnyPhase, error: unknown, signal: Signal, context?: ServiceContext): Failure {
    const mayBeCancelled = phase === "execute" || phase === "waitForStart" ||
      phase === "starting" || phase === "start" || phase === "started";
    const { stopping, closing } = this.#host.lifetime;
    const ours = [signal, context?.forced, stopping, closing]
      .filter((it) => it?.aborted);
    const shaped = error instanceof Error && error.name === "AbortError" ||
      ours.some((it) => it?.reason === error);
    return { error, clean: mayBeCancelled && shaped && ours.length > 0 };
  }

  #fail(owner: string, phase: string): never {
    throw new ScriptedError(`${owner}.${phase}`);
  }

  #reportFailure(owner: string, fail: (error: unknown) => void): void {
    const error = new ScriptedError(`${owner}.fail`);
    this.#note({ type: "fail", owner, failure: { error, clean: false } });
    fail(error);
  }

  // Calls on the host.

  #innerCall(
    owner: string,
    call: InnerCall,
    context: ServiceContext | undefined,
  ): Promise<void> | undefined {
    if (call === "fail") {
      if (context) this.#reportFailure(owner, context.fail);
      return undefined;
    }
    const settled = this.#command({ at: NaN, do: call === "awaitStop" ? "stop" : call });
    return call === "awaitStop" ? settled : undefined;
  }

  /** Makes a call. Resolves when it has settled, however that was. */
  async #command({ do: name, signalAfter }: CommandPlan): Promise<void> {
    const number = ++this.#calls;
    const takesReason = name === "stopApplication" || name === "abort";
    const call: Call = {
      number,
      name,
      ...(takesReason && { reason: new ScriptedError(`${name}#${number}`) }),
    };
    const signal = signalAfter === undefined ? undefined : this.#callerSignal(call, signalAfter);
    this.#note({ type: "call", call });
    this.#unsettled.add(call);
    let rejection: { readonly error: unknown } | undefined;
    try {
      await this.#invoke(call, signal);
    } catch (error) {
      rejection = { error };
    }
    this.#unsettled.delete(call);
    this.#note({ type: "settled", call, ...(rejection && { rejection }) });
  }

  #invoke({ name, reason }: Call, signal: Signal): Promise<void> | void {
    switch (name) {
      case "start":
        return this.#host.start(signal);
      case "stop":
        return this.#host.stop(signal);
      case "run":
        return this.#host.run(signal);
      case "waitForShutdown":
        return this.#host.waitForShutdown(signal);
      case "stopApplication":
        return this.#host.lifetime.stopApplication(reason);
      case "abort":
        return this.#host.abort(reason);
      case "dispose":
        return this.#host[Symbol.asyncDispose]();
    }
  }

  #callerSignal(call: Call, after: number): Signal {
    if (call.reason || call.name === "dispose") return undefined; // takes none
    const caller = new CallerSignal();
    this.#signals.push(caller);
    const abort = (): void => {
      const reason = new ScriptedError(`signal of ${call.name}#${call.number}`);
      this.#note({ type: "aborted", call, reason });
      caller.abort(reason);
    };
    if (after === 0) abort();
    else this.#clock.setTimeout(abort, after);
    return caller.signal;
  }
}

type HookArguments = readonly [
  signal?: AbortSignal | undefined,
  context?: ServiceContext | undefined,
];

/** What overrides the hooks of a {@linkcode Worker}; the base's are passed on. */
interface WorkerHooks {
  execute(signal: AbortSignal, context: ServiceContext): unknown;
  start(args: HookArguments, base: () => Promise<void>): unknown;
  stop(args: HookArguments, base: () => Promise<void>): unknown;
}

/** A background service like those that people write. */
class Worker extends BackgroundService {
  readonly #hooks: WorkerHooks;

  constructor(hooks: WorkerHooks) {
    super();
    this.#hooks = hooks;
  }

  override execute(signal: AbortSignal, context: ServiceContext): Promise<unknown> {
    // It may break its promise of a promise: the host must not mind.
    return this.#hooks.execute(signal, context) as Promise<unknown>;
  }

  override start(...args: HookArguments): Promise<void> {
    return this.#hooks.start(args, () => super.start(...args)) as Promise<void>;
  }

  override stop(...args: HookArguments): Promise<void> {
    return this.#hooks.stop(args, () => super.stop(...args)) as Promise<void>;
  }
}
