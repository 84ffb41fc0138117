import { check, checkNames, checkWhole, nothing } from "../../_check.ts";
import { backoff, type BackoffOptions, readBackoff } from "../../_time/backoff.ts";
import type { HostedService } from "../../types.ts";
import { type BatchOptions, handleBatch } from "./_batch.ts";
import type { LazyHost } from "./_lazy_host.ts";
import type { EventContext, PlatformEvent } from "./_platform_event.ts";

/** What is used of the context that Cloudflare gives its handlers. */
export interface ExecutionContext {
  /** Keeps the event alive until the promise has settled. */
  waitUntil(promise: Promise<unknown>): void;
  /** Lets the origin answer if the handler fails. */
  passThroughOnException(): void;
  /** What the caller's binding was configured with. */
  // deno-lint-ignore no-explicit-any -- as Cloudflare and Hono declare it
  readonly props?: any;
}

/** What is used of the controller of a scheduled event. */
export interface ScheduledController {
  /** The cron expression that fired, as the configuration has it. */
  readonly cron: string;
  /** When it was to fire, in milliseconds since 1970. */
  readonly scheduledTime: number;
}

/**
 * What is used of a message of a queue.
 *
 * @typeParam Body What was sent.
 */
export interface QueueMessage<Body = unknown> {
  /** Unique in its queue. */
  readonly id: string;
  /** When it was sent. */
  readonly timestamp: Date;
  /** What was sent. */
  readonly body: Body;
  /** Which delivery this is, 1 for the first. */
  readonly attempts: number;
  /** It is done, whatever becomes of the batch. */
  ack(): void;
  /** Deliver it again. */
  retry(options?: { delaySeconds?: number }): void;
}

/**
 * What is used of a batch of messages.
 *
 * @typeParam Body What was sent.
 */
export interface QueueBatch<Body = unknown> {
  /** The name of the queue. */
  readonly queue: string;
  /** What it delivers. */
  readonly messages: readonly QueueMessage<Body>[];
}

/** What a handler is given: the context of the event, and Cloudflare's own. */
export interface WorkerContext<Env = unknown> extends EventContext<Env> {
  /** As Cloudflare's. */
  readonly passThroughOnException: () => void;
  /** As Cloudflare's. */
  // deno-lint-ignore no-explicit-any -- as Cloudflare and Hono declare it
  readonly props: any;
  /** What Cloudflare gave, for what else it has. */
  readonly executionContext: ExecutionContext;
}

/**
 * What a cron expression calls. The event ends when it does, and fails if it does.
 *
 * @param signal Aborts before the platform ends the event.
 */
export type ScheduledJob<Env = unknown> = (
  signal: AbortSignal,
  context: WorkerContext<Env> & { readonly controller: ScheduledController },
) => unknown;

/**
 * How the messages of a queue are handled.
 *
 * @typeParam Env The bindings.
 * @typeParam Body What was sent.
 */
export interface QueueHandler<Env = unknown, Body = unknown>
  extends Pick<BatchOptions, "concurrency" | "timeout"> {
  /**
   * When a message whose handler failed is delivered again, in whole seconds. How often is the
   * queue's own `max_retries`.
   *
   * @default {as the queue is configured}
   */
  readonly retry?: BackoffOptions | undefined;

  /**
   * Does the work. The message is acked when it fulfils and retried when it rejects or throws, unless
   * it has called `ack` or `retry` itself: the first call counts.
   *
   * @param signal Aborts shortly before the platform ends the event, and after `timeout`.
   */
  handle(message: QueueMessage<Body>, signal: AbortSignal, context: WorkerContext<Env>): unknown;
}

/**
 * The handlers of a Worker.
 *
 * @typeParam Env The bindings.
 */
export interface WorkerHandlers<Env = unknown> {
  /** Answers a request: a function of your own, or the `fetch` of a Hono application. */
  fetch?(
    request: Request,
    env: Env,
    context: WorkerContext<Env>,
  ): Response | PromiseLike<Response>;

  /**
   * What to run at which cron expression, written as in the configuration: a function, or a service,
   * which is run in a host of its own until its work has ended.
   */
  readonly scheduled?: Readonly<Record<string, ScheduledJob<Env> | HostedService>> | undefined;

  /** How to handle the messages of which queue. */
  // deno-lint-ignore no-explicit-any -- each queue has a body of its own
  readonly queue?: Readonly<Record<string, QueueHandler<Env, any>>> | undefined;
}

/** Options of {@linkcode exportedHandler}. */
export interface ExportedHandlerOptions {
  /**
   * Milliseconds a request has for what goes on under `waitUntil`. The platform counts from the
   * answer, this from the begin of the request.
   *
   * @default {30000}
   */
  readonly fetchLimit?: number | undefined;

  /**
   * Milliseconds a scheduled event or a batch of messages has.
   *
   * @default {900000}
   */
  readonly eventLimit?: number | undefined;

  /**
   * A number from 0 up to, but not including, 1: the chance in the delays of messages that are delivered
   * again; injected by tests.
   *
   * @default {Math.random}
   */
  readonly random?: (() => number) | undefined;
}

/**
 * What a Worker exports by default.
 *
 * @typeParam Env The bindings.
 */
export interface ExportedHandler<Env = unknown> {
  /** Answers a request. */
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response>;
  /** Runs what its cron expression calls. */
  scheduled(controller: ScheduledController, env: Env, context: ExecutionContext): Promise<void>;
  /** Handles messages. */
  // deno-lint-ignore no-explicit-any -- each queue has a body of its own
  queue(batch: QueueBatch<any>, env: Env, context: ExecutionContext): Promise<void>;
}

