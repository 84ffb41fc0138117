import type { MinuteRecord, ServerRecord } from "../job_record.ts";
import { minuteOf, serverOf } from "../_rows.ts";
import { keptMinutes, keptServers } from "../_conventions.ts";
import type { Database } from "./_database.ts";

/** The servers, and the counts of their minutes, in one connection. */
export class ServerTable {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  /** Stores that a server lives, and adds to the counts of the minutes. */
  beat(
    { id, name, location, queues, active }: Omit<ServerRecord, "seenAt" | "startedAt">,
    minutes: readonly MinuteRecord[],
  ): void {
    const now = this.#now();
    this.#db.run(
      `insert into runhost_servers (id, name, location, started_at, seen_at, queues, active)
        values (?, ?, ?, ?, ?, ?, ?)
        on conflict do update set name = excluded.name, location = excluded.location,
          seen_at = excluded.seen_at, queues = excluded.queues, active = excluded.active`,
      id,
      name,
      location,
      now,
      now,
      JSON.stringify(queues),
      active,
    );
    for (const it of minutes) {
      this.#db.run(
        `insert into runhost_minutes values (?, ?, ?, ?, ?, ?, ?)
          on conflict do update set succeeded = succeeded + excluded.succeeded,
            failed = failed + excluded.failed, started = started + excluded.started,
            waited = waited + excluded.waited, ran = ran + excluded.ran`,
        it.minute,
        it.queue,
        it.succeeded,
        it.failed,
        it.started,
        it.waited,
        it.ran,
      );
    }
  }

  /** Forgets a server. */
  remove(id: string): void {
    this.#db.run("delete from runhost_servers where id = ?", id);
  }

  /** Gives the servers, by their start. */
  all(): ServerRecord[] {
    return this.#db.all("select * from runhost_servers order by started_at, id").map(serverOf);
  }

  /** Gives the counts of the minutes of the last day. */
  minutes(from: number): MinuteRecord[] {
    return this.#db.all(
      "select * from runhost_minutes where minute >= ? order by minute, queue",
      Math.max(from, this.#now() - keptMinutes),
    ).map(minuteOf);
  }

  /** Deletes what is older than is asked for. */
  purge(): void {
    const now = this.#now();
    this.#db.run("delete from runhost_minutes where minute < ?", now - keptMinutes);
    this.#db.run("delete from runhost_servers where seen_at < ?", now - keptServers);
  }
}
