import { ServiceTimeoutError } from "./errors.ts";
import type { Journal, Run } from "./_journal.ts";
import type { Member } from "./_member.ts";
import type { Clock } from "./types.ts";

/** What background work does to its host. */
export interface WorkObserver {
  /** It failed, and the host is to stop. */
  failed(member: Member, error: unknown): void;
  /** Some of it ended. */
  ended(): void;
}

/** The background work of a host: what runs, and what it failed with. */
export class Work {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #observer: WorkObserver;
  readonly #running: Map<Member, Run> = new Map();
  /** What was to stop the host, in the order it happened. */
  readonly failures: unknown[] = [];

  constructor(clock: Clock, journal: Journal, observer: WorkObserver) {
    this.#clock = clock;
    this.#journal = journal;
    this.#observer = observer;
  }

  get idle(): boolean {
    return this.#running.size === 0;
  }

  /** Follows the work a service's start has begun, if it has. */
  watch(member: Member, begun: number): void {
    const { executeTask } = member.service;
    if (!executeTask) return;
    const run: Run = { party: member, phase: "execute", begun, overdue: false };
    this.#running.set(member, run);
    member.working = true;
    this.#journal.began(run);
    Promise.resolve(executeTask).then(
      () => this.#ended(member, run),
      (error) => this.#ended(member, run, member.isCancellation(error) ? undefined : { error }),
    );
  }

  /** A service says of itself that it failed. */
  reported(member: Member, error: unknown): void {
    if (member.isCancellation(error)) return;
    this.#journal.faulted(member, error);
    this.#failed(member, error);
  }

  /** Gives up what still runs. Returns an error for each of whom `stop` has said nothing yet. */
  abandon(): ServiceTimeoutError[] {
    const now = this.#clock.now();
    const errors: ServiceTimeoutError[] = [];
    for (const [member, run] of this.#running) {
      const elapsed = Math.round(now - run.begun);
      const error = new ServiceTimeoutError({ service: member.name, phase: "execute", elapsed });
      if (member.state !== "abandoned") errors.push(error);
      this.#journal.abandoned(run, now, error);
    }
    this.#running.clear();
    return errors;
  }

  #ended(member: Member, run: Run, failure?: { readonly error: unknown }): void {
    const now = this.#clock.now();
    member.working = false;
    if (!this.#running.delete(member)) return this.#journal.late(run, now, failure);
    if (failure) {
      this.#journal.failed(run, now, failure.error);
      this.#failed(member, failure.error);
    } else {
      this.#journal.done(run, now);
      if (member.state === "started") member.enter("completed", now);
    }
    this.#observer.ended();
  }

  #failed(member: Member, error: unknown): void {
    member.error = error;
    if (member.state !== "stopping") member.enter("failed", this.#clock.now());
    if (member.exceptionBehavior === "ignore") return;
    this.failures.push(error);
    this.#observer.failed(member, error);
  }
}
