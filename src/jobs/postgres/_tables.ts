/** The tables of the jobs in one schema; see `_schema.ts`. */
export const tables = (schema: string): readonly string[] => [
  `create table ${schema}.jobs (
    seq bigint generated always as identity primary key, id text not null unique, name text not null,
    queue text not null, priority integer not null, state text not null, input text not null,
    headers text not null, created_at double precision not null, due_at double precision not null,
    started_at double precision, ended_at double precision, attempt integer not null default 0,
    attempts jsonb not null default '[]', token integer not null default 0,
    hold_until double precision not null default 0, cancel_requested boolean not null default false,
    key text, key_until text not null, has_key boolean not null, parents text not null, parents_on text not null,
    recurring text, server text, progress text, result text, error text
  )`,
  // Rows change often and fast: dead ones must not pile up until a fifth of the table has changed.
  `alter table ${schema}.jobs set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02,
    fillfactor = 80)`,
  // `take`: for each name the jobs that come next. Jobs that a server does not know lie in no one's way.
  `create index jobs_next on ${schema}.jobs (queue, name, priority desc, due_at, seq) where state = 'enqueued'`,
  // `take`: which jobs have become due, and when the next one is.
  `create index jobs_due on ${schema}.jobs (queue, due_at) where state = 'scheduled'`,
  // `queues`: since when the oldest job could have run.
  `create index jobs_oldest on ${schema}.jobs (queue, due_at) where state = 'enqueued'`,
  // `expired`: holds that have run out. Only what is processing is in it, and in the next one.
  `create index jobs_held on ${schema}.jobs (hold_until) where state = 'processing'`,
  // `cancelRequests`: asked often, and nearly always without an answer.
  `create index jobs_asked on ${schema}.jobs (server) where state = 'processing' and cancel_requested`,
  // Of a name and key, one job has it; also tells `add` which.
  `create unique index jobs_key on ${schema}.jobs (name, key) where has_key`,
  // `list`: the few that have failed, say, among many that have not; newest first.
  `create index jobs_state on ${schema}.jobs (state, seq)`,
  // `list`: the jobs of a recurring one.
  `create index jobs_recurring on ${schema}.jobs (recurring, seq) where recurring is not null`,
  // `purge`: those that ended first.
  `create index jobs_ended on ${schema}.jobs (state, ended_at) where ended_at is not null`,

  // Which jobs come after which.
  `create table ${schema}.children (parent text, child text, primary key (parent, child))`,
  `create index children_child on ${schema}.children (child)`,
  `create table ${schema}.log (
    job bigint, line integer, at double precision not null, text text not null, primary key (job, line)
  )`,

  // How many jobs each queue has in each state, as the sum of what was added: to count a million takes too long to be
  // asked for each second, and one row that all transactions change would make them wait for one another.
  `create table ${schema}.counts (queue text not null, state text not null, jobs bigint not null)`,

  `create table ${schema}.paused (queue text primary key)`,
  `create table ${schema}.recurring (
    id text primary key, job text not null, queue text not null, priority integer not null, input text not null,
    key text, key_until text not null, overlap boolean not null, pattern text not null, time_zone text,
    missed text not null, next_at double precision, last_at double precision, last_job text
  )`,
  `create table ${schema}.servers (
    id text primary key, name text not null, location text not null, started_at double precision not null,
    seen_at double precision not null, queues text not null, active integer not null
  )`,
  `create table ${schema}.minutes (
    minute double precision, queue text, succeeded double precision not null, failed double precision not null,
    started double precision not null, waited double precision not null, ran double precision not null,
    primary key (minute, queue)
  )`,
];
