import { globalClock } from "../_time/timer.ts";
import { within } from "../_time/within.ts";
import type { RedisClient } from "./client.ts";
import type { Clock } from "../types.ts";

/** Sends a command; fails when there is no answer in so many milliseconds. */
export type Send = (command: readonly (string | number)[], ms?: number) => Promise<unknown>;

/** Milliseconds that a command may take which waits for nothing. */
const usual = 5_000;

/**
 * Sends with a client. A client that is not connected keeps commands for later, some for ever: so each has
 * a limit here, however the client is set up.
 */
export function sender(client: RedisClient, clock: Clock = globalClock): Send {
  return (command, ms = usual) => {
    const [name, ...args] = command.map(String) as [string, ...string[]];
    const answer = "call" in client
      ? client.call(name, ...args)
      : client.sendCommand([name, ...args]);
    return within(answer, {
      limit: { clock, ms, message: `Redis has not answered ${name} in ${ms} ms` },
    });
  };
}
