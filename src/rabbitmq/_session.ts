import { AbortError, link } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { deferred } from "../_deferred.ts";
import { Inbox } from "../consumers/inbox.ts";
import { startTimer } from "../_time/timer.ts";
import type {
  RabbitChannel,
  RabbitConfirmChannel,
  RabbitConnection,
  RabbitMessage,
} from "./client.ts";
import type { Delivery, ReceiveOptions } from "../consumers/source.ts";
import type { Clock } from "../types.ts";

/** Milliseconds that each call to the server may take. */
export const callLimit = 10_000;

/** Milliseconds that a goodbye may take: then the connection is left to itself. */
const goodbyeLimit = 2_000;

/** How a session is opened. */
export interface SessionOptions {
  readonly connect: () => PromiseLike<RabbitConnection>;
  /** Whether it publishes, and must know that the server has it. */
  readonly confirms: boolean;
  readonly clock: Clock;
}

/** Makes deliveries of messages, and is told when their session is over. */
export type Deliver = (message: RabbitMessage, lost: AbortSignal) => Delivery<Uint8Array>;

/** A connection with a channel, from its begin to its end: what is held by it is lost when it ends. */
export class Session {
  readonly channel: RabbitConfirmChannel;
  readonly #connection: RabbitConnection;
  readonly #clock: Clock;
  readonly #lost = new Set<AbortController>();
  #inbox: Inbox<Uint8Array> | undefined;
  #consuming: Promise<string> | undefined;
  #end: { readonly error: unknown } | undefined;

  constructor(connection: RabbitConnection, channel: RabbitChannel, clock: Clock) {
    this.#connection = connection;
    this.channel = channel as RabbitConfirmChannel;
    this.#clock = clock;
  }

  /** Opens one; fails with what is in its way, or when its time is over. */
  static async open(
    { connect, confirms, clock }: SessionOptions,
    signal: AbortSignal,
  ): Promise<Session> {
    const opened = (async () => {
      const connection = await connect();
      // An error of it that nobody listens to would end the process.
      connection.on("error", nothing);
      if (signal.aborted) void leave(connection, clock);
      const channel =
        await (confirms ? connection.createConfirmChannel() : connection.createChannel());
      const session = new Session(connection, channel, clock);
      const over = (error?: unknown): void =>
        session.over(error ?? new Error("The connection was closed"));
      connection.on("error", over as never);
      connection.on("close", over as never);
      channel.on("error", over as never);
      channel.on("close", (() => over(new Error("The channel was closed"))) as never);
      return session;
    })();
    try {
      return await within(opened, callLimit, clock, "RabbitMQ to open a connection", signal);
    } catch (error) {
      opened.then((late) => late.close(), nothing);
      throw error;
    }
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Begins to consume, if it does not yet, and waits for messages. */
  async receive(
    queue: string,
    deliver: Deliver,
    signal: AbortSignal,
    options: ReceiveOptions,
  ): Promise<readonly Delivery<Uint8Array>[]> {
    this.throwIfOver();
    const { max } = options;
    const inbox = this.#inbox ??= new Inbox<Uint8Array>({ capacity: max });
    this.#consuming ??= this.#consume(queue, deliver, inbox, max);
    await within(this.#consuming, callLimit, this.#clock, "RabbitMQ to subscribe", signal);
    return await inbox.receive(signal, options);
  }

  async #consume(
    queue: string,
    deliver: Deliver,
    inbox: Inbox<Uint8Array>,
    prefetch: number,
  ): Promise<string> {
    await this.channel.prefetch(prefetch);
    const { consumerTag } = await this.channel.consume(queue, (message) => {
      if (!message) {
        return this.over(
          new Error(`RabbitMQ has ended the subscription to "${queue}"`),
        );
      }
      const lost = new AbortController();
      this.#lost.add(lost);
      inbox.push(deliver(message, lost.signal));
    });
    return consumerTag;
  }

  /** A delivery is settled: it cannot be lost any more. */
  settled(lost: AbortSignal): void {
    for (const controller of this.#lost) {
      if (controller.signal === lost) this.#lost.delete(controller);
    }
  }

  /** It has ended, or whoever knows says so: what is held is held no longer. */
  over(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    for (const lost of this.#lost) {
      lost.abort(new AbortError("The connection to RabbitMQ is gone", error));
    }
    this.#lost.clear();
    this.#inbox?.fail(error);
    void leave(this.#connection, this.#clock);
  }

  throwIfOver(): void {
    if (this.#end) throw this.#end.error;
  }

  /** Takes nothing more: ends the subscription, and gives back what nobody holds yet. */
  async stopping(): Promise<void> {
    const consuming = this.#consuming;
    if (!consuming || this.isOver) return;
    const emptied = this.#inbox?.stopping(); // what comes from now on is given back as well
    try {
      const cancelled = consuming.then((tag) => this.channel.cancel(tag));
      await within(cancelled, callLimit, this.#clock, "RabbitMQ to end the subscription");
    } catch (error) {
      this.over(error);
    }
    await emptied;
  }

  /** Closes it: the channel first, or the server would not see what was acked last. */
  async close(): Promise<void> {
    if (this.isOver) return;
    this.#end = { error: new Error("The connection to RabbitMQ was closed") };
    await within(this.channel.close(), goodbyeLimit, this.#clock, "a channel to close").catch(
      nothing,
    );
    await leave(this.#connection, this.#clock);
  }
}

/** What is under a connection of `amqplib`. */
interface Underneath {
  readonly connection?: { readonly stream?: { destroy?(): void } };
}

/** Closes a connection; one whose server does not answer is destroyed, or it would hold the process. */
async function leave(connection: RabbitConnection, clock: Clock): Promise<void> {
  try {
    await within(connection.close(), goodbyeLimit, clock, "a connection to close");
  } catch {
    (connection as Underneath).connection?.stream?.destroy?.();
  }
}

/** What comes of a call, if it comes in time. */
export async function within<T>(
  call: PromiseLike<T>,
  ms: number,
  clock: Clock,
  what: string,
  signal?: AbortSignal,
): Promise<T> {
  const other = deferred<never>();
  const clear = startTimer(clock, ms, () => other.reject(new Error(`Waited ${ms} ms for ${what}`)));
  const unlink = link(signal, other.reject);
  try {
    return await Promise.race([call, other.promise]);
  } finally {
    clear();
    unlink();
  }
}
