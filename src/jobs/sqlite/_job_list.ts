import type { JobFilter, JobPage, JobState } from "../job_record.ts";
import { mostSearched } from "../_conventions.ts";
import type { Database, Given, SqliteRow } from "./_database.ts";
import { contains, isAscii, jobColumns, recordOf, searchedColumns } from "../_rows.ts";

/** How many jobs are looked at without giving the event loop its turn, and how many are read with their texts. */
const mostAtOnce = 1_000;
const mostTexts = 100;

/** A condition with its values. */
interface Condition {
  readonly sql: string;
  readonly values: readonly Given[];
}

/** Jobs that a filter leaves, newest first, of those that one look has passed. */
interface Look {
  readonly hits: readonly number[];
  /** Where the next one begins; `undefined` if nothing is left. */
  readonly before: number | undefined;
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
  let before = after === undefined ? Number.MAX_SAFE_INTEGER : Number(after);
  let left = wanted === undefined ? Infinity : mostSearched;
  while (found.length <= limit && left > 0) {
    const next = await look((db) => lookBelow(db, { filter, conditions, before }));
    const hits = next.hits.slice(0, left);
    left -= hits.length;
    for (let at = 0; at < hits.length && found.length <= limit; at += mostTexts) {
      const some = hits.slice(at, at + mostTexts);
      found.push(...await look((db) => rowsOf(db, some, wanted)));
    }
    if (next.before === undefined) break;
    before = next.before;
  }
  const jobs = found.slice(0, limit).map((it) => recordOf(it, now));
  return found.length > limit ? { jobs, next: `${found[limit - 1]?.["seq"]}` } : { jobs };
}

/** Looks at the next jobs: which are left by the filter is decided by the columns alone. */
function lookBelow(
  db: Database,
  { filter, conditions, before }: {
    readonly filter: JobFilter;
    readonly conditions: Condition;
    readonly before: number;
  },
): Look {
  const states = statesOf(filter);
  if (states.length === 0) return { hits: [], before: undefined };
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
      before,
      ...(state === undefined ? [] : [state]),
      ...(filter.recurring === undefined ? [] : [filter.recurring]),
    ]),
  );
  return {
    hits: seen.filter((it) => it["hit"]).map((it) => it["seq"] as number),
    before: seen.length < mostAtOnce ? undefined : seen.at(-1)?.["seq"] as number,
  };
}

/** Reads jobs, of which some text must contain what is wanted, if anything is. */
function rowsOf(
  db: Database,
  seqs: readonly number[],
  wanted: string | undefined,
): readonly SqliteRow[] {
  const sql =
    `select ${jobColumns} from runhost_jobs where seq in (select value from json_each(?))`;
  const list = JSON.stringify(seqs);
  if (wanted === undefined) return db.all(`${sql} order by seq desc`, list);
  // SQLite knows upper and lower case of ASCII alone.
  if (!isAscii(wanted)) {
    return db.all(`${sql} order by seq desc`, list).filter((it) => contains(it, wanted));
  }
  const hits = searchedColumns.map((column) => `instr(lower(${column}), ?2)`);
  return db.all(`${sql} and (${hits.join(" or ")}) order by seq desc`, list, wanted);
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
