/**
 * Work from outside, handled with retries, limits and a graceful end: consumers over anything that
 * delivers, and a queue in memory.
 *
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { TaskQueue } from "@runhost/host/consumers";
 *
 * const queue = new TaskQueue("queue", { capacity: 100, concurrency: 4 });
 *
 * const host = createHost([queue]);
 * await host.start();
 * await queue.enqueue(async () => console.log("Hello, later"));
 * await host.stop(); // finishes what is queued
 * ```
 *
 * @module
 */

export { ChannelClosedError } from "../channels/channel_closed_error.ts";
export { type Consumer, consumer, type ConsumerDefinition, type IdleOptions } from "./consumer.ts";
export { Inbox, type InboxOptions } from "./inbox.ts";
export {
  type Input,
  InputError,
  type InputIssue,
  type InputResult,
  type StandardSchema,
} from "./input.ts";
export { json } from "./json.ts";
export type { BackoffOptions } from "../_time/backoff.ts";
export type { RetryOptions } from "./retry.ts";
export type { Delivery, ReceiveOptions, ReleaseOptions, Source } from "./source.ts";
export type { ConsumerDetails, ConsumerOptions, Item } from "./types.ts";
export {
  type Task,
  TaskQueue,
  type TaskQueueDetails,
  type TaskQueueOptions,
} from "./task_queue.ts";
