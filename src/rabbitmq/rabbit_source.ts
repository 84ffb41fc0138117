import { check, checkNames, nothing } from "../_check.ts";
import { log, textOf } from "../_log.ts";
import { Session } from "./_session.ts";
import { isWithoutDeadLetters } from "./_dead_letters.ts";
import type { RabbitConnection, RabbitMessage } from "./client.ts";
import type { Delivery, ReceiveOptions, ReleaseOptions, Source } from "../consumers/source.ts";
import type { ServiceContext } from "../types.ts";

/**
 * Options of {@linkcode rabbitSource}.
 *
 * @typeParam Connection What `connect` gives.
 */
export interface RabbitSourceOptions<Connection extends RabbitConnection = RabbitConnection> {
  /**
   * Connects: `() => amqp.connect(url)` of `amqplib`. Called for each connection, which is the source's own.
   * It needs no reconnection of its own.
   */
  readonly connect: () => PromiseLike<Connection>;
  /** The queue to consume. */
  readonly queue: string;
  /**
   * Declares what has to be there, on each connection before anything else: `assertQueue`, `bindQueue`.
   *
   * @param channel A channel of the connection, the source's own.
   */
  readonly setup?:
    | ((channel: Awaited<ReturnType<Connection["createChannel"]>>) => unknown)
    | undefined;
  /**
   * Where a message goes whose last attempt has failed: a queue that is there, in which it has the header
   * `x-error` besides its own, and is before it is acked. Without one it is rejected, and goes to the
   * dead-letter exchange of the queue; if that has none the start warns of it, unless this is `false`.
   */
  readonly deadLetter?: { readonly queue: string } | false | undefined;
}

/** A delivery of {@linkcode rabbitSource}. */
export interface RabbitDelivery extends Delivery<Uint8Array> {
  /** What `amqplib` gave. */
  readonly message: RabbitMessage;
}

class RabbitSource implements Source<Uint8Array> {
  readonly pollInterval = 0;
  readonly #options: RabbitSourceOptions;
  #context!: ServiceContext;
  #session: Session | undefined;

  constructor(options: RabbitSourceOptions) {
    this.#options = options;
  }

  async start(signal: AbortSignal, context: ServiceContext): Promise<void> {
    this.#context = context;
    const session = await this.#open(signal);
    const { queue, deadLetter } = this.#options;
    if (deadLetter !== undefined) return;
    const isWithout = await isWithoutDeadLetters(session, queue, signal).catch(nothing);
    if (signal.aborted) {
      await session.close();
      throw signal.reason;
    }
    if (!isWithout) return;
    log(
      context.logger,
      "warn",
      `Service "${context.name}": queue "${queue}" has no dead-letter exchange: what fails for good is lost; ` +
        "give it one, or the source a deadLetter (false if a policy has it)",
    );
  }

  async receive(
    signal: AbortSignal,
    options: ReceiveOptions,
  ): Promise<readonly Delivery<Uint8Array>[]> {
    signal.throwIfAborted();
    if (!this.#session || this.#session.isOver) await this.#open(signal);
    const session = this.#session as Session;
    try {
      return await session.receive(
        this.#options.queue,
        (message, lost) => this.#deliver(session, message, lost),
        signal,
        options,
      );
    } catch (error) {
      signal.throwIfAborted();
      session.over(error);
      throw this.#explain(error);
    }
  }

  async stopping(): Promise<void> {
    await this.#session?.stopping();
  }

  async stop(): Promise<void> {
    await this.#session?.close();
    this.#session = undefined;
  }

  async health(signal: AbortSignal): Promise<void> {
    const session = this.#session;
    if (!session) throw new Error("It is not connected");
    session.throwIfOver();
    const checked = session.channel.checkQueue(this.#options.queue);
    await session.answer(checked, "RabbitMQ to answer", signal);
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const { connect, queue, setup, deadLetter } = this.#options;
    const { clock } = this.#context;
    let session: Session | undefined;
    try {
      session = await Session.open({ connect, confirms: !!deadLetter, clock }, signal);
      const { channel } = session;
      const prepared = (async () => {
        await setup?.(channel as never);
        await channel.checkQueue(queue);
        if (deadLetter) await channel.checkQueue(deadLetter.queue);
      })();
      await session.answer(prepared, "the queue to be there", signal);
      return this.#session = session;
    } catch (error) {
      void session?.close();
      if (signal.aborted) throw signal.reason;
      throw this.#explain(error);
    }
  }

  #deliver(session: Session, message: RabbitMessage, lost: AbortSignal): RabbitDelivery {
    const { deadLetter } = this.#options;
    const { channel } = session;
    const { headers = {} } = message.properties;
    const count = message.fields.redelivered ? headers["x-delivery-count"] : 0;
    const settle = (action: () => void): void => {
      session.throwIfOver();
      action();
      session.settled(lost);
    };
    return {
      message,
      value: message.content,
      // Only quorum queues count; that it is the first attempt is known of all.
      ...typeof count === "number" && { attempt: count + 1 },
      headers,
      lost,
      ack: () => settle(() => channel.ack(message as never)),
      release: (_options: ReleaseOptions) =>
        settle(() => channel.nack(message as never, false, true)),
      reject: async (error) => {
        if (deadLetter) await this.#move(session, deadLetter.queue, message, error);
        settle(() =>
          deadLetter ? channel.ack(message as never) : channel.nack(message as never, false, false)
        );
      },
    };
  }

  /**
   * Moves a message to the dead letters. Where that fails the connection is given up, with all that it
   * holds: else the message would keep its place, and nobody would ever settle it.
   */
  async #move(
    session: Session,
    queue: string,
    { content, properties }: RabbitMessage,
    error: unknown,
  ): Promise<void> {
    const headers = {
      ...properties.headers,
      "x-error": textOf(error),
      "x-queue": this.#options.queue,
    };
    try {
      await session.send(queue, content, { ...properties, headers });
    } catch (failure) {
      session.over(failure);
      throw this.#explain(failure);
    }
  }

