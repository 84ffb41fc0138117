import { check, checkList, nothing } from "./_check.ts";
import type { Member, Service } from "./_member.ts";
import { checkBehavior } from "./_options.ts";
import { textOf } from "./_render.ts";
import type {
  HostContext,
  HostedService,
  ServiceContext,
  ServiceFactory,
  Services,
  ServiceStatus,
} from "./types.ts";

/** The services of one host: checks them, names them, and makes those that factories make. */
export interface Crew {
  /** Those that exist, in order of registration. */
  members(): readonly Member[];
  /** Those with hooks besides `start` and `stop`: most have none. */
  lifecycle(): readonly Member[];
  /** Calls the factories, in order. */
  create(context: HostContext): void;
  status(): ServiceStatus[];
}

/** A member of whatever has hooks. */
export function newMember(
  service: Service,
  name: string,
  owned: boolean,
  contextOf: (member: Member) => ServiceContext,
): Member {
  const member: Member = {
    service,
    name,
    owned,
    context: undefined as never,
    state: "created",
    since: 0,
    error: undefined,
    startFulfilled: false,
    stopAbandoned: false,
    earlierTask: undefined,
    working: undefined,
    handed: undefined,
    ready: !service.holdsReady,
    beat: 0,
    workerLink: undefined,
    cancel: undefined,
    forced: undefined,
  };
  return Object.assign(member, { context: contextOf(member) });
}

export function createCrew(
  services: Services,
  contextOf: (member: Member) => ServiceContext,
): Crew {
  const known = new Set<unknown>();
  /** How often each name was asked for. */
  const names = new Map<string, number>();

  const unique = (name: string): string => {
    const count = (names.get(name) ?? 0) + 1;
    names.set(name, count);
    return count > 1 ? unique(`${name}#${count}`) : name;
  };
  unique("host");
  unique("hostLifetime");

  const admit = (service: HostedService, place: string, owned: boolean): Member => {
    check(place, service, {});
    const type = Object.getPrototypeOf(service)?.constructor?.name;
    const { name = type === "Object" ? "" : type, stopTimeout = 0, heartbeat = 0, start, stop } =
      service;
    check(`${place}.name`, service.name === undefined ? "" : name, "");
    const given = name || "service";
    const label = `${place} "${given}"`;
    check(label, { stopTimeout, heartbeat, start, stop }, {
      stopTimeout: 0,
      heartbeat: 0,
      start: nothing,
      stop: nothing,
    });
    checkBehavior(`${label}.`, service);
    if (known.has(service)) throw new TypeError(`Cannot use ${label}: it is in the list already`);
    known.add(service);
    return newMember(service, unique(given), owned, contextOf);
  };

  checkList("services", services);
  const places = Array.from(services, (place, index) => {
    const label = `services[${index}]`;
    if (typeof place !== "function") return admit(place, label, false);
    if (!place.prototype?.start) return place;
    throw new TypeError(
      `Cannot use ${label}: got the class ${place.name}, write new ${place.name}()`,
    );
  });
  const exists = (place: Member | ServiceFactory): place is Member => typeof place === "object";

  let members: Member[] | undefined;
  let lifecycle: Member[] | undefined;

  const crew: Crew = {
    members: () => members ??= places.filter(exists),

    lifecycle: () =>
      lifecycle ??= crew.members().filter(({ service }) =>
        service.starting || service.started || service.stopping || service.stopped
      ),

    create(context) {
      for (const [index, place] of places.entries()) {
        if (exists(place)) continue;
        const label = `services[${index}]${place.name && ` (factory "${place.name}")`}`;
        let made: HostedService | Promise<unknown>;
        try {
          made = place(context);
        } catch (cause) {
          throw new Error(`Cannot create ${label}: ${textOf(cause)}`, { cause });
        }
        if (made instanceof Promise) {
          made.catch(nothing);
          throw new TypeError(`Cannot use ${label}: got a promise; do asynchronous work in start`);
        }
        places[index] = admit(made, label, true);
        members = lifecycle = undefined;
      }
    },

    status: () =>
      places.map((place) => {
        if (!exists(place)) {
          return {
            name: place.name || "service",
            state: "created",
            since: 0,
            error: undefined,
            details: undefined,
          };
        }
        const { name, state, since, error, service } = place;
        return { name, state, since, error, details: detailsOf(service) };
      }),
  };
  return crew;
}

/** What a service says of itself; an error if it cannot: that changes nothing for others. */
function detailsOf(service: Service): unknown {
  try {
    return service.details;
  } catch (error) {
    return error;
  }
}
