import type { Call } from "./call.ts";
import { check } from "../_check.ts";
import type { Member } from "./member.ts";
import type { Journal } from "./journal.ts";
import type { Settings } from "./settings.ts";
import type { Host } from "../types.ts";

/**
 * What passes between a host and the entries beside the core. Found by its property's name: copies
 * of this package from npm and JSR may meet in one program.
 */
export interface HostLink extends Settings {
  /** The services that exist, in order of registration. */
  members(): readonly Member[];
  readonly tell: Journal["tell"];
  /** The calls that have not ended. */
  pending(): readonly Call[];
  /** How many are in `run()` or `waitForShutdown()`, and so learn the outcome. */
  awaited(): number;
  /** Answers something true if anything failed so far: a start that somebody cancelled did not. */
  failed(): unknown;
  /** Begins the stop without `drainDelay`, or ends that now. */
  skipDrainDelay(): void;
}

/** The link of a host that is known to be one. */
export function linkOf(host: Host): HostLink {
  return (host as Host & { readonly "~host": HostLink })["~host"];
}

/**
 * The link of what is said to be a host.
 *
 * @throws {TypeError} If it was not made by `createHost`.
 */
export function hostLink(host: Host): HostLink {
  check("host", host, {});
  if (linkOf(host)) return linkOf(host);
  throw new TypeError("Cannot use host: it was not made by createHost");
}
