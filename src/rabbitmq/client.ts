/** What is used of a message of `amqplib`. */
export interface RabbitMessage {
  /** Its body. */
  readonly content: Uint8Array;
  /** How it was delivered. */
  readonly fields: {
    /** Whether it, or an attempt at it, was delivered before. */
    readonly redelivered: boolean;
  };
  /** What its sender said of it. */
  readonly properties: { readonly headers?: Readonly<Record<string, unknown>> | undefined };
}

/** What is used of a channel of `amqplib`. */
export interface RabbitChannel {
  /** Fails, and closes the channel, if there is no such queue. */
  checkQueue(queue: string): PromiseLike<unknown>;
  /** Declares a queue; fails, and closes the channel, if there is another one of that name. */
  assertQueue(queue: string, options: object): PromiseLike<unknown>;
  /** How many messages may be on their way, and not settled. */
  prefetch(count: number): PromiseLike<unknown> | void;
  /** Subscribes; `null` says that the server has ended that. */
  consume(
    queue: string,
    onMessage: (message: never) => void,
  ): PromiseLike<{ readonly consumerTag: string }>;
  /** Ends a subscription. */
  cancel(consumerTag: string): PromiseLike<unknown>;
  ack(message: never): void;
  nack(message: never, allUpTo?: boolean, requeue?: boolean): void;
  /** Closes it, once what was sent before has been. */
  close(): PromiseLike<unknown>;
  on(event: string, listener: (error?: never) => void): unknown;
}

/** A channel that is told whether the server has what was sent. */
export interface RabbitConfirmChannel extends RabbitChannel {
  sendToQueue(
    queue: string,
    content: never,
    options: object,
    callback: (error: unknown) => void,
  ): unknown;
}

/** What is used of a connection of `amqplib`. */
export interface RabbitConnection {
  createChannel(): PromiseLike<RabbitChannel>;
  createConfirmChannel(): PromiseLike<RabbitConfirmChannel>;
  close(): PromiseLike<unknown>;
  on(event: string, listener: (error?: never) => void): unknown;
}
