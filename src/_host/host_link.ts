import { check } from "../_check.ts";
import { linkVersion } from "./worker_link.ts";
import type { Service } from "./member.ts";
import type { Journal } from "./events_and_log.ts";
import type { Settings } from "./settings.ts";
import type { Host, ServiceContext, ServiceState } from "../types.ts";
import type { Phase } from "../events.ts";

/**
 * What passes between a host and the entries beside the core. Found by its property's name, since copies
 * of this package from npm and JSR may meet in one program. How it may change: docs/design.md, `~host`.
 */
export interface HostLink
  extends
    Pick<Settings, "clock" | "logger" | "stopWhenIdle" | "shutdownTimeout" | "abandonTimeout"> {
  readonly version: typeof linkVersion;
  /** The services that exist, in order of registration. */
  members(): readonly LinkedMember[];
  readonly tell: Journal["tell"];
  /** The calls that have not ended. */
  pending(): readonly LinkedCall[];
  /** How many are in `run()` or `waitForShutdown()`, and so learn the outcome. */
  awaited(): number;
  /** Answers something true if anything failed so far: a start that somebody cancelled did not. */
  failed(): unknown;
  /** Begins the stop without `drainDelay`, or ends that now. */
  skipDrainDelay(): void;
}

/** A service in the hands of a host, to look at; always the same object. */
export interface LinkedMember {
  readonly service: Service;
  readonly name: string;
  readonly context: ServiceContext;
  readonly state: ServiceState;
  readonly since: number;
  readonly error: unknown;
  readonly ready: boolean;
  readonly beat: number;
}

/** A call of a hook, to look at. */
export interface LinkedCall {
  readonly member: LinkedMember;
  readonly phase: Phase;
  readonly begun: number;
}

/**
 * The link of what is said to be a host.
 *
 * @throws {TypeError} If it was not made by `createHost`, or by a copy of this package whose link this
 * one does not understand.
 */
export function hostLink(host: Host): HostLink {
  check("host", host, {});
  const link = (host as Host & { readonly "~host"?: HostLink })["~host"];
  if (link?.version === linkVersion) return link;
  const why = link
    ? `its link has version ${link.version}, this copy of @runhost/host knows ${linkVersion}`
    : "it was not made by createHost";
  throw new TypeError(`Cannot use host: ${why}`);
}