  /** The same error for an operator: what to do. Never with a password. */
  #explain(cause: unknown): Error {
    const text = textOf(cause).replace(/\/\/[^@\s]*@/g, "//");
    const [, advice] = troubles.find(([pattern]) => pattern.test(text)) ?? [];
    const what = `Cannot consume queue "${this.#options.queue}" of RabbitMQ: ${text}`;
    return new Error(advice ? `${what}: ${advice}` : what, { cause });
  }
}

/** What an error means, and what to do. */
const troubles: readonly (readonly [RegExp, string])[] = [
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|Waited/,
    "is it running, and is the address right?",
  ],
  [
    /ACCESS.REFUSED|403/,
    "give it a user that may read this queue, and the right password and virtual host",
  ],
  [/NOT.FOUND|404/, "make the queue before, or declare it in setup"],
  [
    /PRECONDITION.FAILED|406/,
    "the queue is there with other arguments: declare it in the same way everywhere",
  ],
  [/RESOURCE.LOCKED|405/, "another connection has the queue for itself"],
  [
    /Expected amqp|Invalid protocol|ERR_INVALID_URL/i,
    "the address begins with amqp:// or amqps://",
  ],
];

/**
 * A source over a queue of RabbitMQ.
 *
 * It owns its connections: opens one in `start`, and another one when that has broken, and closes the channel
 * before the connection, so that no ack is lost on the way. As many messages are on their way to it as its
 * consumer has `concurrency`. What is held when a connection breaks is delivered again, and the handlers'
 * signals abort.
 *
 * A failed message is tried again in place, then goes to {@linkcode RabbitSourceOptions.deadLetter}, or where the
 * queue has its own sent. Quorum queues count deliveries, interrupted ones included: so
 * `Delivery.attempt` is known, and their `delivery-limit` should be well above the consumer's attempts.
 * Classic ones do not.
 *
 * @throws {TypeError} If an option is missing or has the wrong type.
 *
 * @example Orders, as JSON
 * ```ts ignore
 * import { runHost } from "@runhost/host/node";
 * import { consumer, json } from "@runhost/host/consumers";
 * import { rabbitSource } from "@runhost/host/rabbitmq";
 * import amqp from "amqplib";
 *
 * const source = rabbitSource({
 *   connect: () => amqp.connect("amqp://localhost"),
 *   queue: "orders",
 *   setup: (channel) => channel.assertQueue("orders", { arguments: { "x-queue-type": "quorum" } }),
 *   deadLetter: { queue: "orders.dead" },
 * });
 * await runHost([consumer("orders", { source, input: json(), concurrency: 8, handle: sendMail })]);
 * ```
 *
 * @typeParam Connection What `connect` gives.
 */
export function rabbitSource<Connection extends RabbitConnection>(
  options: RabbitSourceOptions<Connection>,
): Source<Uint8Array> {
  const label = "rabbitSource options";
  check(label, options, { connect: nothing, queue: "" });
  checkNames(label, options, ["connect", "queue", "setup", "deadLetter"]);
  const { setup = nothing, deadLetter = false } = options;
  check(`${label}.setup`, setup, nothing);
  if (deadLetter !== false) check(`${label}.deadLetter`, deadLetter, { queue: "" });
  return new RabbitSource(options as RabbitSourceOptions<never>);
}
