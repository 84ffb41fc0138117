import type { Call, Rejection } from "./_calls.ts";
import type { Member } from "./_member.ts";
import { renderError } from "./_render.ts";
import type { HostEvent, ServiceDoneEvent } from "./events.ts";
import type { Clock, Logger } from "./types.ts";

/** The call of a hook, or a run of background work. */
export type Run = Pick<Call, "party" | "phase" | "begun" | "overdue">;

type Ending = Pick<ServiceDoneEvent, "service" | "phase" | "duration">;

type Untold<E> = E extends HostEvent ? Omit<E, "seq" | "time"> : never;

/** Tells observers what happens, and the logger what an operator must know. */
export class Journal {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #observers: Set<(event: HostEvent) => void> = new Set();
  readonly #queue: HostEvent[] = [];
  #seq = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  subscribe(observer: (event: HostEvent) => void): () => void {
    const subscription = (event: HostEvent): void => observer(event);
    this.#observers.add(subscription);
    return () => this.#observers.delete(subscription);
  }

  began({ party, phase }: Run): void {
    if (this.#observed) this.tell({ type: "serviceBegan", service: party.name, phase });
  }

  done(run: Run, now: number): void {
    if (this.#observed) this.tell({ type: "serviceDone", ...ending(run, now) });
    if (run.overdue) this.warn(`${subject(run)} done late, after ${elapsed(run, now)}`);
  }

  failed(run: Run, now: number, error: unknown): void {
    if (this.#observed) this.tell({ type: "serviceFailed", ...ending(run, now), error });
    this.error(`${subject(run)} failed after ${elapsed(run, now)}`, error);
  }

  abandoned(run: Run, now: number, error: unknown): void {
    if (this.#observed) this.tell({ type: "serviceAbandoned", ...ending(run, now), error });
    this.#write("error", () => `${subject(run)} abandoned after ${elapsed(run, now)}`);
  }

  late(run: Run, now: number, rejection?: Rejection): void {
    if (this.#observed) this.tell({ type: "serviceLate", ...ending(run, now), ...rejection });
    const line = `${subject(run)}, given up before, ended after ${elapsed(run, now)}`;
    if (rejection) this.error(line, rejection.error);
    else this.warn(line);
  }

  faulted({ name }: Member, error: unknown): void {
    this.tell({ type: "serviceFaulted", service: name, error });
    this.error(`Service "${name}" reports a failure`, error);
  }

  /** An observer may cause the next event: it is told after everybody has seen this one. */
  tell(event: Untold<HostEvent>): void {
    if (!this.#observed) return;
    this.#queue.push({ ...event, seq: ++this.#seq, time: this.#clock.now() } as HostEvent);
    if (this.#queue.length > 1) return;
    for (let next; (next = this.#queue[0]); this.#queue.shift()) {
      for (const observer of this.#observers) {
        try {
          observer(next);
        } catch (error) {
          this.#observers.delete(observer);
          this.error("An observer failed and is called no more", error);
        }
      }
    }
  }

  warn(line: string): void {
    this.#write("warn", () => line);
  }

  error(line: string, error: unknown): void {
    this.#write("error", () => `${line}: ${renderError(error)}`);
  }

  /** Events nobody sees are not made. */
  get #observed(): boolean {
    return this.#observers.size > 0;
  }

  #write(level: "warn" | "error", line: () => string): void {
    try {
      this.#logger[level](line());
    } catch {
      // A logger that fails changes nothing, and where would one log it?
    }
  }
}

function ending({ party, phase, begun }: Run, now: number): Ending {
  return { service: party.name, phase, duration: now - begun };
}

function subject({ party, phase }: Run): string {
  return `Service "${party.name}": ${phase}`;
}

function elapsed({ begun }: Run, now: number): string {
  return `${Math.round(now - begun)} ms`;
}
