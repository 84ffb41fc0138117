import { check, checkList, nothing, refuse } from "../_check.ts";
import type { Member, Service } from "./member.ts";
import { checkBehavior } from "./settings.ts";
import { textOf } from "../_log.ts";
import type {
  HostContext,
  HostedService,
  ServiceContext,
  ServiceFactory,
  ServiceOrFactory,
  Services,
  ServiceStatus,
} from "../types.ts";

/** The services of one host: checks them, names them, and makes those that factories make. */
export interface ServiceList {
  /** Those that exist, in order of registration. */
  all(): readonly Member[];
  /** Calls the factories, in order. */
  create(context: HostContext): void;
  status(): ServiceStatus[];
}

/** A place in the list of services, or in a list in it. */
interface Place {
  /** Where it is, for messages. */
  readonly label: string;
  /** Which element of the outer list it is in. */
  readonly list: number;
  what: Member | ServiceFactory;
}

const exists = (what: Member | ServiceFactory): what is Member => typeof what === "object";

/** A member of whatever has hooks. */
export function newMember(
  service: Service,
  name: string,
  contextOf: (member: Member) => ServiceContext,
  list: number = -1,
  owned: boolean = false,
): Member {
  const member: Member & { context: ServiceContext } = {
    service,
    name,
    list,
    owned,
    context: undefined as never,
    state: "created",
    since: 0,
    error: undefined,
    startFulfilled: false,
    stopAbandoned: false,
    earlierTask: undefined,
    ready: !service.holdsReady,
    beat: 0,
    workerLink: undefined,
    cancel: undefined,
    forced: undefined,
  };
  member.context = contextOf(member);
  return member;
}

export function createServiceList(
  services: Services,
  contextOf: (member: Member) => ServiceContext,
): ServiceList {
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

  const admit = (service: HostedService, place: string, list: number, owned?: boolean): Member => {
    check(place, service, {});
    if (Array.isArray(service)) refuse(place, "a service", service);
    const type = service.constructor?.name; // an object may have no prototype
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
    return newMember(service, unique(given), contextOf, list, owned);
  };

  checkList("services", services);
  const place = (it: ServiceOrFactory, label: string, list: number): Place => {
    const isFunction = typeof it === "function";
    if (isFunction && it.prototype?.start) {
      throw new TypeError(`Cannot use ${label}: got the class ${it.name}, write new ${it.name}()`);
    }
    return { label, list, what: isFunction ? it : admit(it, label, list) };
  };
  const places: Place[] = [];
  let list = 0;
  for (const element of services) {
    const label = `services[${list}]`;
    if (!Array.isArray(element)) places.push(place(element as ServiceOrFactory, label, list));
    else element.forEach((it, index) => places.push(place(it, `${label}[${index}]`, list)));
    list++;
  }

  let existing: Member[] | undefined;

  return {
    all: () => existing ??= places.map(({ what }) => what).filter(exists),

    create(context) {
      for (const place of places) {
        const { what: make, list } = place;
        if (exists(make)) continue;
        const label = `${place.label}${make.name && ` (factory "${make.name}")`}`;
        let made: HostedService | Promise<unknown>;
        try {
          made = make(context);
        } catch (cause) {
          throw new Error(`Cannot create ${label}: ${textOf(cause)}`, { cause });
        }
        if (made instanceof Promise) {
          made.catch(nothing);
          throw new TypeError(`Cannot use ${label}: got a promise; do asynchronous work in start`);
        }
        place.what = admit(made, label, list, true);
        existing = undefined;
      }
    },

    status: () =>
      places.map(({ what }) => {
        const { name, state, since, error, service } = exists(what)
          ? what
          : newMember({}, what.name || "service", nothing as never);
        return { name, state, since, error, details: detailsOf(service) };
      }),
  };
}

/** What a service says of itself; an error if it cannot: that changes nothing for others. */
function detailsOf(service: Service): unknown {
  try {
    return service.details;
  } catch (error) {
    return error;
  }
}
