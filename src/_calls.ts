import { startTimer, type Timer } from "./_timer.ts";
import { ForcedStopError, ServiceTimeoutError, type UnsettledHook } from "./errors.ts";
import type { Phase } from "./events.ts";
import type { Clock } from "./types.ts";

/** Something with hooks: a member of the host, or its host lifetime. */
export interface Party {
  readonly name: string;
  /** Milliseconds each of its stop hooks may take before its grace is over. */
  readonly stopTimeout: number;
  /** Whether its grace is over. */
  readonly hurried: boolean;
  /** Ends its grace. */
  hurry(): void;
  /** Calls a hook; throws or returns what the hook does. */
  invoke(phase: Phase): unknown;
  /** What is to be called when a hook has settled, before the next one's turn. */
  sequel(phase: Phase): Phase | undefined;
}

/** One call of one hook, from its begin to its one end. */
export interface Call {
  readonly party: Party;
  readonly phase: Phase;
  /** When it was made. */
  readonly begun: number;
  /** Which one it was. */
  readonly order: number;
  /** Whether it has not ended. */
  open: boolean;
  /** Lets the line go on; cleared once it has. */
  goOn: (() => void) | undefined;
  /** Ends its grace, its turn in the line, or its life, whichever is next. */
  timer: Timer | undefined;
  /** Whether its last limits run. */
  limited: boolean;
  /** Whether it was pending when its grace ended. */
  overdue: boolean;
  /** The error that says it did not settle in time. */
  timeout: ServiceTimeoutError | undefined;
}

/** How a hook rejected. */
export interface Rejection {
  readonly error: unknown;
}

/** Learns of every call, synchronously. */
export interface CallObserver {
  began(call: Call): void;
  /** It settled. Returns whether that is a failure. */
  ended(call: Call, now: number, rejection?: Rejection): boolean;
  /** It outlived its limits. */
  abandoned(call: Call, now: number, error: unknown): void;
  /** It settled after that. */
  late(call: Call, now: number, rejection?: Rejection): void;
}

/** How long calls are waited for. */
export interface Limits {
  /** Whether a party's own `stopTimeout` counts. */
  readonly stopTimeouts: boolean;
  /** Milliseconds after the grace in which the line waits for a call. */
  readonly inLine: number;
  /** Milliseconds after the grace before a call is abandoned. */
  readonly inAll: number;
}

/**
 * Calls hooks in order and waits for each, but not for ever.
 *
 * Nothing limits a call until its grace is over. Then the line waits for it a little longer and
 * goes on without it, and a little later it is abandoned: a hung service costs no other its turn.
 */
export class Calls {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #observer: CallObserver;
  /** The one the line waits for, and those that run beside it. */
  #current: Call | undefined;
  readonly #beside: Set<Call> = new Set();
  readonly #failures: { readonly call: Call; readonly error: unknown }[] = [];
  #order = 0;
  /** The end of the call before, which is the begin of the next: clocks are slow. */
  #now: number | undefined;
  #hurried = false;
  #cut = false;
  #cutting: Timer | undefined;
  #forcing: Timer | undefined;
  #closed = false;
  #whenEmpty: (() => void) | undefined;

  constructor(clock: Clock, limits: Limits, observer: CallObserver) {
    this.#clock = clock;
    this.#limits = limits;
    this.#observer = observer;
  }

  /** What failed and what was abandoned, in the order of the calls. */
  failures(counts: (phase: Phase) => boolean = () => true): unknown[] {
    return this.#failures
      .filter(({ call }) => counts(call.phase))
      .sort((a, b) => a.call.order - b.call.order)
      .map(({ error }) => error);
  }

  get failed(): boolean {
    return this.#failures.length > 0;
  }

  /** The calls that have not ended. */
  get open(): Call[] {
    return this.#current ? [...this.#beside, this.#current] : [...this.#beside];
  }

