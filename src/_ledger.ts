import { answers } from "./_abort.ts";
import type { Call, CallObserver, Rejection } from "./_calls.ts";
import type { Journal } from "./_journal.ts";
import type { Broadcast } from "./_latch.ts";
import { Member } from "./_member.ts";
import type { Phase } from "./events.ts";

/** What a start means to the host. */
export interface StartObserver {
  /** `start` settled in time; `member.up` says how. */
  started(member: Member, now: number): void;
  /** `start` fulfilled after it was given up. */
  startedLate(member: Member): void;
}

/** Notes what every call means for its member, and tells the journal. */
export class Ledger implements CallObserver {
  readonly #journal: Journal;
  readonly #cancel: Broadcast;
  readonly #observer: StartObserver;

  constructor(journal: Journal, cancel: Broadcast, observer: StartObserver) {
    this.#journal = journal;
    this.#cancel = cancel;
    this.#observer = observer;
  }

  began(call: Call): void {
    const { party, phase, begun } = call;
    if (phase === "execute") return; // it began long ago
    if (party instanceof Member) {
      if (phase === "start" || phase === "starting") party.enter("starting", begun);
      else if (phase === "stop" || phase === "stopping") party.enter("stopping", begun);
    }
    this.#journal.began(call);
  }

  ended(call: Call, now: number, rejection?: Rejection): boolean {
    const { party, phase } = call;
    if (phase === "execute") return false; // how, is noted elsewhere
    const failed = rejection !== undefined && !this.#isCancellation(call, rejection.error);
    if (failed) this.#journal.failed(call, now, rejection.error);
    else this.#journal.done(call, now);
    if (party instanceof Member) {
      if (rejection) {
        party.error = rejection.error;
        if (party.state !== "abandoned") party.enter(failed ? "failed" : "stopped", now);
      } else if (phase === "start") {
        party.up = true;
        party.enter("started", now);
      } else if (phase === "stop") {
        party.enter("stopped", now);
      }
      if (phase === "start") this.#observer.started(party, now);
    }
    return failed;
  }

  abandoned(call: Call, now: number, error: unknown): void {
    const { party, phase } = call;
    if (party instanceof Member) {
      party.error = error;
      party.enter("abandoned", now);
      if (phase === "stop") party.abortWork(); // it may not have come to that
    }
    if (phase !== "execute") this.#journal.abandoned(call, now, error);
  }

  late(call: Call, now: number, rejection?: Rejection): void {
    const { party, phase } = call;
    if (phase === "execute") return;
    this.#journal.late(call, now, rejection);
    if (party instanceof Member && phase === "start" && !rejection) {
      this.#observer.startedLate(party);
    }
  }

  /** Only a hook of the start may answer to a cancellation, and only of the start. */
  #isCancellation({ party, phase }: Call, error: unknown): boolean {
    const { shared } = this.#cancel;
    if (!shared.fired || !isStartPhase(phase)) return false;
    return party instanceof Member ? party.isCancellation(error) : answers(error, shared);
  }
}

function isStartPhase(phase: Phase): boolean {
  return phase === "waitForStart" || phase === "starting" || phase === "start" ||
    phase === "started";
}
