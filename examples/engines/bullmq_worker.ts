/**
 * Shows a worker of BullMQ as a service: it is connected before the host has started, takes no more once that is to
 * stop, and finishes what it has. What the grace does not suffice for goes back into the queue.
 *
 *     npx tsx examples/engines/bullmq_worker.ts
 */
import process from "node:process";
import { backgroundService, delay, onAbort, runHost } from "@runhost/host/node";
import { type Job, WaitingError, Worker } from "bullmq";

const { REDIS_URL: url = "redis://localhost" } = process.env;
type Thumbnail = { readonly image: string };

async function handle({ data }: Job<Thumbnail>, signal: AbortSignal): Promise<void> {
  await delay(200, { signal }); // hard work
  console.log(`Made ${data.image}`);
}

let worker: Worker<Thumbnail>;

const thumbnails = backgroundService("thumbnails", {
  async start(signal) {
    worker = new Worker<Thumbnail>("thumbnails", attempt, {
      connection: { url },
      autorun: false,
      concurrency: 8,
      lockDuration: 10_000, // so long the jobs of a process that has died wait for another one,
      stalledInterval: 5_000, // and up to two of these
      maxStalledCount: 100, // by default a job that has lost two workers is given up
    });
    worker.on("error", ({ message }) => console.warn(`BullMQ: ${message}`));
    worker.on("failed", (job, error) => console.warn(`Job ${job?.id}: ${error.message}`));
    onAbort(signal, () => worker.close(true)); // the start has taken too long
    await worker.waitUntilReady();
  },
  async execute(signal, { forced }) {
    onAbort(signal, () => worker.close()); // takes no more, and waits for what it has
    onAbort(forced, () => worker.cancelAllJobs("The grace is over"));
    await worker.run(); // if this fails the host stops
  },
  stop: () => worker.close(), // the end of that
});

async function attempt(job: Job<Thumbnail>, token?: string, signal?: AbortSignal): Promise<void> {
  try {
    await handle(job, signal!);
  } catch (error) {
    if (!signal!.aborted) throw error; // it has failed, and is tried again as its `attempts` say
    await job.moveToWait(token); // was interrupted, and comes again
    throw new WaitingError();
  }
}

await runHost([thumbnails]);