  /**
   * Calls `phase` of each party, one after the other or all before waiting for any, and resolves
   * when the line may go on. `halted` is asked before each call.
   */
  inOrder(
    phase: Phase,
    parties: readonly Party[],
    concurrently = false,
    halted: () => boolean = () => false,
  ): Promise<void> {
    return new Promise((resolve) => {
      const line: Line = { phase, parties, halted, resolve, next: 0 };
      if (concurrently) this.#abreast(line);
      else this.#walk(line);
    });
  }

  /** Calls one hook out of turn. */
  call(phase: Phase, party: Party): void {
    this.#call(phase, party);
    this.#now = undefined;
  }

  /** Resolves when every call has ended. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
      this.#checkEmpty();
    });
  }

  /** The grace is over for everybody: what is pending gets its last limits. */
  hurry(): void {
    this.#hurried = true; // also for the hook that asks for it
    for (const call of this.open) this.#outlivedGrace(call);
  }

  /** Waits for nobody any more: the rest is called at once, a macrotask later all is abandoned. */
  cut(): void {
    this.#cut = true;
    this.#abandonOpen();
    for (const call of this.open) this.#release(call);
  }

  /** Abandons what is pending now, unless it settles within a macrotask. */
  force(reason: unknown): void {
    const next = this.#order; // what is called from now on gets its turn
    this.#forcing?.clear();
    this.#forcing = startTimer(this.#clock, 0, () => {
      const hung = this.open.filter((call) => call.order < next);
      if (!hung[0]) return;
      const unsettled = hung.map((call) => this.unsettled(call));
      const error = new ForcedStopError(unsettled, { cause: reason });
      this.#failures.push({ call: hung[0], error });
      for (const call of hung) this.#abandon(call, error);
    });
  }

  /** What still runs, and since when. */
  unsettled(call: Call): UnsettledHook {
    const elapsed = Math.round(this.#clock.now() - call.begun);
    return { service: call.party.name, phase: call.phase, elapsed };
  }

  /** Says that `call` is late without giving it up. */
  timedOut(call: Call): ServiceTimeoutError {
    return call.timeout ??= new ServiceTimeoutError(this.unsettled(call));
  }

  /** No timer is set from now on. */
  close(): void {
    this.#closed = true;
    this.#cutting?.clear();
    this.#forcing?.clear();
  }

  /** Whoever walks the line waits for each call, unless that is released: then another goes on. */
  async #walk(line: Line): Promise<void> {
    const walkOn = (): void => void this.#walk(line);
    while (line.next < line.parties.length && !line.halted()) {
      const party = line.parties[line.next++] as Party;
      let phase: Phase | undefined = line.phase;
      while (phase) {
        const call = this.#begin(phase, party);
        const result = this.#invoke(call);
        if (result && this.#cut) {
          this.#follow(call, result);
          break;
        }
        if (result) {
          call.goOn = walkOn;
          this.#current = call;
          try {
            await result;
            this.#end(call);
          } catch (error) {
            this.#end(call, { error });
          }
          if (!call.goOn) return this.#callSequel(call);
        }
        phase = party.sequel(phase);
      }
    }
    this.#now = undefined;
    line.resolve();
  }

  #abreast(line: Line): void {
    let waiting = 1; // for the loop to get through
    const arrive = (): void => {
      if (--waiting === 0) line.resolve();
    };
    for (const party of line.parties) {
      if (line.halted()) break;
      waiting++;
      this.#call(line.phase, party, arrive);
    }
    this.#now = undefined;
    arrive();
  }

  /** Calls one hook and waits for it beside the line, whoever lets that go on. */
  #call(phase: Phase, party: Party, goOn?: () => void): void {
    const call = this.#begin(phase, party);
    const result = this.#invoke(call);
    call.goOn = goOn;
    if (result) this.#follow(call, result);
    if (!result) this.#callSequel(call);
    else if (this.#cut) this.#release(call);
  }

  async #follow(call: Call, result: PromiseLike<unknown>): Promise<void> {
    this.#beside.add(call);
    try {
      await result;
      this.#end(call);
    } catch (error) {
      this.#end(call, { error });
    }
    this.#callSequel(call);
  }

  #callSequel(call: Call): void {
    const { goOn, party } = call;
    const phase = party.sequel(call.phase);
    call.goOn = undefined;
    if (phase) this.#call(phase, party, goOn);
    else goOn?.();
    this.#now = undefined;
  }

  #begin(phase: Phase, party: Party): Call {
    const call: Call = {
      party,
      phase,
      begun: this.#now ?? this.#clock.now(),
      order: this.#order++,
      open: true,
      goOn: undefined,
      timer: undefined,
      limited: false,
      overdue: false,
      timeout: undefined,
    };
    this.#now = undefined;
    this.#observer.began(call);
    return call;
  }

  /** Returns what is to be waited for; `undefined` if the call has ended. */
  #invoke(call: Call): PromiseLike<unknown> | undefined {
    const { party, phase } = call;
    let result: PromiseLike<unknown> | undefined;
    try {
      result = party.invoke(phase) as PromiseLike<unknown> | undefined;
      if (typeof result?.then !== "function") {
        this.#end(call);
        return undefined;
      }
    } catch (error) {
      this.#end(call, { error });
      return undefined;
    }
    if (this.#cut) {
      this.#abandonOpen();
    } else if (this.#hurried || party.hurried) {
      this.#limit(call);
    } else if (this.#limits.stopTimeouts && party.stopTimeout !== Infinity && !this.#closed) {
      call.timer = startTimer(this.#clock, party.stopTimeout, () => {
        party.hurry();
        this.#outlivedGrace(call);
      });
    }
    return result;
  }

  #end(call: Call, rejection?: Rejection): void {
    const now = this.#now = this.#clock.now();
    if (!call.open) {
      this.#observer.late(call, now, rejection);
      return;
    }
    this.#close(call);
    if (this.#observer.ended(call, now, rejection)) {
      this.#failures.push({ call, error: (rejection as Rejection).error });
    }
    this.#checkEmpty();
  }

  #outlivedGrace(call: Call): void {
    if (call.limited) return;
    call.timer?.clear();
    call.overdue = true;
    this.#limit(call);
  }

  #limit(call: Call): void {
    call.limited = true;
    if (this.#closed) return;
    const { inLine, inAll } = this.#limits;
    const abandon = (): void => this.#giveUp(call);
    call.timer = startTimer(this.#clock, inLine, () => {
      if (inLine === inAll) return abandon();
      call.timer = startTimer(this.#clock, inAll - inLine, abandon);
      this.#release(call);
    });
  }

  #abandonOpen(): void {
    if (this.#closed) return;
    this.#cutting ??= startTimer(this.#clock, 0, () => {
      this.#cutting = undefined;
      for (const call of this.open) this.#giveUp(call);
    });
  }

  #giveUp(call: Call): void {
    const error = this.timedOut(call);
    this.#failures.push({ call, error });
    this.#abandon(call, error);
  }

  #abandon(call: Call, error: unknown): void {
    this.#close(call);
    this.#observer.abandoned(call, this.#clock.now(), error);
    this.#release(call);
    this.#checkEmpty();
  }

  #close(call: Call): void {
    call.open = false;
    call.timer?.clear();
    if (call === this.#current) this.#current = undefined;
    else this.#beside.delete(call);
  }

  #checkEmpty(): void {
    if (!this.#current && !this.#beside.size) this.#whenEmpty?.();
  }

  /** The line goes on, if it waits for this call. */
  #release(call: Call): void {
    const { goOn } = call;
    call.goOn = undefined;
    if (call === this.#current) {
      this.#current = undefined;
      this.#beside.add(call);
    }
    goOn?.();
  }
}

/** Hooks of one phase, and how far one has come. */
interface Line {
  readonly phase: Phase;
  readonly parties: readonly Party[];
  readonly halted: () => boolean;
  readonly resolve: () => void;
  next: number;
}
