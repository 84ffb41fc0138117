import { StorageVersionError } from "../errors.ts";
import type { Database } from "./_database.ts";

/**
 * What makes the tables of each version out of those of the version before; the first one makes them. One that was
 * released never changes.
 */
export const migrations: readonly (readonly string[])[] = [[
  `create table runhost_jobs (
    seq integer primary key, id text not null unique, name text not null, queue text not null,
    priority integer not null, state text not null, input text not null, headers text not null,
    created_at real not null, due_at real not null, started_at real, ended_at real,
    attempt integer not null default 0, attempts text not null default '[]',
    token integer not null default 0, hold_until real not null default 0,
    cancel_requested integer not null default 0, key text, key_until text not null,
    has_key integer not null, parents text not null, parents_on text not null, recurring text,
    server text, progress text, result text, error text
  ) strict`,
  // `take`: for each name the jobs that come next. Jobs that the server does not know lie in no one's way.
  `create index runhost_jobs_next on runhost_jobs (queue, name, priority desc, due_at, seq)
    where state = 'enqueued'`,
  // `take`: which jobs have become due, and when the next one is.
  `create index runhost_jobs_due on runhost_jobs (queue, due_at) where state = 'scheduled'`,
  // `queues`: since when the oldest job could have run.
  `create index runhost_jobs_oldest on runhost_jobs (queue, due_at) where state = 'enqueued'`,
  // `expired`: holds that have run out. Only what is processing is in it, and in the next one.
  `create index runhost_jobs_held on runhost_jobs (hold_until) where state = 'processing'`,
  // `cancelRequests`: asked often, and nearly always without an answer.
  `create index runhost_jobs_asked on runhost_jobs (server)
    where state = 'processing' and cancel_requested = 1`,
  // Of a name and key, one job has it; also tells `add` which.
  `create unique index runhost_jobs_key on runhost_jobs (name, key) where has_key = 1`,
  // `list`: the few that have failed, say, among many that have not; newest first.
  `create index runhost_jobs_state on runhost_jobs (state, seq)`,
  // `list`: the jobs of a recurring one.
  `create index runhost_jobs_recurring on runhost_jobs (recurring, seq) where recurring is not null`,
  // `purge`: those that ended first.
  `create index runhost_jobs_ended on runhost_jobs (state, ended_at) where ended_at is not null`,

  // Which jobs come after which.
  `create table runhost_children (parent text, child text, primary key (parent, child))
    strict, without rowid`,
  `create index runhost_children_child on runhost_children (child)`,
  `create table runhost_log (
    job integer, line integer, at real not null, text text not null, primary key (job, line)
  ) strict, without rowid`,

  // How many jobs each queue has in each state: to count a million takes too long to be asked for each second.
  `create table runhost_counts (
    queue text, state text, jobs integer not null, primary key (queue, state)
  ) strict, without rowid`,
  `create trigger runhost_jobs_added after insert on runhost_jobs begin
    insert into runhost_counts values (new.queue, new.state, 1)
      on conflict do update set jobs = jobs + 1;
  end`,
  `create trigger runhost_jobs_moved after update of state on runhost_jobs
    when old.state <> new.state begin
    update runhost_counts set jobs = jobs - 1 where queue = old.queue and state = old.state;
    insert into runhost_counts values (new.queue, new.state, 1)
      on conflict do update set jobs = jobs + 1;
  end`,
  `create trigger runhost_jobs_gone after delete on runhost_jobs begin
    update runhost_counts set jobs = jobs - 1 where queue = old.queue and state = old.state;
    delete from runhost_children where child = old.id;
    delete from runhost_log where job = old.seq;
  end`,

  `create table runhost_paused (queue text primary key) strict, without rowid`,
  `create table runhost_recurring (
    id text primary key, job text not null, queue text not null, priority integer not null,
    input text not null, key text, key_until text not null, overlap integer not null,
    pattern text not null, time_zone text, missed text not null, next_at real, last_at real,
    last_job text
  ) strict, without rowid`,
  `create table runhost_servers (
    id text primary key, name text not null, location text not null, started_at real not null,
    seen_at real not null, queues text not null, active integer not null
  ) strict, without rowid`,
  `create table runhost_minutes (
    minute real, queue text, succeeded real not null, failed real not null, started real not null,
    waited real not null, ran real not null, primary key (minute, queue)
  ) strict, without rowid`,
]];

/**
 * Brings the tables to the newest version; inside a transaction. The version has a table of its own: the file may be
 * the program's, whose own tables `pragma user_version` counts.
 */
export function migrate(database: Database, path: string): void {
  database.run("create table if not exists runhost_version (version integer not null) strict");
  const row = database.get("select version from runhost_version");
  const found = Number(row?.["version"] ?? 0);
  const known = migrations.length;
  if (found > known) throw new StorageVersionError(`SQLite file "${path}"`, found, known);
  for (const sql of migrations.slice(found).flat()) database.run(sql);
  if (!row) database.run("insert into runhost_version values (?)", known);
  else if (found < known) database.run("update runhost_version set version = ?", known);
}
