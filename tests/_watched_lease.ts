import type { Clock } from "../mod.ts";
import type { Lease, Term } from "../src/supervision/mod.ts";

/** What is known of one term, beside its leader. */
interface Grant {
  readonly token: number;
  /** When the last request was sent that was granted: on a clock that stands still, and on the wall. */
  sent: readonly [number, number];
  refused: boolean;
  released: boolean;
  /** When the renew began that goes on. */
  renewing: number | undefined;
}

/** What a {@linkcode WatchedLease} knows of time. */
export interface WatchedLeaseOptions {
  readonly clock: Clock;
  /** What the clock on the wall is ahead. */
  readonly wall: () => number;
  readonly duration: number;
  readonly renewDeadline: number;
}

/** A lease that notes what it was asked for, and knows by itself who may believe to lead. */
export class WatchedLease implements Lease {
  readonly complaints: string[] = [];
  readonly grants: Map<number, Grant> = new Map();
  readonly #lease: Lease;
  readonly #options: WatchedLeaseOptions;
  readonly #pending: Set<{ readonly begun: number; readonly signal: AbortSignal }> = new Set();

  constructor(lease: Lease, options: WatchedLeaseOptions) {
    this.#lease = lease;
    this.#options = options;
  }

  async acquire(
    signal: AbortSignal,
    options: { readonly holder: string; readonly duration: number },
  ): Promise<Term | undefined> {
    const sent = this.#moment();
    const term = await this.#call(signal, () => this.#lease.acquire(signal, options));
    if (!term) return;
    const { token } = term;
    const grant: Grant = { token, sent, refused: false, released: false, renewing: undefined };
    this.grants.set(token, grant);
    return {
      token,
      renew: async (signal, options) => {
        const sent = this.#moment();
        if (grant.released) this.complaints.push(`term ${token} is renewed after its release`);
        grant.renewing = sent[0];
        try {
          const isHeld = await this.#call(signal, () => term.renew(signal, options));
          if (signal.aborted) return isHeld; // nobody waits for it any more
          if (isHeld) grant.sent = sent;
          else grant.refused = true;
          return isHeld;
        } finally {
          grant.renewing = undefined;
        }
      },
      release: (signal) => {
        const { renewDeadline, clock } = this.#options;
        const { renewing = -Infinity } = grant;
        if (grant.refused) this.complaints.push(`term ${token} is released, and was lost`);
        if (clock.now() - renewing < renewDeadline / 2) {
          this.complaints.push(`term ${token} is released while it is renewed`);
        }
        grant.released = true;
        return this.#call(signal, () => term.release(signal));
      },
    };
  }

  /** Whether a term may be believed in. */
  mayLead(token: number): boolean {
    const grant = this.grants.get(token);
    return !!grant && !grant.refused && !grant.released &&
      this.#age(grant) < this.#options.renewDeadline;
  }

  /** Whether a term was over long ago, by the clock that stands still. */
  isOverdue(token: number, patience: number): boolean {
    const grant = this.grants.get(token);
    const { clock, duration } = this.#options;
    return !!grant && clock.now() - grant.sent[0] > duration + patience;
  }

  /** Finds calls that go on for too long, and are not told. */
  look(): void {
    const { clock, renewDeadline } = this.#options;
    for (const { begun, signal } of this.#pending) {
      if (!signal.aborted && clock.now() - begun > renewDeadline / 2) {
        this.complaints.push("a call is not limited");
      }
    }
  }

  #moment(): readonly [number, number] {
    const now = this.#options.clock.now();
    return [now, now + this.#options.wall()];
  }

  #age({ sent }: Grant): number {
    const [now, wall] = this.#moment();
    return Math.max(now - sent[0], wall - sent[1]);
  }

  async #call<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const pending = { begun: this.#options.clock.now(), signal };
    this.#pending.add(pending);
    try {
      return await call();
    } finally {
      this.#pending.delete(pending);
    }
  }
}
