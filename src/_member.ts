import { AbortError, answers } from "./_abort.ts";
import type { Party } from "./_calls.ts";
import type { Crew } from "./_crew.ts";
import type { Latch } from "./_latch.ts";
import { exceptionBehavior, mismatch, timeout } from "./_options.ts";
import type { WorkerLink } from "./_worker.ts";
import type { Phase } from "./events.ts";
import type {
  ApplicationLifetime,
  BackgroundServiceExceptionBehavior,
  Clock,
  Host,
  HostedLifecycleService,
  Logger,
  ServiceContext,
  ServiceState,
} from "./types.ts";

/** All a host may find on a service. */
interface Service extends Partial<HostedLifecycleService> {
  readonly executeTask?: Promise<unknown> | undefined;
  readonly "~worker"?: WorkerLink;
  [Symbol.asyncDispose]?(): unknown;
  [Symbol.dispose]?(): unknown;
}

type Hook = (signal: AbortSignal, context: ServiceContext) => unknown;

const lifecycleHooks = ["starting", "started", "stopping", "stopped"] as const;

/** One service in the hands of a host. */
export class Member implements Party {
  readonly service: Service;
  /** Whether it has hooks besides `start` and `stop`. */
  readonly lifecycle: boolean;

  state: ServiceState = "created";
  since = 0;
  error: unknown;
  /** Whether its start has fulfilled, in time. */
  up = false;
  /** Whether its background work has not ended. */
  working = false;

  readonly #crew: Crew;
  /** Whether the host made it. */
  readonly #owned: boolean;
  #context: ServiceContext | undefined;
  #cancel: Latch | undefined;
  #forced: Latch | undefined;

  /** Checks the service; a mistake names it by `label`. */
  constructor(crew: Crew, service: Service, label: string, owned: boolean) {
    if (typeof service !== "object" || service === null) {
      throw mismatch(label, "a service (an object with start and stop) or a factory", service);
    }
    for (const hook of ["start", "stop"] as const) {
      if (typeof service[hook] !== "function") {
        throw mismatch(`${label}.${hook}`, "a function", service[hook]);
      }
    }
    if (service.name !== undefined && typeof service.name !== "string") {
      throw mismatch(`${label}.name`, "a string", service.name);
    }
    this.#crew = crew;
    this.service = service;
    this.#owned = owned;
    timeout(`${label}.stopTimeout`, service.stopTimeout, Infinity);
    exceptionBehavior(`${label}.`, service, crew.exceptionBehavior);
    this.lifecycle = lifecycleHooks.some((hook) => typeof service[hook] === "function");
  }

  get name(): string {
    return this.#crew.nameOf(this);
  }

  get context(): ServiceContext {
    return this.#context ??= new Context(this, this.#crew);
  }

  /** Whether the host is to dispose it. */
  get disposable(): boolean {
    return this.#owned && typeof this.#dispose === "function";
  }

  get stopTimeout(): number {
    return this.service.stopTimeout ?? Infinity;
  }

  get exceptionBehavior(): BackgroundServiceExceptionBehavior {
    return this.service.backgroundServiceExceptionBehavior ?? this.#crew.exceptionBehavior;
  }

  /** Notes where it is now. */
  enter(state: ServiceState, now: number): void {
    this.state = state;
    this.since = now;
  }

  has(phase: (typeof lifecycleHooks)[number]): boolean {
    return typeof this.service[phase] === "function";
  }

  invoke(phase: Phase): unknown {
    const { service } = this;
    switch (phase) {
      case "starting":
      case "start":
      case "started":
        if (service["~worker"]) service["~worker"].context = this.context;
        return service[phase]?.(this.#startSignal(service[phase]), this.context);
      case "stopping":
      case "stop":
      case "stopped":
        return this.#stop(phase);
      case "execute":
        this.abortWork();
        return Promise.resolve(service.executeTask).catch(() => {});
      default:
        return this.#dispose?.call(service);
    }
  }

  /** An overriding `stop` may forget `super.stop`: the work is seen to its end all the same. */
  sequel(phase: Phase): Phase | undefined {
    return phase === "stop" && this.working ? "execute" : undefined;
  }

  /** Asks background work to finish; the first reason wins. */
  abortWork(reason: unknown = this.#crew.latches.stopping.reason): void {
    this.service["~worker"]?.controller?.abort(reason);
  }

  /** Whether `error` is an answer to one of the host's own signals. */
  isCancellation(error: unknown): boolean {
    const { cancel, latches } = this.#crew;
    const work = this.service["~worker"]?.controller?.signal;
    return [cancel.shared, latches.stopping, this.#grace].some((it) => answers(error, it)) ||
      work !== undefined && answers(error, { fired: work.aborted, reason: work.reason });
  }

  /** Whether its grace is over. */
  get hurried(): boolean {
    return this.#grace.fired;
  }

  hurry(): void {
    const reason = `The grace of service "${this.name}" is over`;
    this.forced.fire(new AbortError(reason));
  }

  /** A latch of its own: somebody may listen, or it ends before the others'. */
  get forced(): Latch {
    return this.#forced ??= this.#crew.grace.own();
  }

  get #dispose(): (() => unknown) | undefined {
    return this.service[Symbol.asyncDispose] ?? this.service[Symbol.dispose];
  }

  get #grace(): Latch {
    return this.#forced ?? this.#crew.grace.shared;
  }

  /** A hook that declares no parameter cannot listen, and is not worth a signal of its own. */
  #startSignal(hook: Hook | undefined): AbortSignal {
    const { cancel } = this.#crew;
    if (hook?.length) this.#cancel ??= cancel.own();
    return (this.#cancel ?? cancel.shared).signal;
  }

  #stop(phase: "stopping" | "stop" | "stopped"): unknown {
    const { service } = this;
    this.#forced ??= this.#needsOwnGrace ? this.#crew.grace.own() : this.#crew.grace.shared;
    return service[phase]?.(this.#forced.signal, this.context);
  }

  get #needsOwnGrace(): boolean {
    const { stopping, stop, stopped, stopTimeout = Infinity } = this.service;
    const listens = stopping?.length || stop?.length || stopped?.length;
    return Boolean(listens) || stopTimeout !== Infinity;
  }
}

/** What hooks are given. One per service, so it holds nothing but the way to its member. */
class Context implements ServiceContext {
  readonly #member: Member;
  readonly #crew: Crew;

  constructor(member: Member, crew: Crew) {
    this.#member = member;
    this.#crew = crew;
  }

  get host(): Host {
    return this.#crew.context.host;
  }

  get lifetime(): ApplicationLifetime {
    return this.#crew.context.lifetime;
  }

  get logger(): Logger {
    return this.#crew.context.logger;
  }

  get clock(): Clock {
    return this.#crew.context.clock;
  }

  get name(): string {
    return this.#member.name;
  }

  get forced(): AbortSignal {
    return this.#member.forced.signal;
  }

  /** Bound, so that it can be handed on as a callback. */
  get fail(): (error: unknown) => void {
    return (error) => this.#crew.failed(this.#member, error);
  }
}
