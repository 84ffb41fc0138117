import { nothing } from "../_check.ts";
import type { NextAfter } from "../cron/_pattern.ts";
import { readPattern } from "./_pattern.ts";
import { jobOf } from "./job_client.ts";
import type { RecurringRecord } from "./job_record.ts";
import type { JobStorage, NewJob } from "./job_storage.ts";

/** Milliseconds by which an occurrence may be late without being missed, as with `cron`. */
const tolerance = 60_000;
/** Milliseconds after which the recurring jobs are looked at in any case. */
const longestRest = 5_000;
/** Milliseconds after which a recurring job is looked at again whose last job has not ended. */
const busyRest = 1_000;

/** What a {@linkcode Timetable} tells. */
export interface TimetableOptions {
  readonly storage: JobStorage;
  /** Called when an occurrence has made a job. */
  readonly fired: (recurring: string, job: NewJob) => void;
  /** Called, once, when a job cannot be made any more: its pattern cannot be read, or `croner` is missing. */
  readonly failed: (recurring: string, error: unknown) => void;
}

/** Makes the jobs of recurring ones when they are due, as one of many servers that do. */
export class Timetable {
  readonly #options: TimetableOptions;
  /** Patterns that were read, by what they say. */
  readonly #patterns: Map<string, Promise<NextAfter>> = new Map();
  /** The ids of those whose last try has failed. */
  readonly #failing: Set<string> = new Set();

  constructor(options: TimetableOptions) {
    this.#options = options;
  }

  /** Makes what is due, and gives the milliseconds until something is, or might be. */
  async fire(): Promise<number> {
    const { storage, failed } = this.#options;
    const all = await storage.recurring();
    if (all.length === 0) return longestRest;
    const now = await storage.now();
    let rest = longestRest;
    for (const recurring of all) {
      let next = recurring.nextAt;
      if (next === undefined) continue;
      if (next <= now) {
        try {
          next = await this.#fireOne(recurring, next, now);
          this.#failing.delete(recurring.id);
        } catch (error) {
          if (!this.#failing.has(recurring.id)) failed(recurring.id, error);
          this.#failing.add(recurring.id);
          next = undefined; // it is tried again after `longestRest`
        }
      }
      if (next !== undefined) rest = Math.min(rest, Math.max(0, next - now));
    }
    return Math.ceil(rest);
  }

  /** Gives when the recurring job is to be looked at next. */
  async #fireOne(
    recurring: RecurringRecord,
    seenAt: number,
    now: number,
  ): Promise<number | undefined> {
    const { storage, fired } = this.#options;
    const { id, missed } = recurring;
    const nextAfter = await this.#read(recurring);
    const skips = missed === "skip";
    // Of moments that were missed, one counts, or none: the first that is not too late.
    const due = skips && now - seenAt > tolerance ? nextAfter(now - tolerance - 1) : seenAt;
    const isDue = due !== undefined && due <= now;
    const nextAt = isDue ? nextAfter(skips ? due : now) : due;
    const job = isDue ? jobOf(recurring) : undefined;
    let answer = await storage.fireRecurring({ id, seenAt, nextAt, job });
    if (answer === "busy") {
      if (!skips) return now + busyRest;
      answer = await storage.fireRecurring({ id, seenAt, nextAt });
    } else if (answer === "fired" && job && await this.#isMade(job)) fired(id, job);
    return answer === "fired" ? nextAt : now + busyRest; // somebody else has, so it is another one now
  }

  /** Whether a job was made, and not left to another one that has its key. */
  async #isMade({ id, key }: NewJob): Promise<boolean> {
    if (key === undefined) return true;
    const job = await this.#options.storage.get(id).catch(nothing); // to tell of it is all that depends on this
    return job !== undefined;
  }

  #read({ id, pattern, timeZone }: RecurringRecord): Promise<NextAfter> {
    const key = `${timeZone ?? ""} ${pattern}`;
    let read = this.#patterns.get(key);
    if (!read) {
      read = readPattern(`recurring job "${id}"`, pattern, timeZone);
      this.#patterns.set(key, read);
      read.catch(() => this.#patterns.delete(key));
    }
    return read;
  }
}