/**
 * The default export of a Cloudflare Worker: handlers that run once the lazy host has started.
 *
 * An event for which there is no handler, or whose host does not start, fails: the platform logs it,
 * and delivers a batch again.
 *
 * @param host Started by the first event, whichever it is.
 * @throws {TypeError} If a handler or an option has the wrong type.
 *
 * @example A Worker with all three
 * ```ts
 * import { exportedHandler, hostedService, lazyHost } from "@runhost/host/workers";
 * import { equal } from "node:assert/strict";
 *
 * const settings = new Map<string, string>();
 * const host = lazyHost(() => [
 *   hostedService("settings", { start: () => settings.set("greeting", "Hello") }),
 * ]);
 *
 * const worker = exportedHandler(host, {
 *   fetch: () => new Response(settings.get("greeting")),
 *   scheduled: {
 *     "0 3 * * *": async (signal) => {
 *       for (let page = 0; page < 3 && !signal.aborted; page++) settings.set(`page ${page}`, "seen");
 *     },
 *   },
 *   queue: {
 *     mails: { concurrency: 5, handle: ({ body }) => settings.set("mail", body) },
 *   },
 * });
 * // export default worker;
 *
 * const context = { waitUntil() {}, passThroughOnException() {} };
 * const response = await worker.fetch(new Request("http://localhost"), {}, context);
 * equal(await response.text(), "Hello");
 * ```
 *
 * @typeParam Env The bindings.
 */
export function exportedHandler<Env = unknown>(
  host: LazyHost<Env>,
  handlers: WorkerHandlers<Env>,
  options: ExportedHandlerOptions = {},
): ExportedHandler<Env> {
  check("exportedHandler host", host, { handle: nothing });
  check("exportedHandler handlers", handlers, {});
  checkNames("exportedHandler handlers", handlers, ["fetch", "scheduled", "queue"]);
  const { fetch, scheduled = {}, queue = {} } = handlers;
  if (fetch !== undefined) check("fetch", fetch, nothing);
  check("scheduled", scheduled, {});
  check("queue", queue, {});
  check("exportedHandler options", options, {});
  checkNames("exportedHandler options", options, ["fetchLimit", "eventLimit", "random"]);
  const { fetchLimit = 30_000, eventLimit = 900_000, random = Math.random } = options;
  check("exportedHandler options.random", random, nothing);
  check("exportedHandler options", { fetchLimit, eventLimit }, { fetchLimit: 0, eventLimit: 0 });
  for (const [cron, job] of Object.entries(scheduled)) {
    if (typeof job !== "function") check(`scheduled["${cron}"]`, job, { start: nothing });
  }
  const retries = new Map(
    Object.entries(queue).map(([name, consumer]) => {
      const label = `queue["${name}"]`;
      check(label, consumer, { handle: nothing });
      checkNames(label, consumer, ["handle", "concurrency", "timeout", "retry"]);
      const { concurrency = 1, timeout = Infinity, retry } = consumer;
      checkWhole(`${label}.concurrency`, concurrency, 1);
      check(`${label}.timeout`, timeout, 0);
      return [name, retry && readBackoff(retry, `${label}.retry`, 60_000)];
    }),
  );

  const handle = <T>(
    event: Pick<PlatformEvent<Env>, "env" | "limit" | "background">,
    executionContext: ExecutionContext,
    action: (context: WorkerContext<Env>) => T | PromiseLike<T>,
  ): Promise<T> => {
    const waitUntil = (promise: Promise<unknown>): void => executionContext.waitUntil(promise);
    return host.handle({ ...event, waitUntil }, (context) =>
      action({
        ...context,
        executionContext,
        props: executionContext.props,
        passThroughOnException: () => executionContext.passThroughOnException(),
      }));
  };

  return {
    fetch: (request, env, executionContext) =>
      handle({ env, limit: fetchLimit }, executionContext, (context) => {
        if (!handlers.fetch) throw new Error("Cannot answer a request: there is no fetch");
        return handlers.fetch(request, env, context);
      }),

    scheduled: (controller, env, executionContext) =>
      handle({ env, limit: eventLimit }, executionContext, async (context) => {
        const job = scheduled[controller.cron];
        if (!job) {
          throw new Error(`Cannot run cron "${controller.cron}": scheduled has no such key`);
        }
        if (typeof job !== "function") await context.run([job]);
        else await job(context.signal, { ...context, controller });
      }),

    // Cloudflare acks nothing as long as something runs under `waitUntil`: no slice begins here.
    // (Workaround: workers-ack)
    queue: (batch, env, executionContext) =>
      handle({ env, limit: eventLimit, background: false }, executionContext, async (context) => {
        const consumer = queue[batch.queue];
        if (!consumer) {
          throw new Error(`Cannot handle queue "${batch.queue}": queue has no such key`);
        }
        const { concurrency, timeout } = consumer;
        const retry = retries.get(batch.queue);
        const failures = await handleBatch(batch.messages, async (message, signal) => {
          await consumer.handle(message, signal, context);
          message.ack();
        }, { ...context, concurrency, timeout });
        for (const { item, error } of failures) {
          const interrupted = error === context.signal.reason;
          if (!retry || interrupted) item.retry();
          else item.retry({ delaySeconds: seconds(backoff(retry, item.attempts, random)) });
        }
      }),
  };
}

/** Platforms count in whole seconds. */
function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
