/**
 * What a call of the storage does in the database: one function for each, so that each is one statement and one
 * transaction, behind a pooler of any mode. Each function locks the rows it decides by before it reads what it decides
 * with. Where two calls lock the same rows in another order PostgreSQL ends one of them, which is then made again.
 */
export const functions = (schema: string): readonly string[] => [
  // The time, in milliseconds since 1970: that of the statement, also within a long transaction.
  `create function ${schema}.ms() returns double precision language sql volatile
    as $$ select extract(epoch from clock_timestamp())::double precision * 1000 $$`,

  `create function ${schema}.is_over(state text) returns boolean language sql immutable
    as $$ select state in ('succeeded', 'failed', 'cancelled') $$`,

  // Tells those that listen, when the transaction is committed: which queue, or of too long a name that there is one.
  `create function ${schema}.wake(queue text) returns void language sql volatile
    as $$ select pg_notify('${schema}_wake', case when octet_length(queue) < 7000 then queue else '' end) $$`,

  // Locks jobs in the same order as everybody does, so that no two wait for one another.
  `create function ${schema}.lock_jobs(ids json) returns void language plpgsql as $$ begin
    perform 1 from ${schema}.jobs where id in (select json_array_elements_text(ids)) order by seq for update;
  end $$`,

  // The counts, in one row for each queue and state that a statement has changed.
  `create function ${schema}.count_added() returns trigger language plpgsql as $$ begin
    insert into ${schema}.counts select queue, state, count(*) from added group by queue, state;
    return null;
  end $$`,
  `create function ${schema}.count_gone() returns trigger language plpgsql as $$ begin
    insert into ${schema}.counts select queue, state, -count(*) from gone group by queue, state;
    delete from ${schema}.children using gone where child = gone.id;
    delete from ${schema}.log using gone where job = gone.seq;
    return null;
  end $$`,
  `create function ${schema}.count_moved() returns trigger language plpgsql as $$ begin
    insert into ${schema}.counts select queue, state, sum(it) from (
      select queue, state, 1 as it from added union all select queue, state, -1 from gone
    ) as moved group by queue, state having sum(it) <> 0;
    return null;
  end $$`,
  `create trigger added after insert on ${schema}.jobs referencing new table as added
    for each statement execute function ${schema}.count_added()`,
  `create trigger gone after delete on ${schema}.jobs referencing old table as gone
    for each statement execute function ${schema}.count_gone()`,
  `create trigger moved after update on ${schema}.jobs referencing old table as gone new table as added
    for each statement execute function ${schema}.count_moved()`,

  // Where a job that comes after others is by what these have become. The caller has locked it, or its parents.
  `create function ${schema}.next_state(parent_ids text, condition text, due double precision)
    returns text language plpgsql volatile as $$
  declare
    states text[];
  begin
    select array_agg(job.state) into states
      from json_array_elements_text(parent_ids::json) as it join ${schema}.jobs as job on job.id = it;
    if condition = 'succeeded' and 'cancelled' = any (states) then return 'cancelled'; end if;
    if exists (select 1 from unnest(states) as it where case condition
        when 'succeeded' then it <> 'succeeded' else not ${schema}.is_over(it) end) then
      return 'awaiting';
    end if;
    return case when due > ${schema}.ms() then 'scheduled' else 'enqueued' end;
  end $$`,

  // Lets jobs go on that await one which has ended, and those that await them, and so on; gives their queues.
  `create function ${schema}.release_children(ended text) returns text[] language plpgsql as $$
  declare
    waiting text[] := array[ended];
    follower ${schema}.jobs;
    next text;
    queues text[] := '{}';
  begin
    while cardinality(waiting) > 0 loop
      for follower in select job.* from ${schema}.children as it join ${schema}.jobs as job on job.id = it.child
          where it.parent = waiting[1] and job.state = 'awaiting' order by job.seq for update of job loop
        -- Whoever ends another parent at the same time waits for this lock, and looks after it.
        next := ${schema}.next_state(follower.parents, follower.parents_on, follower.due_at);
        continue when next = 'awaiting';
        if next = 'cancelled' then
          update ${schema}.jobs set state = next, ended_at = ${schema}.ms(), has_key = false
            where seq = follower.seq;
          waiting := waiting || follower.id;
        else
          update ${schema}.jobs set state = next where seq = follower.seq;
        end if;
        perform ${schema}.wake(follower.queue);
        queues := queues || follower.queue;
      end loop;
      waiting := waiting[2:];
    end loop;
    return queues;
  end $$`,

  // Stores one job. An error tells of a parent that is not there: the caller rolls all of it back.
  `create function ${schema}.add_one(job json, out id text, out added boolean) language plpgsql as $$
  declare
    parent_ids text := job->>'parents';
    missing text;
    created double precision := ${schema}.ms();
    due double precision := coalesce((job->>'at')::double precision,
      created + coalesce((job->>'delay')::double precision, 0));
    first text := case when due > created then 'scheduled' else 'enqueued' end;
    rival text;
  begin
    id := job->>'id';
    if parent_ids <> '[]' then
      -- None of them ends before this job is there to be released.
      perform 1 from ${schema}.jobs as it where it.id in (select json_array_elements_text(parent_ids::json))
        order by seq for share;
      select it into missing from json_array_elements_text(parent_ids::json) with ordinality as parent(it, number)
        where not exists (select 1 from ${schema}.jobs where jobs.id = it) order by number limit 1;
      if missing is not null then
        raise exception using errcode = 'RH001', message = missing;
      end if;
      first := ${schema}.next_state(parent_ids, job->>'parentsOn', due);
    end if;
    loop
      insert into ${schema}.jobs (id, name, queue, priority, state, input, headers, created_at, due_at, ended_at, key,
          key_until, has_key, parents, parents_on, recurring)
        values (job->>'id', job->>'name', job->>'queue', (job->>'priority')::integer, first, job->>'input',
          job->>'headers', created, due, case when first = 'cancelled' then created end, job->>'key',
          job->>'keyUntil', job->>'key' is not null and first <> 'cancelled', parent_ids, job->>'parentsOn',
          job->>'recurring')
        on conflict do nothing;
      added := found;
      exit when added or exists (select 1 from ${schema}.jobs as it where it.id = job->>'id');
      select it.id into rival from ${schema}.jobs as it
        where has_key and it.name = job->>'name' and it.key = job->>'key';
      if found then
        id := rival;
        exit;
      end if; -- whoever had the key has given it up meanwhile
    end loop;
    if added then
      insert into ${schema}.children select it, job->>'id' from json_array_elements_text(parent_ids::json) as it
        on conflict do nothing;
      perform ${schema}.wake(job->>'queue');
    end if;
  end $$`,

  `create function ${schema}.add_each(jobs json) returns table (id text, added boolean) language plpgsql as $$
  declare
    job json;
  begin
    for job in select json_array_elements(jobs) loop
      return query select * from ${schema}.add_one(job);
    end loop;
  end $$`,

  // All or none; a parent that is missing is told, and leaves the caller's transaction as it was.
  `create function ${schema}.add_jobs(jobs json) returns table (id text, added boolean, missing text)
    language plpgsql as $$ begin
    return query select it.id, it.added, null::text from ${schema}.add_each(jobs) as it;
  exception when sqlstate 'RH001' then
    return query select null::text, false, sqlerrm;
  end $$`,

  `create function ${schema}.take(queue_name text, names json, most integer, server_id text,
    hold_timeout double precision) returns setof ${schema}.jobs language plpgsql as $$
  declare
    now double precision := ${schema}.ms();
  begin
    if exists (select 1 from ${schema}.paused where queue = queue_name) then return; end if;
    -- What is left of a million with one time comes with the next ones.
    update ${schema}.jobs set state = 'enqueued' where seq in (
      select seq from ${schema}.jobs where state = 'scheduled' and queue = queue_name and due_at <= now
        order by due_at limit 1000 for update skip locked);
    return query with best as materialized (
        select it.seq from json_array_elements_text(names) as known(job), lateral (
          select seq, priority, due_at from ${schema}.jobs
            where state = 'enqueued' and queue = queue_name and name = known.job
            order by priority desc, due_at, seq limit most for update skip locked
        ) as it order by it.priority desc, it.due_at, it.seq limit most
      ), taken as (
        update ${schema}.jobs as job set state = 'processing', attempt = attempt + 1, token = token + 1,
          started_at = now, server = server_id, hold_until = now + hold_timeout, cancel_requested = false,
          has_key = has_key and key_until <> 'started'
        from best where job.seq = best.seq returning job.*
      ) select * from taken order by priority desc, due_at, seq;
  end $$`,

  // In how many milliseconds it is worth to look again: when the next job is due, or soon if others have locked some.
  `create function ${schema}.due_in(queue_name text, names json) returns double precision language sql volatile as $$
    select case
      when exists (select 1 from ${schema}.paused where queue = queue_name) then null
      when exists (select 1 from ${schema}.jobs where state = 'enqueued' and queue = queue_name
        and name in (select json_array_elements_text(names))) then 20
      else (select case when min(due_at) is not null then greatest(0, min(due_at) - ${schema}.ms()) end
        from ${schema}.jobs where state = 'scheduled' and queue = queue_name) end
  $$`,

  `create function ${schema}.extend(holds json, hold_timeout double precision)
    returns table (state text) language plpgsql as $$
  declare
    hold json;
    asked boolean;
    now double precision;
  begin
    perform ${schema}.lock_jobs((select json_agg(it->>'id') from json_array_elements(holds) as it));
    now := ${schema}.ms();
    for hold in select json_array_elements(holds) loop
      update ${schema}.jobs set hold_until = now + hold_timeout
        where id = hold->>'id' and token = (hold->>'token')::integer and jobs.state = 'processing'
          and hold_until > now
        returning cancel_requested into asked;
      state := case when not found then 'lost' when asked then 'cancelRequested' else 'held' end;
      return next;
    end loop;
  end $$`,

  // Gives a job its key again, unless another one has it.
  `create function ${schema}.get_key(number bigint) returns boolean language plpgsql as $$ begin
    update ${schema}.jobs as job set has_key = true where seq = number and not exists (
      select 1 from ${schema}.jobs as rival
        where rival.has_key and rival.name = job.name and rival.key = job.key and rival.seq <> number);
    return found;
  exception when unique_violation then
    return false; -- another job has got it meanwhile
  end $$`,

  `create function ${schema}.settle(job_id text, hold_token integer, wanted text, new_result text, new_error text,
    retry_delay double precision, out outcome text, out queues text) language plpgsql as $$
  declare
    job ${schema}.jobs;
    now double precision;
    made jsonb;
  begin
    select * into job from ${schema}.jobs
      where id = job_id and token = hold_token and state = 'processing' for update;
    if not found then return; end if;
    now := ${schema}.ms();
    outcome := case when job.cancel_requested then 'cancelled' else wanted end;
    made := jsonb_strip_nulls(jsonb_build_object('attempt', job.attempt, 'startedAt', job.started_at,
      'endedAt', now, 'server', job.server, 'state', outcome, 'error', new_error));
    update ${schema}.jobs set state = outcome,
      attempt = case when outcome = 'enqueued' then job.attempt - 1 else job.attempt end,
      attempts = case when jsonb_array_length(job.attempts) < 50 then job.attempts else job.attempts - 0 end || made,
      due_at = case when outcome = 'scheduled' then now + retry_delay else job.due_at end,
      ended_at = case when ${schema}.is_over(outcome) then now end,
      has_key = job.has_key and not ${schema}.is_over(outcome),
      result = case when outcome = 'succeeded' then new_result end,
      error = new_error, cancel_requested = false
      where seq = job.seq;
    if ${schema}.is_over(outcome) then
      queues := to_json(${schema}.release_children(job_id) || job.queue);
      return;
    end if;
    if job.key is not null and not job.has_key then
      perform ${schema}.get_key(job.seq);
    end if;
    perform ${schema}.wake(job.queue);
    queues := to_json(array[job.queue]);
  end $$`,

  // Settles several, each as if it were alone; in the order of their settlements.
  `create function ${schema}.settle_each(settlements json) returns table (outcome text, queues text)
    language plpgsql as $$
  declare
    it json;
  begin
    perform ${schema}.lock_jobs((select json_agg(one->>'id') from json_array_elements(settlements) as one));
    for it in select json_array_elements(settlements) loop
      return query select * from ${schema}.settle(it->>'id', (it->>'token')::integer, it->>'state', it->>'result',
        it->>'error', coalesce((it->>'delay')::double precision, 0));
    end loop;
  end $$`,

  `create function ${schema}.note(job_id text, hold_token integer, new_progress text, lines json)
    returns void language plpgsql as $$
  declare
    number bigint;
    last integer;
  begin
    update ${schema}.jobs set progress = coalesce(new_progress, progress)
      where id = job_id and token = hold_token and state = 'processing' returning seq into number;
    if not found or json_array_length(lines) = 0 then return; end if;
    select coalesce(max(line), 0) into last from ${schema}.log where job = number;
    insert into ${schema}.log select number, last + nr, (it->>'at')::double precision, it->>'text'
      from json_array_elements(lines) with ordinality as added(it, nr);
    delete from ${schema}.log where job = number and line <= last + json_array_length(lines) - 1000;
  end $$`,

  `create function ${schema}.cancel(ids json) returns table (id text) language plpgsql as $$
  declare
    job ${schema}.jobs;
  begin
    perform ${schema}.lock_jobs(ids);
    for id in select json_array_elements_text(ids) loop
      select * into job from ${schema}.jobs where jobs.id = cancel.id and not ${schema}.is_over(state) for update;
      continue when not found;
      if job.state = 'processing' then
        update ${schema}.jobs set cancel_requested = true where seq = job.seq;
      else
        update ${schema}.jobs set state = 'cancelled', ended_at = ${schema}.ms(), has_key = false
          where seq = job.seq;
        perform ${schema}.release_children(job.id);
      end if;
      perform ${schema}.wake(job.queue);
      return next;
    end loop;
  end $$`,

  `create function ${schema}.requeue(ids json) returns table (id text) language plpgsql as $$
  declare
    job ${schema}.jobs;
    over boolean;
  begin
    perform ${schema}.lock_jobs(ids);
    for id in select json_array_elements_text(ids) loop
      select * into job from ${schema}.jobs where jobs.id = requeue.id for update;
      over := ${schema}.is_over(job.state);
      continue when not found or not (over or job.state = 'scheduled' and job.due_at > ${schema}.ms());
      continue when job.key is not null and not job.has_key and not ${schema}.get_key(job.seq);
      update ${schema}.jobs set state = 'enqueued', attempt = case when over then 0 else job.attempt end,
        due_at = ${schema}.ms(), ended_at = null, result = null,
        error = case when not over then job.error end, progress = case when not over then job.progress end
        where seq = job.seq;
      perform ${schema}.wake(job.queue);
      return next;
    end loop;
  end $$`,

  `create function ${schema}.pause(queue_name text, is_paused boolean) returns void language plpgsql as $$ begin
    if is_paused then
      insert into ${schema}.paused values (queue_name) on conflict do nothing;
    else
      delete from ${schema}.paused where queue = queue_name;
    end if;
    perform ${schema}.wake(queue_name);
  end $$`,

  `create function ${schema}.fire(recurring_id text, seen_at double precision, following_at double precision,
    job json) returns text language plpgsql as $$
  declare
    it ${schema}.recurring;
    made text;
  begin
    select * into it from ${schema}.recurring where id = recurring_id and next_at = seen_at for update;
    if not found then return 'passed'; end if;
    if job is not null then
      if not it.overlap and exists (select 1 from ${schema}.jobs
          where id = it.last_job and not ${schema}.is_over(state)) then
        return 'busy';
      end if;
      select id into made from ${schema}.add_one(job);
      update ${schema}.recurring set last_at = ${schema}.ms(), last_job = made where id = recurring_id;
    end if;
    update ${schema}.recurring set next_at = following_at where id = recurring_id;
    return 'fired';
  end $$`,

  `create function ${schema}.trigger_recurring(recurring_id text, job json)
    returns table (id text, added boolean) language plpgsql as $$ begin
    perform 1 from ${schema}.recurring as it where it.id = recurring_id for update;
    if not found then return; end if;
    select made.id, made.added into id, added from ${schema}.add_one(job) as made;
    update ${schema}.recurring as it set last_at = ${schema}.ms(), last_job = trigger_recurring.id
      where it.id = recurring_id;
    return next;
  end $$`,

  `create function ${schema}.beat(server json, counts json) returns void language plpgsql as $$
  declare
    now double precision := ${schema}.ms();
  begin
    insert into ${schema}.servers (id, name, location, started_at, seen_at, queues, active)
      values (server->>'id', server->>'name', server->>'location', now, now,
        server->>'queues', (server->>'active')::integer)
      on conflict (id) do update set name = excluded.name, location = excluded.location,
        seen_at = excluded.seen_at, queues = excluded.queues, active = excluded.active;
    insert into ${schema}.minutes as stored
      select (it->>'minute')::double precision, it->>'queue', (it->>'succeeded')::double precision,
        (it->>'failed')::double precision, (it->>'started')::double precision,
        (it->>'waited')::double precision, (it->>'ran')::double precision
      from json_array_elements(counts) as it order by 1, 2
      on conflict (minute, queue) do update set succeeded = stored.succeeded + excluded.succeeded,
        failed = stored.failed + excluded.failed, started = stored.started + excluded.started,
        waited = stored.waited + excluded.waited, ran = stored.ran + excluded.ran;
    perform ${schema}.sum_counts();
  end $$`,

  // Makes few rows of many; whoever reads meanwhile sees the one or the other.
  `create function ${schema}.sum_counts() returns void language plpgsql as $$
  declare
    before integer;
  begin
    for turn in 1..20 loop
      with gone as (
        delete from ${schema}.counts where ctid = any (array(
          select ctid from ${schema}.counts limit 20000 for update skip locked)) returning *
      ), sums as (
        insert into ${schema}.counts select queue, state, sum(jobs) from gone
          group by queue, state having sum(jobs) <> 0
      ) select count(*) into before from gone;
      exit when before < 20000;
    end loop;
  end $$`,

  `create function ${schema}.purge(succeeded double precision, failed double precision,
    cancelled double precision, most integer) returns integer language plpgsql as $$
  declare
    now double precision := ${schema}.ms();
    total integer := 0;
    deleted integer;
    rule record;
  begin
    delete from ${schema}.minutes where minute < now - 86400000;
    delete from ${schema}.servers where seen_at < now - 3600000;
    for rule in values ('succeeded', succeeded), ('failed', failed), ('cancelled', cancelled) loop
      delete from ${schema}.jobs where seq in (
        select seq from ${schema}.jobs as job where state = rule.column1 and ended_at is not null
          and ended_at <= now - rule.column2
          and not exists (select 1 from ${schema}.children join ${schema}.jobs as waiting on waiting.id = child
            where parent = job.id and waiting.state = 'awaiting')
          order by ended_at limit most - total for update skip locked);
      get diagnostics deleted = row_count;
      total := total + deleted;
    end loop;
    return total;
  end $$`,
];
