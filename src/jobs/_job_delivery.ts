import { AbortError, Latch } from "../_abort.ts";
import type { Delivery, ReleaseOptions } from "../consumers/source.ts";
import { Notebook } from "./_notebook.ts";
import { cut, renderError } from "../_log.ts";
import type { JobState } from "./job_record.ts";
import type { HeldJob, JobStorage, Settlement } from "./job_storage.ts";
import type { ServiceContext } from "../types.ts";

/** The most characters of an error that are stored. */
const mostError = 16_384;

/** What has become of an attempt, as whoever makes deliveries is told. */
export interface AttemptEnd {
  readonly delivery: JobDelivery;
  /** What the server wanted. */
  readonly settlement: Settlement;
  /** What the storage has made of that; `false` if the hold was lost. */
  readonly state: JobState | false;
  /** What the attempt failed with. */
  readonly error: unknown;
}

/** What a {@linkcode JobDelivery} needs of its server. */
export interface DeliveryOwner {
  readonly storage: JobStorage;
  readonly holdTimeout: number;
  readonly context: ServiceContext;
  /** How often a job is tried in all. */
  attemptsOf(job: HeldJob): number;
  /** Called when the storage is about to be told what has become of a delivery. */
  settling(delivery: JobDelivery): void;
  /** Called when a delivery has been settled, or its hold was found lost by that. */
  ended(end: AttemptEnd): void;
}

/** A job in the hands of this server, as a pump holds it: under a lease that the storage counts. */
export class JobDelivery implements Delivery<HeldJob> {
  readonly value: HeldJob;
  readonly attempt: number;
  readonly hold = "lease";
  readonly extendEvery: number;
  readonly heldSince: number;
  /** What the handler says of the job meanwhile. */
  readonly notebook: Notebook;
  /** Aborts when the job is to end. */
  readonly cancelled: Latch = new Latch();
  /** When the attempt began, by the host's clock; `undefined` before. */
  begunAt: number | undefined;
  /** What the attempt has come to, before it is told: that it succeeded, or what it failed with as it was cancelled. */
  outcome: Settlement = { state: "succeeded" };
  readonly #owner: DeliveryOwner;
  #error: unknown;

  /** @param askedAt When the storage was asked for it, by the host's clock: it counts from some moment after that. */
  constructor(job: HeldJob, askedAt: number, owner: DeliveryOwner) {
    this.value = job;
    this.attempt = job.attempt;
    this.extendEvery = owner.holdTimeout / 3;
    this.heldSince = askedAt;
    this.notebook = new Notebook(job, owner.storage, owner.context);
    this.#owner = owner;
  }

  /** Aborts the attempt, which ends as `cancelled` then. */
  cancel(): void {
    this.cancelled.abort(new AbortError(`Job "${this.value.id}" was cancelled`));
  }

  async extend(): Promise<boolean> {
    const [state] = await this.#owner.storage.extend([this.value], this.#owner.holdTimeout);
    if (state === "cancelRequested") this.cancel();
    return state !== "lost";
  }

  ack(): Promise<void> {
    return this.#settle(this.outcome);
  }

  async release({ delay, error }: ReleaseOptions): Promise<void> {
    if (error === undefined) return await this.#settle({ state: "enqueued" });
    // A failure at the end of the grace, or after a loss, is released whatever its number.
    if (this.attempt >= this.#owner.attemptsOf(this.value)) return await this.reject(error);
    this.#error = error;
    await this.#settle({ state: "scheduled", delay, error: errorText(error) });
  }

  async reject(error: unknown): Promise<void> {
    this.#error = error;
    await this.#settle({ state: "failed", error: errorText(error) });
  }

  async #settle(settlement: Settlement): Promise<void> {
    const { storage } = this.#owner;
    this.#owner.settling(this);
    await this.notebook.close();
    const state = await storage.settle(this.value, settlement);
    this.#owner.ended({ delivery: this, settlement, state, error: this.#error });
  }
}

/** An error as it is stored: with its stack and its causes, cut if need be. */
export function errorText(error: unknown): string {
  return cut(renderError(error), mostError);
}
