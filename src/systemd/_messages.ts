import { log } from "../_log.ts";
import type { Notify } from "./_notify.ts";
import { startTimer } from "../_time/timer.ts";
import type { Clock, Logger } from "../types.ts";

/** What sd_notify(3) calls the state: variables, of which the newest value counts. */
export type Variables = Readonly<Record<string, string>>;

/** What is said to the service manager, one message at a time, in order. */
export interface Messages {
  /** Never throws. Joins what still waits, unless it says that the service is ready, or stops. */
  say(variables: Variables): void;
  /** Resolves when all has been said, or nobody has listened for a moment. */
  close(): Promise<void>;
}

/** Milliseconds for one message. systemd-notify itself waits 5 s for systemd to read it. */
const patience = 10_000;
/** Milliseconds for what waits when the host ends. */
const farewell = 1_000;
/** Characters of a value: systemd reads messages of 4096 bytes. */
const longest = 1_000;

export function createMessages(
  { clock, logger, notify }: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly notify: Notify;
  },
): Messages {
  const waiting: Record<string, string>[] = [];
  let talking: Promise<void> | undefined;
  let giveUp: ((ms: number) => void) | undefined;
  let warned = false;

  const talk = async (): Promise<void> => {
    await null; // what is said in one go goes out as one message
    for (let next; (next = waiting.shift());) await send(render(next));
    talking = undefined;
  };

  /** Whatever becomes of it, the host goes on. */
  const send = async (state: string): Promise<void> => {
    const controller = new AbortController();
    const clear = startTimer(clock, patience, () => giveUp?.(patience));
    try {
      await new Promise((resolve, reject) => {
        giveUp = (ms) => {
          const error = new Error(`No answer within ${ms} ms`);
          controller.abort(error);
          reject(error);
        };
        Promise.resolve(notify(state, controller.signal)).then(resolve, reject);
      });
    } catch (error) {
      warn(error);
    } finally {
      giveUp = undefined;
      clear();
    }
  };

  const warn = (error: unknown): void => {
    if (warned) return;
    warned = true;
    log(logger, "warn", "Cannot notify systemd", { error });
  };

  return {
    say(variables) {
      const last = waiting.at(-1);
      // They are two moments: a service that stops without having been ready has failed.
      const moment = "READY" in variables || "STOPPING" in variables;
      if (last && !moment) Object.assign(last, variables);
      else waiting.push({ ...variables });
      talking ??= talk();
    },

    async close() {
      const clear = startTimer(clock, farewell, () => {
        waiting.length = 0;
        giveUp?.(farewell);
      });
      await talking;
      clear();
    },
  };
}

/** A line for each variable, so a value is one line. */
function render(variables: Variables): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value.replace(/[\p{Cc}\s]+/gu, " ").slice(0, longest)}`)
    .join("\n");
}
