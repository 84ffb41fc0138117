import { AbortError, answers, Latch } from "../_abort.ts";
import type { Member } from "../_member.ts";
import { log } from "../_log.ts";
import { startTimer } from "../_timer.ts";
import type { HealthCheck } from "./mod.ts";

/** What was found, by a probe that the finder need not know. */
export type Finding = Omit<HealthCheck, "probe">;

/** Watches one service; a probe finds one thing of it, or there is nothing to look at. */
export interface Watch {
  /** Whether it still beats. */
  livez(): Finding | undefined;
  /** Whether it is ready and healthy; found within the limit. */
  readyz(): Promise<Finding | undefined>;
  readonly startupz?: undefined;
}

/** A finding; `wrong` is what is wrong, `undefined` if nothing is. */
export function found(name: string, wrong: unknown): Finding {
  return { name, status: wrong === undefined ? "ok" : "failed", error: wrong };
}

export function createWatch(member: Member): Watch {
  /** Milliseconds a service has to answer: less than the second for which a kubelet waits. */
  const limit = 800;
  /** Milliseconds for which an answer is good. */
  const fresh = 1_000;
  const { service, name, context } = member;
  const { host, clock, logger } = context;
  /** What the log says of the service, until it takes it back. */
  const said: Record<string, boolean> = {};
  /** What was wrong when last asked, and when to ask again: not before there is an answer. */
  let answer: Promise<unknown>;
  let next = -Infinity;

  return {
    livez() {
      const { heartbeat } = service;
      if (heartbeat === undefined || member.state !== "started" || host.state === "stopping") {
        return;
      }
      const silence = Math.round(clock.now() - Math.max(member.since, member.beat));
      return say("alive", silence > heartbeat ? new Error(`No beat for ${silence} ms`) : undefined);
    },

    async readyz() {
      const { state, ready, error } = member;
      if (state === "failed") return { name, status: "ignored", error };
      if (host.state !== "started" || !service.health && !service.holdsReady) return;
      if (!ready) return found(name, new Error("Not ready yet"));
      if (clock.now() >= next) answer = ask();
      const wrong = await answer;
      if (host.state === "started") return say("healthy", wrong);
    },
  };

  /** Resolves to what is wrong, if anything, or in the end to the fact that nobody knows. */
  function ask(): Promise<unknown> {
    const given = new Latch();
    next = Infinity;

    return new Promise((resolve) => {
      const end = (wrong: unknown): void => {
        clear();
        unsubscribe();
        resolve(wrong);
      };
      const giveUp = (): void => {
        given.abort(new AbortError("No answer in time"));
        end(given.reason);
      };
      const clear = startTimer(clock, limit, giveUp);
      const unsubscribe = host.subscribe(() => host.state === "started" || giveUp());
      examine(given.signal).then((wrong) => {
        next = clock.now() + fresh;
        end(wrong);
        if (!answers(wrong, given)) say("answering", given.aborted ? wrong : undefined);
      });
    });
  }

  /** What is wrong with the service, if anything. */
  async function examine(signal: AbortSignal): Promise<unknown> {
    try {
      return await service.health?.(signal) === false ? new Error("It answered false") : undefined;
    } catch (error) {
      return error ?? null;
    }
  }

  /** Makes a finding, and logs when it differs from the last one: probes come all the time. */
  function say(what: string, wrong: unknown): Finding {
    const ok = wrong === undefined;
    if (!!said[what] === ok) {
      said[what] = !ok;
      if (ok) log(logger, "info", `Service "${name}" is ${what} again`);
      else log(logger, "warn", `Service "${name}" is not ${what}`, { error: wrong });
    }
    return found(name, wrong);
  }
}
