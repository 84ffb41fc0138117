import { Rest } from "../_time/rest.ts";
import { report } from "../consumers/_report.ts";
import type { Delivery, ReceiveOptions, Source } from "../consumers/source.ts";
import { JobDelivery } from "./_job_delivery.ts";
import type { DeliveryOwner } from "./_job_delivery.ts";
import type { HeldJob } from "./job_storage.ts";

/** Milliseconds after which a queue is looked at in any case: a storage may miss a wake. */
const longestRest = 5_000;

/** What a {@linkcode QueueSource} needs of its server. */
export interface QueueOwner extends DeliveryOwner {
  /** The server's id. */
  readonly id: string;
  /** The names of all jobs that it knows. */
  readonly names: readonly string[];
  /** Takes note of a job that was taken. */
  taken(delivery: JobDelivery): void;
}

/** One queue of a storage, as what a pump takes from. */
export class QueueSource implements Source<HeldJob> {
  /** What is released with a delay is `scheduled` in the storage. */
  readonly delays = true;
  readonly pollInterval = 0;
  readonly #queue: string;
  readonly #owner: () => QueueOwner;
  readonly #rest: Rest = new Rest();

  /** @param owner Gives that of the run. */
  constructor(queue: string, owner: () => QueueOwner) {
    this.#queue = queue;
    this.#owner = owner;
  }

  /** Something may be new, in one queue or in any. */
  woken(queue: string | undefined): void {
    if (queue === undefined || queue === this.#queue) this.#rest.wake();
  }

  async receive(
    signal: AbortSignal,
    { max }: ReceiveOptions,
  ): Promise<readonly Delivery<HeldJob>[]> {
    const owner = this.#owner();
    const { storage, id: server, names, holdTimeout, context } = owner;
    while (true) {
      signal.throwIfAborted();
      this.#rest.begin();
      const askedAt = context.clock.now();
      const { jobs, dueIn = Infinity } = await storage.take({
        queue: this.#queue,
        names,
        max,
        server,
        holdTimeout,
      });
      if (jobs.length > 0) {
        const late = Math.round(context.clock.now() - askedAt);
        if (late >= holdTimeout) {
          const what =
            `was told what it has taken ${late} ms after it had asked for jobs of queue "${this.#queue}", ` +
            `when its hold was over, and gives it back: ${jobs.length}`;
          report(context, "warn", what);
        }
        return jobs.map((job) => {
          const delivery = new JobDelivery(job, askedAt, owner);
          owner.taken(delivery);
          return delivery;
        });
      }
      await this.#rest.wait(Math.min(Math.ceil(dueIn), longestRest), context.clock, signal);
    }
  }
}
