import { AbortError } from "../_abort.ts";
import { nothing } from "../_check.ts";
import { deferred } from "../_deferred.ts";
import { Inbox } from "../consumers/inbox.ts";
import { within } from "../_time/within.ts";
import type {
  RabbitChannel,
  RabbitConfirmChannel,
  RabbitConnection,
  RabbitMessage,
} from "./client.ts";
import type { Delivery, ReceiveOptions } from "../consumers/source.ts";
import type { Clock } from "../types.ts";

/** Milliseconds that a call to the server may take. */
const callLimit = 10_000;

/** Milliseconds that a goodbye may take: then the connection is left to itself. */
const goodbyeLimit = 2_000;

/** How a session is opened. */
export interface SessionOptions {
  readonly connect: () => PromiseLike<RabbitConnection>;
  /** Whether it publishes, and must know that the server has it. */
  readonly confirms: boolean;
  readonly clock: Clock;
}

/** Makes a delivery of a message; `lost` aborts when the session is over before that is settled. */
export type Deliver = (message: RabbitMessage, lost: AbortSignal) => Delivery<Uint8Array>;

/** A connection with a channel, from its begin to its end: what is held by it is lost when it ends. */
export class Session {
  readonly connection: RabbitConnection;
  readonly channel: RabbitConfirmChannel;
  readonly #clock: Clock;
  /** Of the deliveries that are not settled. */
  readonly #lost = new Map<AbortSignal, AbortController>();
  #inbox: Inbox<Uint8Array> | undefined;
  #consuming: Promise<string> | undefined;
  /** The last message that was sent, and whether the server has given it back. */
  #sent: Promise<unknown> = Promise.resolve();
  #returned = false;
  #end: { readonly error: unknown } | undefined;

  constructor(connection: RabbitConnection, channel: RabbitChannel, clock: Clock) {
    this.connection = connection;
    this.channel = channel as RabbitConfirmChannel;
    this.#clock = clock;
    const over = (error?: unknown): void =>
      this.over(error ?? new Error("The connection was closed"));
    connection.on("error", over as never);
    connection.on("close", over as never);
    channel.on("error", over as never);
    channel.on("close", (() => over(new Error("The channel was closed"))) as never);
    channel.on("return", () => (this.#returned = true));
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
      try {
        const channel =
          await (confirms ? connection.createConfirmChannel() : connection.createChannel());
        return new Session(connection, channel, clock);
      } catch (error) {
        void leave(connection, clock);
        throw error;
      }
    })();
    try {
      return await answer(opened, clock, "RabbitMQ to open a connection", signal);
    } catch (error) {
      opened.then((late) => late.close(), nothing);
      throw error;
    }
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** What comes of a call to the server, if it comes in time. */
  answer<T>(call: PromiseLike<T>, what: string, signal?: AbortSignal): Promise<T> {
    return answer(call, this.#clock, what, signal);
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
    await this.answer(this.#consuming, "RabbitMQ to subscribe", signal);
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
        return this.over(new Error(`RabbitMQ has ended the subscription to "${queue}"`));
      }
      const lost = new AbortController();
      this.#lost.set(lost.signal, lost);
      inbox.push(deliver(message, lost.signal));
    });
    return consumerTag;
  }

  /** A delivery is settled: it cannot be lost any more. */
  settled(lost: AbortSignal): void {
    this.#lost.delete(lost);
  }

  /**
   * Sends a message to a queue; resolves when the server has it there. One after the other, since a server
   * that gives a message back, and confirms it all the same, does not say which one it was.
   */
  send(queue: string, content: Uint8Array, options: object): Promise<void> {
    const sent = this.#sent.then(() => this.#send(queue, content, options));
    this.#sent = sent.catch(nothing);
    return sent;
  }

  async #send(queue: string, content: Uint8Array, options: object): Promise<void> {
    this.throwIfOver();
    this.#returned = false;
    const confirmed = deferred();
    this.channel.sendToQueue(
      queue,
      content as never,
      { ...options, persistent: true, mandatory: true },
      (failure) => failure ? confirmed.reject(failure) : confirmed.resolve(),
    );
    await this.answer(confirmed.promise, `RabbitMQ to take a message into "${queue}"`);
    if (this.#returned) throw new Error(`NOT_FOUND: there is no queue "${queue}" any more`);
  }

  /** It has ended, or whoever knows says so: what is held is held no longer. */
  over(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    for (const lost of this.#lost.values()) {
      lost.abort(new AbortError("The connection to RabbitMQ is gone", error));
    }
    this.#lost.clear();
    this.#inbox?.fail(error);
    void leave(this.connection, this.#clock);
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
      await this.answer(cancelled, "RabbitMQ to end the subscription");
    } catch (error) {
      this.over(error);
    }
    await emptied;
  }

  /** Closes it: the channel first, or the server would not see what was acked last. */
  async close(): Promise<void> {
    if (this.isOver) return;
    this.#end = { error: new Error("The connection to RabbitMQ was closed") };
    await goodbye(this.channel.close(), this.#clock).catch(nothing);
    await leave(this.connection, this.#clock);
  }
}

/** What is under a connection of `amqplib`. */
interface Underneath {
  readonly connection?: { readonly stream?: { destroy?(): void } };
}

/** Closes a connection; one whose server does not answer is destroyed, or it would hold the process. */
async function leave(connection: RabbitConnection, clock: Clock): Promise<void> {
  try {
    await goodbye(connection.close(), clock);
  } catch {
    (connection as Underneath).connection?.stream?.destroy?.();
  }
}

function answer<T>(
  call: PromiseLike<T>,
  clock: Clock,
  what: string,
  signal?: AbortSignal,
): Promise<T> {
  const message = `Waited ${callLimit} ms for ${what}`;
  return within(call, { limit: { clock, ms: callLimit, message }, signal });
}

function goodbye<T>(call: PromiseLike<T>, clock: Clock): Promise<T> {
  const message = "The server did not answer a goodbye";
  return within(call, { limit: { clock, ms: goodbyeLimit, message } });
}
