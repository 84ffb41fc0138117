import type { JobFilter, JobPage, JobState } from "../job_record.ts";
import { mostSearched } from "../_conventions.ts";
import type { Database, Given, SqliteRow } from "./_database.ts";
import { contains, jobColumns, recordOf } from "../_rows.ts";

/** How many jobs are looked at without giving the event loop its turn, and how many whose texts are looked through. */
const mostAtOnce = 1_000;
const mostTexts = 100;

/** A condition with its values. */
interface Condition {
  readonly sql: string;
  readonly values: readonly Given[];
}

/** One look at the jobs that a filter leaves, newest first. */
interface Look {
  readonly rows: readonly SqliteRow[];
  /** Where the next one begins; `undefined` if nothing is left. */
  readonly before?: number | undefined;
}

/**
 * Gives a page of jobs. A filter may leave few of a million, so it looks at some at a time; `look` calls back outside
 * of all transactions, and lets others have their turn in between.
 */
export async function listJobs(
  { filter, limit, after, now }: {
    readonly filter: JobFilter;
    readonly limit: number;
    readonly after: string | undefined;
    readonly now: number;
  },
  look: <T>(at: (db: Database) => T) => Promise<T>,
): Promise<JobPage> {
  const wanted = filter.search?.toLowerCase();
  const conditions = conditionsOf(filter, now);
  const found: SqliteRow[] = [];
  let before = after === undefined ? Infinity : Number(after);
  let searched = 0;
  while (found.length <= limit && searched < mostSearched) {
    const most = wanted === undefined ? limit + 1 - found.length : mostTexts;
    const next: Look = await look((db) => lookBelow(db, { filter, conditions, before, most }));
    for (const row of next.rows) {
      if (wanted === undefined) found.push(row);
      else if (++searched <= mostSearched && contains(row, wanted)) found.push(row);
    }
    if (next.before === undefined) break;
    before = next.before;
  }
  const jobs = found.slice(0, limit).map((it) => recordOf(it, now));
  return found.length > limit ? { jobs, next: `${found[limit - 1]?.["seq"]}` } : { jobs };
}

/** Looks at the next jobs: which are left by the filter is decided by the columns alone, then those are read. */
function lookBelow(
  db: Database,
  { filter, conditions, before, most }: {
    readonly filter: JobFilter;
    readonly conditions: Condition;
    readonly before: number;
    readonly most: number;
  },
): Look {
  const states = statesOf(filter);
  if (states.length === 0) return { rows: [] };
  const below = Math.min(before, Number.MAX_SAFE_INTEGER);
  const recurring = filter.recurring === undefined ? "" : "and recurring = ?";
  const parts = states.map((state) =>
    `select * from (select seq, ${conditions.sql} as hit from runhost_jobs
      where seq < ? ${state === undefined ? "" : "and state = ?"} ${recurring}
      order by seq desc limit ${mostAtOnce})`
  );
  const seen = db.all(
    `${parts.join(" union all ")} order by seq desc limit ${mostAtOnce}`,
    ...states.flatMap((state) => [
      ...conditions.values,
      below,
      ...(state === undefined ? [] : [state]),
      ...(filter.recurring === undefined ? [] : [filter.recurring]),
    ]),
  );
  const hits = seen.filter((it) => it["hit"]).slice(0, most).map((it) => it["seq"] as number);
  const rows = db.all(
    `select ${jobColumns} from runhost_jobs where seq in (select value from json_each(?))
      order by seq desc`,
    JSON.stringify(hits),
  );
  if (hits.length === most) return { rows, before: hits.at(-1) };
  return seen.length < mostAtOnce ? { rows } : { rows, before: seen.at(-1)?.["seq"] as number };
}

/** The stored states that may be meant: what is due is stored as `scheduled`, and counts as `enqueued`. */
function statesOf({ state }: JobFilter): readonly (JobState | undefined)[] {
  if (state === undefined) return [undefined];
  const states = new Set([state].flat());
  if (states.has("enqueued")) states.add("scheduled");
  return [...states];
}

function conditionsOf({ state, queue, job, from, to }: JobFilter, now: number): Condition {
  const states = state === undefined ? undefined : [state].flat();
  const parts: Condition[] = [];
  if (states && states.includes("enqueued") !== states.includes("scheduled")) {
    const due = states.includes("enqueued") ? "<=" : ">";
    parts.push({ sql: `(state <> 'scheduled' or due_at ${due} ?)`, values: [now] });
  }
  if (queue !== undefined) parts.push({ sql: "queue = ?", values: [queue] });
  if (job !== undefined) parts.push({ sql: "name = ?", values: [job] });
  if (from !== undefined) parts.push({ sql: "created_at >= ?", values: [from] });
  if (to !== undefined) parts.push({ sql: "created_at < ?", values: [to] });
  return {
    sql: parts.map((it) => it.sql).join(" and ") || "1",
    values: parts.flatMap((it) => it.values),
  };
}
