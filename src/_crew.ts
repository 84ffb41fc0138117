import { Broadcast } from "./_latch.ts";
import { Member } from "./_member.ts";
import { mismatch } from "./_options.ts";
import type { LifetimeLatches } from "./application_lifetime.ts";
import type {
  BackgroundServiceExceptionBehavior,
  HostContext,
  HostedService,
  ServiceFactory,
  Services,
  ServiceStatus,
} from "./types.ts";

/** What a crew takes from its host. */
export interface CrewOptions {
  readonly services: Services;
  readonly context: HostContext;
  readonly latches: LifetimeLatches;
  readonly exceptionBehavior: BackgroundServiceExceptionBehavior;
  /** A service says of itself that it failed. */
  readonly failed: (member: Member, error: unknown) => void;
}

/** The services of one host: checks them, makes those that factories make, and names them. */
export class Crew {
  readonly context: HostContext;
  readonly latches: LifetimeLatches;
  readonly exceptionBehavior: BackgroundServiceExceptionBehavior;
  readonly failed: (member: Member, error: unknown) => void;
  /** Cancels the start. */
  readonly cancel: Broadcast = new Broadcast();
  /** Ends the grace. */
  readonly grace: Broadcast = new Broadcast();

  /** In order of registration; a factory's place is taken by what it makes. */
  readonly #places: (Member | ServiceFactory)[] = [];
  #members: Member[] | undefined;
  #lifecycle: Member[] | undefined;
  readonly #known: Set<unknown> = new Set();
  readonly #names: Map<Member, string> = new Map();
  /** How often each name was asked for; the host lifetime has one too. */
  readonly #taken: Map<string, number> = new Map([["hostLifetime", 1]]);

  constructor({ services, context, latches, exceptionBehavior, failed }: CrewOptions) {
    this.context = context;
    this.latches = latches;
    this.exceptionBehavior = exceptionBehavior;
    this.failed = failed;
    if (typeof services?.[Symbol.iterator] !== "function") {
      throw mismatch("services", "an iterable of services and factories", services);
    }
    for (const service of services) {
      const label = `services[${this.#places.length}]`;
      this.#places.push(
        typeof service === "function"
          ? factory(service, label)
          : this.#admit(service, label, false),
      );
    }
  }

  /** Every service that exists, in order of registration. */
  get members(): Member[] {
    return this.#members ??= this.#places.filter((place) => place instanceof Member);
  }

  /** Those with hooks besides `start` and `stop`: most have none. */
  get lifecycle(): Member[] {
    return this.#lifecycle ??= this.members.filter((member) => member.lifecycle);
  }

  /** Calls the factories, in order. */
  create(): void {
    for (const [index, place] of this.#places.entries()) {
      if (place instanceof Member) continue;
      const label = `services[${index}]${place.name && ` (factory "${place.name}")`}`;
      const service = make(place, label, this.context);
      this.#places[index] = this.#admit(service, label, true);
      this.#members = this.#lifecycle = undefined;
    }
  }

  /** Names are made when first asked for, in order of registration. */
  nameOf(member: Member): string {
    if (!this.#names.has(member)) {
      for (const it of this.members) {
        if (!this.#names.has(it)) this.#names.set(it, this.#unique(nameOf(it.service)));
      }
    }
    return this.#names.get(member) as string;
  }

  snapshot(): ServiceStatus[] {
    return this.#places.map((place) =>
      place instanceof Member
        ? { name: place.name, state: place.state, since: place.since, error: place.error }
        : { name: place.name || "service", state: "created", since: 0, error: undefined }
    );
  }

  #admit(service: HostedService, label: string, owned: boolean): Member {
    const member = new Member(this, service, label, owned);
    if (this.#known.has(service)) {
      throw new TypeError(`Cannot use ${label}: "${nameOf(service)}" is in the list already`);
    }
    this.#known.add(service);
    return member;
  }

  #unique(name: string): string {
    const count = (this.#taken.get(name) ?? 0) + 1;
    this.#taken.set(name, count);
    return count === 1 ? name : this.#unique(`${name}#${count}`);
  }
}

function nameOf(service: { readonly name?: string | undefined }): string {
  const type = Object.getPrototypeOf(service)?.constructor?.name;
  return service.name || (type !== "Object" && type) || "service";
}

/** A class is a function too. */
function factory(candidate: ServiceFactory, label: string): ServiceFactory {
  if (typeof candidate.prototype?.start === "function") {
    const { name } = candidate;
    throw new TypeError(
      `Cannot use ${label}: got the class ${name}, wanted an instance: write new ${name}()`,
    );
  }
  return candidate;
}

function make(factory: ServiceFactory, label: string, context: HostContext): HostedService {
  let made: unknown;
  try {
    made = factory(context);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot create ${label}: ${why}`, { cause });
  }
  if (made instanceof Promise) {
    made.catch(() => {});
    throw new TypeError(
      `Cannot create ${label}: it returned a promise; do asynchronous work in start`,
    );
  }
  return made as HostedService;
}
