import type { Member } from "./member.ts";
import type { HookSignals } from "./hook_signals.ts";
import type { Work } from "./work.ts";
import type {
  ApplicationLifetime,
  Clock,
  Host,
  HostContext,
  Logger,
  ServiceContext,
} from "../types.ts";

/** What the contexts of one host are made of. */
export interface ContextOptions extends HostContext {
  readonly signals: HookSignals;
  readonly work: Work;
}

/**
 * What the hooks of one service are given. Its functions are bound, as they are callbacks too, and
 * always the same ones, so that what adds one as a listener can remove it. Most services never ask
 * for them: they are made when somebody does.
 */
export class Context implements ServiceContext {
  readonly #member: Member;
  readonly #parts: ContextOptions;
  #fail: ServiceContext["fail"] | undefined;
  #waitUntil: ServiceContext["waitUntil"] | undefined;
  #ready: ServiceContext["ready"] | undefined;
  #beat: ServiceContext["beat"] | undefined;

  constructor(member: Member, parts: ContextOptions) {
    this.#member = member;
    this.#parts = parts;
  }

  get host(): Host {
    return this.#parts.host;
  }

  get lifetime(): ApplicationLifetime {
    return this.#parts.lifetime;
  }

  get logger(): Logger {
    return this.#parts.logger;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get name(): string {
    return this.#member.name;
  }

  get forced(): AbortSignal {
    return this.#parts.signals.own(this.#member, "forced").signal;
  }

  get fail(): ServiceContext["fail"] {
    return this.#fail ??= (error) => this.#parts.work.reported(this.#member, error);
  }

  get waitUntil(): ServiceContext["waitUntil"] {
    return this.#waitUntil ??= (work) => this.#parts.work.handOver(this.#member, work);
  }

  get ready(): ServiceContext["ready"] {
    return this.#ready ??= () => (this.#member.ready = true);
  }

  get beat(): ServiceContext["beat"] {
    return this.#beat ??= () => (this.#member.beat = this.clock.now());
  }
}
