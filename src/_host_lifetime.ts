import type { Party } from "./_calls.ts";
import type { Broadcast } from "./_latch.ts";
import type { Phase } from "./events.ts";
import type { Host, HostLifetime } from "./types.ts";

/** The host lifetime as something to call: first in the start, last in the stop. */
export class HostLifetimeParty implements Party {
  readonly name: string = "hostLifetime";
  readonly stopTimeout: number = Infinity;
  readonly #lifetime: HostLifetime;
  readonly #host: Host;
  readonly #cancel: Broadcast;
  readonly #grace: Broadcast;

  constructor(
    lifetime: HostLifetime,
    host: Host,
    { cancel, grace }: { readonly cancel: Broadcast; readonly grace: Broadcast },
  ) {
    this.#lifetime = lifetime;
    this.#host = host;
    this.#cancel = cancel;
    this.#grace = grace;
  }

  get hurried(): boolean {
    return this.#grace.shared.fired;
  }

  /** It has no grace of its own. */
  hurry(): void {}

  /** It has no work that goes on. */
  sequel(): undefined {}

  invoke(phase: Phase): unknown {
    return phase === "waitForStart"
      ? this.#lifetime.waitForStart(this.#cancel.own().signal, this.#host)
      : this.#lifetime.stop(this.#grace.own().signal, this.#host);
  }
}
