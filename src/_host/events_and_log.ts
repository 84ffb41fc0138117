import type { Call } from "./call.ts";
import { check, nothing } from "../_check.ts";
import { type Failure, log as writeLog } from "../_log.ts";
import type { Settings } from "./settings.ts";
import type { HostEvent } from "../events.ts";

type Untold<E> = E extends HostEvent ? Omit<E, "seq" | "time"> : never;

/** Tells observers what happens, and the logger what an operator must know. */
export interface Journal {
  subscribe(observer: (event: HostEvent) => void): () => void;
  tell(event: Untold<HostEvent>): void;
  began(call: Call): void;
  /** Tells how a call ended, and logs what went wrong with it. */
  ended(call: Call, how: "Done" | "Failed" | "Abandoned" | "Late", failure?: Failure): void;
  log(level: "warn" | "error", line: string, failure?: Failure): void;
}

/** A journal nobody reads makes no events. */
export function createJournal({ clock, logger, onEvent }: Settings): Journal {
  const observers = new Set<(event: HostEvent) => void>();
  const queue: HostEvent[] = [];
  let seq = 0;

  const subscribe = (observer: (event: HostEvent) => void): () => void => {
    check("observer", observer, nothing);
    const subscription = (event: HostEvent): void => observer(event);
    observers.add(subscription);
    return () => observers.delete(subscription);
  };

  const log: Journal["log"] = (level, line, failure) => writeLog(logger, level, line, failure);

  /** An observer may cause the next event: it is told after everybody has seen this one. */
  const tell: Journal["tell"] = (event) => {
    if (!observers.size) return;
    queue.push({ ...event, seq: ++seq, time: clock.now() } as HostEvent);
    if (queue.length > 1) return;
    for (let next; (next = queue[0]); queue.shift()) {
      for (const observer of [...observers]) {
        const failed = (error: unknown): void => {
          observers.delete(observer);
          log("error", "An observer failed, and is removed", { error });
        };
        try {
          const result = observer(next) as unknown;
          if (result instanceof Promise) result.catch(failed);
        } catch (error) {
          failed(error);
        }
      }
    }
  };

  if (onEvent !== nothing) subscribe(onEvent);
  return {
    subscribe,
    log,
    tell,

    began({ member, phase }) {
      if (observers.size) tell({ type: "serviceBegan", service: member.name, phase });
    },

    ended({ member, phase, begun, overdue }, how, failure) {
      const quiet = how === "Done" && !overdue;
      if (quiet && !observers.size) return;
      const service = member.name;
      const duration = clock.now() - begun;
      // `serviceDone`, `serviceFailed`, `serviceLate` or `serviceAbandoned`.
      tell({ type: `service${how}`, service, phase, duration, ...failure } as Untold<HostEvent>);
      if (quiet) return;
      const words = how === "Done" ? "done late" : how.toLowerCase();
      const line = `Service "${service}": ${phase} ${words} after ${Math.round(duration)} ms`;
      // The error of what was abandoned says no more than this line.
      log(failure ? "error" : "warn", line, how === "Abandoned" ? undefined : failure);
    },
  };
}
