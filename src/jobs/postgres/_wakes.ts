import { check, nothing, refuse } from "../../_check.ts";
import { globalClock, startTimer } from "../../_time/timer.ts";
import { within } from "../../_time/within.ts";
import { WakeListeners } from "../_wake_listeners.ts";

/** What is used of a `Client` of `pg`: one of its own, which is connected and ended here. */
export interface ListeningClient {
  /** Opens the connection; called once. */
  connect(): PromiseLike<unknown>;
  /** Runs `listen` on it. */
  query(text: string): PromiseLike<unknown>;
  /** Calls back with what others tell. */
  on(
    event: "notification",
    listener: (message: { readonly payload?: string | undefined }) => void,
  ): unknown;
  /** Calls back when the connection has failed, or is closed. */
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown;
  /** Closes it. */
  end(): PromiseLike<unknown>;
}

/** What listens by itself, and again after an interruption: a `PGlite`, or the function of `postgres`. */
export interface Listening {
  /** Calls back with what others tell; gives what ends it: a function, or an object with an `unlisten`. */
  listen(channel: string, callback: (payload: string) => void): PromiseLike<unknown>;
}

/** How a storage hears of what others have stored. */
export type Listen = Listening | (() => ListeningClient);

/** Milliseconds between two looks at the database where nobody tells what is new there. */
const lookEvery = 1_000;
/** Milliseconds after which a connection that has ended is made anew. */
const connectEvery = 1_000;
/** Milliseconds that its goodbye may take: then it is left to itself. */
const goodbyeLimit = 2_000;

/** Checks how others are heard. */
export function checkListen(label: string, listen: unknown): void {
  if (typeof listen === "function" && !("listen" in listen)) return;
  const { listen: method } = Object(listen) as { readonly listen?: unknown };
  if (typeof method === "function") return;
  refuse(label, "a function that makes a client, or an object that listens", listen);
}

/**
 * Who waits for something new: told by this process at once, by others through LISTEN while that works, and each second
 * where it does not.
 */
export class Wakes {
  readonly #listeners: WakeListeners = new WakeListeners();
  readonly #listen: Listen | undefined;
  readonly #channel: string;
  #clear: () => void = nothing;
  #end: () => Promise<unknown> = async () => {};
  #running = false;
  /** Whether others are heard now. */
  #hears = false;
  /** Which beginning this is: what was begun before has nothing to say. */
  #run = 0;

  constructor(listen: Listen | undefined, channel: string) {
    this.#listen = listen;
    this.#channel = channel;
  }

  /** Adds who is to be called back. */
  add(listener: (queue?: string) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Calls back: there may be something new in a queue, or in any. */
  tell(queue?: string): void {
    this.#listeners.tell(queue);
  }

  #told(payload: string | undefined): void {
    this.tell(payload === "" ? undefined : payload);
  }

  /** Begins to hear others. */
  begin(): void {
    this.#running = true;
    this.#run++;
    this.#look();
    if (this.#listen) this.#connect(this.#listen);
  }

  /** Ends that. */
  async end(): Promise<void> {
    this.#running = false;
    this.#hears = false;
    this.#clear();
    const end = this.#end;
    this.#end = async () => {};
    const message = "PostgreSQL did not answer a goodbye";
    await within(end(), { limit: { clock: globalClock, ms: goodbyeLimit, message } }).catch(
      nothing,
    );
  }

  /** Looks each second while nobody tells. */
  #look(): void {
    this.#clear = startTimer(globalClock, lookEvery, () => {
      if (!this.#running) return;
      if (!this.#hears) this.tell();
      this.#look();
    });
  }

  async #connect(listen: Listen): Promise<void> {
    const run = this.#run;
    const isOver = (): boolean => !this.#running || run !== this.#run;
    try {
      const end = typeof listen === "function" && !("listen" in listen)
        ? await this.#connectClient(listen)
        : await this.#connectListening(listen as Listening);
      if (isOver()) return void await end().catch(nothing);
      this.#end = end;
      this.#hears = true;
      this.tell(); // what was stored before is not told
    } catch {
      if (!isOver()) this.#lost(); // meanwhile it looks each second; what is wrong with the database, calls tell
    }
  }

  async #connectListening(listening: Listening): Promise<() => Promise<unknown>> {
    const found = await listening.listen(this.#channel, (payload) => this.#told(payload));
    const { unlisten } = Object(found) as { readonly unlisten?: () => Promise<unknown> };
    if (typeof found === "function") return async () => await found();
    return async () => await unlisten?.();
  }

  async #connectClient(make: () => ListeningClient): Promise<() => Promise<unknown>> {
    const client = make();
    check("what listen() gives", client, {
      connect: nothing,
      query: nothing,
      on: nothing,
      end: nothing,
    });
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      if (this.#hears) this.#lost();
      client.end().then(nothing, nothing);
    };
    client.on("error", over);
    client.on("end", over);
    client.on("notification", ({ payload }) => this.#told(payload));
    try {
      await client.connect();
      await client.query(`listen ${this.#channel}`);
      if (isOver) throw new Error("The connection is closed");
    } catch (error) {
      over();
      throw error;
    }
    return async () => {
      isOver = true;
      await client.end();
    };
  }

  #lost(): void {
    this.#hears = false;
    this.#end = async () => {};
    if (!this.#running) return;
    const clear = startTimer(globalClock, connectEvery, () => {
      this.#end = async () => {};
      if (this.#running && this.#listen) this.#connect(this.#listen);
    });
    this.#end = async () => clear();
  }
}
