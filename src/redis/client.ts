import { refuse } from "../_check.ts";

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

/** Checks that something is a client. */
export function checkClient(label: string, client: unknown): void {
  const it = client as Partial<IoRedisClient & NodeRedisClient> | undefined;
  if (typeof it?.call === "function" || typeof it?.sendCommand === "function") return;
  refuse(label, "a client of ioredis or redis", client);
}
