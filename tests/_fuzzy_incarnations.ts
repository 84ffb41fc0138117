import type {
  Clock,
  HostedLifecycleService,
  HostedService,
  HostEvent,
  ServiceContext,
} from "../mod.ts";
import type { Random } from "./fuzz/random.ts";

/** One service that was made, and all that goes on of it. */
interface Made {
  readonly id: number;
  started: "no" | "pending" | "fulfilled" | "rejected";
  stops: number;
  disposals: number;
  /** Hooks, work and handed-over work that have not ended. */
  open: number;
  ended: number;
  readonly context: ServiceContext;
  readonly stopAsked: () => boolean;
  /** When its start began, and with which signal, while that goes on. */
  starting: { readonly begun: number; readonly signal: AbortSignal } | undefined;
}

/** How wild the services of a life are. */
export interface Wildness {
  /** How often something fails. */
  readonly failure: number;
  /** How often something is deaf to its signal. */
  readonly deafness: number;
  /** How long something that is deaf takes at most. */
  readonly longest: number;
}

/**
 * What is made for one keeper, and what must hold of it: never two at once, whoever started is stopped,
 * whoever was made is disposed, and nothing begins once a stop was asked for.
 */
export class FuzzyIncarnations {
  readonly name: string;
  readonly complaints: string[] = [];
  readonly all: Made[] = [];
  /** When one was made, and when one had ended, in order. */
  readonly times: { made: number; ended: number | undefined }[] = [];
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #wildness: Wildness;

  constructor(name: string, random: Random, clock: Clock, wildness: Wildness) {
    this.name = name;
    this.#random = random;
    this.#clock = clock;
    this.#wildness = wildness;
  }

  /** Whether anything goes on of one that was made. */
  get running(): boolean {
    return this.all.some(({ open, disposals }) => open > 0 || disposals === 0);
  }

  complain(what: string): void {
    this.complaints.push(`${this.name} at ${this.#clock.now()}: ${what}`);
  }

  /** Makes one. */
  make(context: ServiceContext, stopAsked: () => boolean): HostedService {
    const random = this.#random;
    const { failure, deafness } = this.#wildness;
    if (this.running) this.complain("two at once");
    if (stopAsked()) this.complain("made after the stop was asked for");
    if (random.chance(failure * 0.2)) throw new Error("It cannot be made");
    const made: Made = {
      id: this.all.length,
      started: "no",
      stops: 0,
      disposals: 0,
      open: 0,
      ended: 0,
      context,
      stopAsked,
      starting: undefined,
    };
    this.all.push(made);
    let workEnd: Promise<void> | undefined;

    const track = async (call: Promise<void>): Promise<void> => {
      made.open++;
      try {
        await call;
      } finally {
        made.open--;
      }
    };
    /** Takes its time, minds its signal or not, and fails or not. */
    const act = (signal: AbortSignal, times: readonly [number, ...number[]]): Promise<void> => {
      const deaf = random.chance(deafness);
      const ms = random.chance(deafness * 0.2)
        ? random.below(this.#wildness.longest)
        : random.pick(times);
      const fails = random.chance(failure);
      return track(
        new Promise<void>((resolve, reject) => {
          const finish = (): void => fails ? reject(new Error("It failed")) : resolve();
          if (ms === 0) return finish();
          const abort = (): void => {
            this.#clock.clearTimeout(timer);
            if (random.chance(0.8)) reject(signal.reason);
            else finish();
          };
          const timer = this.#clock.setTimeout(() => {
            signal.removeEventListener("abort", abort);
            finish();
          }, ms);
          if (deaf) return;
          if (signal.aborted) abort();
          else signal.addEventListener("abort", abort, { once: true });
        }),
      );
    };
    const spoil = (): void => {
      if (random.chance(failure * 0.3)) context.fail(new Error("It says that it failed"));
      if (random.chance(failure * 0.1)) context.fail(new Error("It says so again"));
      if (random.chance(0.2)) {
        context.waitUntil(act(context.forced, [0, 10, 500]));
      }
    };
    const begins = random.chance(0.7);
    const worker = new AbortController();

