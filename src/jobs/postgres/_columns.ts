/** The columns of a job as drivers agree on them: numbers that are no texts, JSON that is one. */
export const jobColumns =
  `seq::double precision as seq, id, name, queue, priority, state, input, headers, created_at, due_at, started_at,
  ended_at, attempt, attempts::text as attempts, token, cancel_requested, key, key_until, parents, parents_on,
  recurring, server, progress, result, error`;
