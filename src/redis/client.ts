import { AbortError } from "../_abort.ts";
import { nothing, refuse } from "../_check.ts";
import { deferred } from "../_deferred.ts";
import { globalClock, startTimer } from "../_time/timer.ts";
import type { Clock } from "../types.ts";

/** What is used of a client of `ioredis`. */
export interface IoRedisClient {
  /** Sends a command, whatever it is called. */
  call(command: string, ...args: string[]): Promise<unknown>;
  /** Another connection to the same server. */
  duplicate(): IoRedisClient;
  /** Tells of errors, and each time the connection is up. */
  on(event: string, listener: (error?: unknown) => void): unknown;
  /** Closes the connection at once. */
  disconnect(): void;
}

/** What is used of a client of `redis` (node-redis). */
export interface NodeRedisClient {
  /** Sends a command, whatever it is called. */
  sendCommand(args: string[]): Promise<unknown>;
  /** Another connection to the same server, which is not open yet. */
  duplicate(): NodeRedisClient;
  /** Tells of errors, and each time the connection is up. */
  on(event: string, listener: (error?: unknown) => void): unknown;
  /** Opens the connection. */
  connect(): Promise<unknown>;
  /** Closes the connection at once. */
  destroy(): void;
}

/**
 * A client of `ioredis` or of `redis`, connected. It stays the caller's, and is closed by nobody here: let
 * a service that is listed before do that.
 */
export type RedisClient = IoRedisClient | NodeRedisClient;

/** Sends a command; fails when there is no answer in so many milliseconds. */
export type Send = (command: readonly (string | number)[], limit?: number) => Promise<unknown>;

/** Milliseconds that a command may take which waits for nothing. */
const usual = 5_000;

/** Checks that something is a client. */
export function checkClient(label: string, client: unknown): void {
  const it = client as Partial<IoRedisClient & NodeRedisClient> | undefined;
  if (typeof it?.call === "function" || typeof it?.sendCommand === "function") return;
  refuse(label, "a client of ioredis or redis", client);
}

/**
 * Sends with a client. A client that is not connected keeps commands for later, some for ever: so each has
 * a limit here, however the client is set up.
 */
export function sender(client: RedisClient, clock: Clock = globalClock): Send {
  return (command, limit = usual) => {
    const [name, ...args] = command.map(String) as [string, ...string[]];
    const answer = "call" in client
      ? client.call(name, ...args)
      : client.sendCommand([name, ...args]);
    const late = deferred<never>();
    const clear = startTimer(clock, limit, () => {
      late.reject(new Error(`Redis has not answered ${name} in ${limit} ms`));
    });
    return Promise.race([answer, late.promise]).finally(clear);
  };
}

/** A connection of one's own beside a client's. */
export class Connection {
  readonly send: Send;
  readonly #client: RedisClient;
  /** What the server calls it, each time it is connected. */
  #id: Promise<unknown> | undefined;
  #trouble: unknown;

  constructor(client: RedisClient, clock: Clock) {
    const own = this.#client = client.duplicate();
    this.send = sender(own, clock);
    // Else an error of it would end the process.
    own.on("error", (error) => (this.#trouble = error));
    own.on("ready", () => {
      this.#id = this.send(["CLIENT", "ID"]);
      this.#id.catch(nothing);
    });
  }

  /** Waits until it is up; fails with what is in its way. */
  async open(signal: AbortSignal): Promise<void> {
    const own = this.#client;
    const aborted = deferred<never>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort);
    try {
      signal.throwIfAborted();
      const opened = "connect" in own && !("call" in own) ? own.connect() : undefined;
      opened?.catch(nothing);
      await Promise.race([Promise.all([opened, this.send(["PING"])]), aborted.promise]);
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#trouble ?? error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** The number by which the server knows it now. */
  get id(): Promise<unknown> {
    return this.#id ?? Promise.reject(new AbortError("It was never connected"));
  }

  close(): void {
    const own = this.#client;
    try {
      if ("disconnect" in own && "call" in own) own.disconnect();
      else (own as NodeRedisClient).destroy();
    } catch { // it was not open
    }
  }
}

/** What an answer of Redis that failed means, and what to do. */
const troubles: readonly (readonly [RegExp, string])[] = [
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH/,
    "is it running, and is the address right?",
  ],
  [/NOAUTH|WRONGPASS/, "give the client a user name and a password that it takes"],
  [/NOPERM/, "allow its user the commands of streams on this key (ACL SETUSER)"],
  [/WRONGTYPE/, "the key holds something else: choose another one"],
  [/unknown command/i, "it needs Redis 6.2 or newer"],
  [/READONLY/, "it is a replica: connect to the primary"],
  [/not answered|Timeout/, "is it running, and is its client connected?"],
];

/** The same error for an operator: which server, and what to do. Never with its password. */
export function explain(client: RedisClient, what: string, cause: unknown): Error {
  const text = textOf(cause);
  const [, advice] = troubles.find(([pattern]) => pattern.test(text)) ?? [];
  return new Error(
    `Cannot ${what} of Redis at ${addressOf(client)}: ${text}${advice ? `: ${advice}` : ""}`,
    {
      cause,
    },
  );
}

/** In one line; some errors of ioredis and Node have their text inside, some of redis none but their name. */
function textOf(error: unknown): string {
  const { message, errors, code, constructor } = Object(error) as
    & Partial<AggregateError>
    & { readonly code?: string; readonly constructor: { readonly name: string } };
  return message || (errors?.[0] as Error | undefined)?.message || code || constructor.name;
}

/** Where a client connects to, as far as it says. */
function addressOf(client: RedisClient): string {
  const { options = {} } = client as { readonly options?: Record<string, unknown> };
  const { url, socket, host, port, path } = options as {
    readonly url?: string;
    readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string };
    readonly host?: string;
    readonly port?: number;
    readonly path?: string;
  };
  if (url) {
    try {
      return new URL(url).host;
    } catch {
      return "an address that is none";
    }
  }
  const at = socket ?? { host, port, path };
  return at.path ?? `${at.host ?? "localhost"}:${at.port ?? 6379}`;
}
