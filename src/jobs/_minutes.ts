import type { MinuteRecord } from "./job_record.ts";

const minute = 60_000;

type Counts = { -readonly [Key in keyof MinuteRecord]: MinuteRecord[Key] };

/** What has happened in each minute, until it is stored. */
export class Minutes {
  #counts: Map<string, Counts> = new Map();

  /** The counts of a queue in the minute of a time. */
  at(time: number, queue: string): Omit<Counts, "minute" | "queue"> {
    const begin = Math.floor(time / minute) * minute;
    const key = `${begin} ${queue}`;
    let counts = this.#counts.get(key);
    if (!counts) {
      counts = { minute: begin, queue, succeeded: 0, failed: 0, started: 0, waited: 0, ran: 0 };
      this.#counts.set(key, counts);
    }
    return counts;
  }

  /** Takes out what has been counted. */
  take(): readonly MinuteRecord[] {
    const all = [...this.#counts.values()];
    this.#counts = new Map();
    return all;
  }

  /** Puts back what could not be stored. */
  putBack(all: readonly MinuteRecord[]): void {
    for (const it of all) {
      const counts = this.at(it.minute, it.queue);
      for (const name of ["succeeded", "failed", "started", "waited", "ran"] as const) {
        counts[name] += it[name];
      }
    }
  }
}
