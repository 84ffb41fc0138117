import { AbortError, isCleanAbort, Latch } from "../_abort.ts";
import type { LinkedMember } from "../_host/host_link.ts";
import { log } from "../_log.ts";
import { startTimer } from "../_time/timer.ts";
import type { HealthCheck } from "./types.ts";

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
  return { name, ...judged(wrong) };
}

/** What a health check found, whoever was asked. */
type Health = Pick<Finding, "status" | "error">;

function judged(wrong: unknown): Health {
  return { status: wrong === undefined ? "ok" : "failed", error: wrong };
}

export function createWatch(member: LinkedMember): Watch {
  /** Milliseconds a service has to answer: less than the second for which a kubelet waits. */
  const limit = 800;
  /** Milliseconds for which an answer is good. */
  const fresh = 1_000;
  const { service, name, context } = member;
  const { host, clock, logger } = context;
  /** What the log says of the service last: nothing is said of one that was always well. */
  const said: Record<string, Health["status"]> = {};
  /** What was found when last asked, and when to ask again: not before there is an answer. */
  let answer: Promise<Health>;
  let next = -Infinity;

  return {
    livez() {
      const { heartbeat } = service;
      if (heartbeat === undefined || member.state !== "started" || host.state === "stopping") {
        return;
      }
      const silence = Math.round(clock.now() - Math.max(member.since, member.beat));
      const wrong = silence > heartbeat ? new Error(`No beat for ${silence} ms`) : undefined;
      return say("alive", judged(wrong));
    },

    async readyz() {
      const { state, ready, error } = member;
      if (state === "failed") return { name, status: "ignored", error };
      if (host.state !== "started" || !service.health && !service.holdsReady) return;
      if (!ready) return found(name, new Error("Not ready yet"));
      if (clock.now() >= next) answer = ask();
      const health = await answer;
      if (host.state === "started") return say("healthy", health);
    },
  };

  /** Resolves to what was found, or in the end to the fact that nobody knows. */
  function ask(): Promise<Health> {
    const given = new Latch();
    next = Infinity;

    return new Promise((resolve) => {
      const end = (health: Health): void => {
        clear();
        unsubscribe();
        resolve(health);
      };
      const giveUp = (): void => {
        given.abort(new AbortError("No answer in time"));
        end(judged(given.reason));
      };
      const clear = startTimer(clock, limit, giveUp);
      const unsubscribe = host.subscribe(() => host.state === "started" || giveUp());
      examine(given.signal).then((health) => {
        next = clock.now() + fresh;
        end(health);
        const { error } = health;
        if (!isCleanAbort(error, given)) {
          say("answering", judged(given.aborted ? error : undefined));
        }
      });
    });
  }

  /** How the service is. */
  async function examine(signal: AbortSignal): Promise<Health> {
    try {
      const answer = await service.health?.(signal);
      if (answer === false) return judged(new Error("It answered false"));
      const { status, error } = answer === "degraded"
        ? { status: answer }
        : (answer ?? {}) as Partial<Health>;
      if (status !== "degraded") return judged(undefined);
      return { status, error: error ?? new Error("It answered degraded") };
    } catch (error) {
      return judged(error ?? null);
    }
  }

  /** Makes a finding, and logs when it differs from the last one: probes come all the time. */
  function say(what: string, health: Health): Finding {
    const { status, error } = health;
    if (status !== (said[what] ?? "ok")) {
      said[what] = status;
      if (status === "ok") log(logger, "info", `Service "${name}" is ${what} again`);
      else {
        const how = status === "degraded" ? status : `not ${what}`;
        log(logger, "warn", `Service "${name}" is ${how}`, { error });
      }
    }
    return { name, status, error };
  }
}
