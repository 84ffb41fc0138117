import { List } from "../channels/_list.ts";
import type { Held } from "./_held_delivery.ts";
import type { ConsumerDetails } from "./types.ts";

/** What has become of a delivery: each that was taken has one of these in the end. */
export type Outcome = "done" | "unacked" | "released" | "deadLettered";

/** What a pump holds, and how much of what has happened. */
export class Ledger<T> {
  readonly counts: Record<Exclude<keyof ConsumerDetails, "active">, number> = {
    received: 0,
    done: 0,
    unacked: 0,
    failed: 0,
    retried: 0,
    released: 0,
    deadLettered: 0,
    receiveErrors: 0,
    settleErrors: 0,
  };
  readonly #held: List<Held<T>> = new List();
  #active = 0;

  /** How many deliveries are held. */
  get active(): number {
    return this.#active;
  }

  get details(): ConsumerDetails {
    return { ...this.counts, active: this.#active };
  }

  /** Enters a delivery that was taken. */
  enter(held: Held<T>): void {
    this.counts.received++;
    this.#active++;
    this.#held.add(held);
  }

  /** Strikes out a delivery that was settled. */
  strike(held: Held<T>, outcome: Outcome): void {
    this.counts[outcome]++;
    this.#active--;
    this.#held.remove(held);
  }

  /** All that is held now, oldest first. */
  held(): Held<T>[] {
    const all: Held<T>[] = [];
    for (let held = this.#held.first; held; held = held.next) all.push(held);
    return all;
  }
}