    const service: HostedLifecycleService & {
      executeTask?: Promise<void> | undefined;
      [Symbol.asyncDispose](): Promise<void>;
    } = {
      name: "fuzzy",
      start: async (signal, given) => {
        if (stopAsked()) this.complain("started after the stop was asked for");
        if (given !== context) this.complain("another context");
        made.started = "pending";
        made.starting = { begun: this.#clock.now(), signal };
        spoil();
        try {
          await act(signal, [0, 0, 10, 300]);
          if (begins) {
            workEnd = act(worker.signal, [5, 50, 2_000, 100_000]);
            workEnd.catch(() => {});
            service.executeTask = workEnd;
          }
          made.started = "fulfilled";
        } catch (error) {
          made.started = "rejected";
          throw error;
        } finally {
          made.starting = undefined;
        }
      },
      stopping: () => {
        if (made.started !== "fulfilled") this.complain("stopping without a start");
      },
      stop: async (signal) => {
        made.stops++;
        if (made.started !== "fulfilled") {
          this.complain(`stopped when its start was ${made.started}`);
        }
        spoil();
        worker.abort(new DOMException("Stopped", "AbortError"));
        await act(signal, [0, 0, 100, 3_000]);
      },
      [Symbol.asyncDispose]: async () => {
        if (made.started === "pending") this.complain("disposed while it starts");
        if (made.started === "fulfilled" && !made.stops) this.complain("disposed, not stopped");
        made.disposals++;
        await act(context.forced, [0, 0, 20]);
      },
    };
    if (random.chance(0.3)) {
      service.started = (signal) => act(signal, [0, 30]);
    }
    if (random.chance(0.1)) spoil();
    return service;
  }

  /** What must hold at any time when nothing is about to happen. */
  look(startTimeout: number): void {
    for (const { starting, stopAsked } of this.all) {
      if (!starting || starting.signal.aborted) continue;
      if (this.#clock.now() - starting.begun > startTimeout) {
        this.complain("a start is not limited");
      }
      if (stopAsked()) this.complain("a start goes on after the stop was asked for");
    }
  }

  /** What must hold when the host has stopped: what goes on knows that its grace is over. */
  lookAtEnd(): void {
    for (const { disposals, context } of this.all) {
      if (!disposals && !context.forced.aborted) this.complain("one goes on and was not forced");
    }
  }

  /** What must hold when all has ended. */
  check(): readonly string[] {
    for (const { id, started, stops, disposals, open } of this.all) {
      const one = `incarnation ${id}`;
      if (open) this.complain(`${one} goes on`);
      if (started === "fulfilled" && stops !== 1) {
        this.complain(`${one} was stopped ${stops} times`);
      }
      if (started !== "fulfilled" && stops) {
        this.complain(`${one} was stopped, and had not started`);
      }
      if (disposals !== 1) this.complain(`${one} was disposed ${disposals} times`);
    }
    return this.complaints;
  }
}

/** What is wrong with the events of a life: each call has one end, each term one begin and one end. */
export function checkEvents(events: readonly HostEvent[]): readonly string[] {
  const wrong: string[] = [];
  const open = new Map<string, number>();
  const leading = new Map<string, number>();
  const failed = new Set<string>();
  let stopped = false;
  for (const event of events) {
    if (event.type === "serviceFaulted") failed.add(event.service);
    if (event.type === "leaderElected" || event.type === "serviceRestarting") {
      if (failed.has(event.service)) wrong.push(`${event.service} goes on after it has failed`);
    }
    stopped ||= event.type === "hostStopped";
    if (event.type === "serviceBegan") {
      // What answers late after the end is given back, and nobody's time limits that.
      if (stopped && event.phase === "waitUntil") continue;
      const key = `${event.service} ${event.phase}`;
      open.set(key, (open.get(key) ?? 0) + 1);
    } else if (/^service(Done|Failed|Abandoned)$/.test(event.type)) {
      const { service, phase } = event as { service: string; phase: string };
      if (stopped && phase === "waitUntil") continue;
      open.set(`${service} ${phase}`, (open.get(`${service} ${phase}`) ?? 0) - 1);
    } else if (event.type === "leaderElected") {
      const last = leading.get(event.service);
      if (last !== undefined) wrong.push(`${event.service} leads twice`);
      leading.set(event.service, event.token);
    } else if (event.type === "leaderLost") {
      if (leading.get(event.service) !== event.token) wrong.push("a term lost that was not held");
      leading.delete(event.service);
    }
  }
  for (const [key, count] of open) if (count) wrong.push(`${key}: ${count} calls without an end`);
  return wrong;
}
