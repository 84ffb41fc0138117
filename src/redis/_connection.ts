import { nothing } from "../_check.ts";
import { within } from "../_time/within.ts";
import { type Send, sender } from "./_send.ts";
import type { RedisClient } from "./client.ts";
import type { Clock } from "../types.ts";

/** A connection of one's own beside a client's, to wait on. */
export class Connection {
  readonly send: Send;
  readonly #client: RedisClient;
  /** What the server calls it, each time it is connected. */
  #id: Promise<unknown> | undefined;
  #trouble: unknown;

  constructor(client: RedisClient, clock: Clock) {
    const own = this.#client = client.duplicate();
    this.send = sender(own, clock);
    // An error of it that nobody listens to would end the process.
    own.on("error", (error) => (this.#trouble = error));
    own.on("ready", () => {
      this.#id = this.send(["CLIENT", "ID"]);
      this.#id.catch(nothing);
    });
  }

  /** Waits until it is up; fails with what is in its way. */
  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const own = this.#client;
    try {
      const opened = "call" in own ? undefined : own.connect(); // the other one does so by itself
      await within(Promise.all([opened, this.send(["PING"])]), { signal });
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#trouble ?? error;
    }
  }

  /** The number by which the server knows it now. */
  get id(): Promise<unknown> {
    return this.#id ?? Promise.reject(new Error("It was never connected"));
  }

  close(): void {
    const own = this.#client;
    try {
      if ("call" in own) own.disconnect();
      else own.destroy();
    } catch { // it was not open
    }
  }
}
