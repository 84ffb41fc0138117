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
    onMessage: (message: RabbitMessage | null) => void,
  ): PromiseLike<{ readonly consumerTag: string }>;
  /** Ends a subscription. */
  cancel(consumerTag: string): PromiseLike<unknown>;
  /** The message is done. */
  ack(message: never): void;
  /** The message is not done: back into the queue, or to where that sends what was rejected. */
  nack(message: never, allUpTo?: boolean, requeue?: boolean): void;
  /** Closes it, once what was sent before has been. */
  close(): PromiseLike<unknown>;
  /** Tells of errors, and of its end. */
  on(event: string, listener: (error?: never) => void): unknown;
}

/** A channel that is told whether the server has what was sent. */
export interface RabbitConfirmChannel extends RabbitChannel {
  /** Sends, and calls back when the server has it, or could not take it. */
  sendToQueue(
    queue: string,
    content: never,
    options: object,
    callback: (error: unknown) => void,
  ): unknown;
}

/** What is used of a connection of `amqplib`. */
export interface RabbitConnection {
  /** Opens a channel. */
  createChannel(): PromiseLike<RabbitChannel>;
  /** Opens a channel that confirms. */
  createConfirmChannel(): PromiseLike<RabbitConfirmChannel>;
  /** Closes it, and all channels. */
  close(): PromiseLike<unknown>;
  /** Tells of errors, and of its end. */
  on(event: string, listener: (error?: never) => void): unknown;
}
