import { nothing } from "../_check.ts";
import { look } from "../health/_look.ts";
import { textOf } from "../_log.ts";
import type { Messages } from "./_messages.ts";
import { startTimer } from "../_time/timer.ts";
import type { HostEvent, ServiceEventBase } from "../events.ts";
import type { Clock, Host } from "../types.ts";

/** What a report needs. */
export interface ReportOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly messages: Messages;
  /** Milliseconds between two signs of life that systemd waits for; `Infinity` if it does not. */
  readonly watchdog: number;
}

/** By how many microseconds a start or stop is extended, and after how many milliseconds again. */
const extension = "30000000";
const extendEvery = 10_000;
/** How many of those a host waits for are named. */
const shown = 5;

/** Reports a host that is starting, from now until the function it returns is called. */
export function report({ host, clock, messages, watchdog }: ReportOptions): () => Promise<void> {
  let phase: "Starting" | "Running" | "Draining" | "Stopping" = "Starting";
  /** What has begun and not ended, and how often. */
  const pending = new Map<string, number>();
  let stopReason: unknown;
  /** How it failed, and the first thing that went wrong. */
  let verdict = "Stopped with a failure";
  let failure: string | undefined;
  /** Ends the one timer: it says again that there is more to wait for, or that all is well. */
  let clear = nothing;

  const after = (ms: number, again: () => void): void => {
    clear();
    clear = startTimer(clock, ms, again);
  };

  const busy = (milestone: Readonly<Record<string, string>> = {}): void => {
    messages.say({ ...milestone, STATUS: status(), EXTEND_TIMEOUT_USEC: extension });
    after(extendEvery, busy);
  };

  const status = (): string => {
    const names: string[] = [];
    for (const name of pending.keys()) {
      if (names.push(name) === shown) break;
    }
    const more = pending.size - names.length;
    const list = names.join(", ") + (more ? ` and ${more} more` : "");
    return list ? `${phase}: ${list}` : phase;
  };

  const alive = async (): Promise<void> => {
    after(watchdog / 2, alive);
    const silent = (await look(host, "livez")).filter(({ status }) => status === "failed");
    if (phase !== "Running") return;
    messages.say(
      silent.length
        ? { STATUS: `Not alive: ${silent.map(({ name }) => name).join(", ")}` }
        : { WATCHDOG: "1", STATUS: phase },
    );
  };

  const stopping = (now: "Draining" | "Stopping"): void => {
    const first = phase === "Starting" || phase === "Running";
    phase = now;
    busy(first ? { STOPPING: "1" } : {});
  };

  const follow = (event: ServiceEventBase, change: 1 | -1): void => {
    if (event.phase === "execute") return; // nothing waits for it
    const name = `${event.service} (${event.phase})`;
    const count = (pending.get(name) ?? 0) + change;
    if (count > 0) pending.set(name, count);
    else pending.delete(name);
    if (phase !== "Running") busy();
  };

  const observe = (event: HostEvent): void => {
    switch (event.type) {
      case "hostStarted":
        phase = "Running";
        messages.say({ READY: "1", STATUS: phase });
        return after(watchdog / 2, alive);
      case "stopRequested":
        stopReason = event.reason;
        return stopping("Stopping");
      case "hostDraining":
        return stopping("Draining");
      case "hostStopping":
        return stopping("Stopping");
      case "hostStartFailed":
        if (event.error === stopReason) return;
        verdict = "Failed to start";
        failure ??= textOf(event.error);
        return;
      case "serviceBegan":
        return follow(event, 1);
      case "serviceDone":
        return follow(event, -1);
      case "serviceFailed":
      case "serviceAbandoned":
        failure ??= `${event.service}: ${textOf(event.error)}`;
        return follow(event, -1);
      case "serviceFaulted":
        failure ??= `${event.service}: ${textOf(event.error)}`;
    }
  };

  busy();
  const unsubscribe = host.subscribe(observe);
  return async () => {
    unsubscribe();
    clear();
    messages.say({ STATUS: failure === undefined ? "Stopped" : `${verdict}: ${failure}` });
    await messages.close();
  };
}
